import { useState } from 'preact/hooks'
import type { ReviewRecording } from '../worker/request.ts'
import { ask } from './ask.ts'
import { useAsked, useDoing } from './use-asked.ts'

export function Review() {
  const { value: recordings, fault, again } = useAsked(() => ask({ ask: 'review' }))
  return (
    <main>
      <h1>What would leave</h1>
      <p class="quiet">
        This is all of it: what isn’t here does not leave. Delete what you want, as much as you want; nobody is told.
      </p>
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {recordings?.length === 0 && <p>Nothing waits.</p>}
      {recordings?.map((recording) => (
        <Recording key={recording.id} recording={recording} again={again} />
      ))}
      {recordings?.some(({ state }) => state === 'released') && <Send again={again} />}
    </main>
  )
}

function Recording({ recording, again }: { readonly recording: ReviewRecording; readonly again: () => Promise<void> }) {
  const { id, state, sentences, drawing, startedAtMs, heldUntilMs } = recording
  const { isDoing, fault, act } = useDoing()
  const title = `Recording of ${new Date(startedAtMs).toLocaleString()}`
  return (
    <article aria-label={title}>
      <h2>{title}</h2>
      <p class="quiet">{stateText(state, heldUntilMs)}</p>
      <img
        src={`data:image/svg+xml,${encodeURIComponent(drawing)}`}
        alt="Where in the window things happened, numbered in order"
      />
      <ol class="sentences">
        {sentences.map((sentence, i) => (
          <li key={`${i} ${sentence}`}>
            <div>
              <span>{sentence}</span>
              {state === 'held' && (
                <button
                  type="button"
                  class="small"
                  disabled={isDoing}
                  aria-label={`Delete step ${i + 1}: ${sentence}`}
                  onClick={() => act(() => ask({ ask: 'delete-part', recording: id, from: i, to: i + 1 }).then(again))}
                >
                  Delete
                </button>
              )}
            </div>
          </li>
        ))}
      </ol>
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <div class="actions">
        {state === 'held' && (
          <button
            type="button"
            disabled={isDoing}
            onClick={() => act(() => ask({ ask: 'release', recording: id }).then(again))}
          >
            Let it go now
          </button>
        )}
        <button
          type="button"
          class="grave"
          disabled={isDoing}
          onClick={() => act(() => ask({ ask: 'delete', recording: id }).then(again))}
        >
          Delete all of it
        </button>
      </div>
    </article>
  )
}

function Send({ again }: { readonly again: () => Promise<void> }) {
  const { isDoing, fault, act } = useDoing()
  const [said, setSaid] = useState<string | null>(null)
  const send = () =>
    act(async () => {
      const { uploaded, stopped } = await ask({ ask: 'send' })
      setSaid(stopped === null ? `${uploaded} sent, sealed.` : `It waits here: ${stopped}.`)
      await again()
    })
  return (
    <>
      <p>What you let go leaves by itself once a day, at a random time.</p>
      <div class="actions">
        <button type="button" disabled={isDoing} onClick={send}>
          Send it now
        </button>
      </div>
      <p role="status">{fault ?? said}</p>
    </>
  )
}

function stateText(state: ReviewRecording['state'], heldUntilMs: number | null): string {
  if (state === 'open' || heldUntilMs === null) return 'It is still growing. Pause to look at it whole.'
  if (state === 'released') return 'You let it go. It leaves with the next upload.'
  return `It stays here until ${new Date(heldUntilMs).toLocaleString()}, unless you let it go or delete it.`
}
