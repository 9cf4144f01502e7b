import { useState } from 'preact/hooks'
import { ask } from './ask.ts'
import { useDoing } from './use-asked.ts'

/** As easy as joining: two clicks, because what waits is deleted. */
export function Withdraw({ onDone }: { readonly onDone: () => Promise<void> }) {
  const [isAsking, setAsking] = useState(false)
  const { isDoing, fault, act } = useDoing()
  if (!isAsking) {
    return (
      <button type="button" class="grave" onClick={() => setAsking(true)}>
        Withdraw
      </button>
    )
  }
  return (
    <section aria-label="Withdraw">
      <p>Withdraw? Recording ends, what waits here is deleted, and the keys of what was sent are destroyed.</p>
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <div class="actions">
        <button
          type="button"
          class="grave"
          disabled={isDoing}
          onClick={() =>
            act(async () => {
              await ask({ ask: 'withdraw' })
              setAsking(false)
              await onDone()
            })
          }
        >
          Yes, withdraw
        </button>
        <button type="button" onClick={() => setAsking(false)}>
          Keep taking part
        </button>
      </div>
    </section>
  )
}
