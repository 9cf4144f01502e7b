import type { Look } from '../worker/request.ts'

/** The state as one sentence, with a mark for those who look rather than read. */
export function StateLine({ look }: { readonly look: Look }) {
  const isOn = look.state.state === 'recording' && look.state.app !== null
  return (
    <div class="state" role="status">
      <span class={isOn ? 'dot on' : 'dot'} aria-hidden="true" />
      <p>{look.sentence}</p>
    </div>
  )
}
