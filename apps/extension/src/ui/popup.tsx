import { browser } from 'wxt/browser'
import type { Look } from '../worker/request.ts'
import { ask } from './ask.ts'
import { StateLine } from './state-line.tsx'
import { useAsked, useDoing } from './use-asked.ts'
import { Withdraw } from './withdraw.tsx'

const OPTIONS = 'options.html'
const REVIEW = 'review.html'

export function Popup() {
  const { value: look, fault, again } = useAsked(() => ask({ ask: 'look' }), 1_000)
  return (
    <main>
      <h1>Fairtrace</h1>
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {look !== null && <Ready look={look} again={again} />}
    </main>
  )
}

function Ready({ look, again }: { readonly look: Look; readonly again: () => Promise<void> }) {
  const { isDoing, fault, act } = useDoing()
  const { state } = look.state
  const isMember = state !== 'not-joined'
  const hasChosen = isMember && state !== 'reflecting' && state !== 'asked' && state !== 'no-consent'
  return (
    <>
      <StateLine look={look} />
      {look.alerts.map(({ worksFromMs }) => (
        <p class="fault" role="alert" key={worksFromMs}>
          A passkey was added to your account that none of yours vouched for. It works from{' '}
          {new Date(worksFromMs).toLocaleString()}. If it isn’t yours, remove it in the portal before then.
        </p>
      ))}
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <div class="actions">
        {hasChosen && state !== 'paused' && (
          <button
            type="button"
            class="main"
            disabled={isDoing}
            onClick={() => act(() => ask({ ask: 'pause' }).then(again))}
          >
            Pause
          </button>
        )}
        {state === 'paused' && (
          <button
            type="button"
            class="main"
            disabled={isDoing}
            onClick={() => act(() => ask({ ask: 'resume' }).then(again))}
          >
            Resume
          </button>
        )}
        {isMember && (
          <button type="button" onClick={() => openPage(REVIEW)}>
            Look at what would leave
          </button>
        )}
        <button type="button" onClick={() => openPage(OPTIONS)}>
          {isMember ? 'Choices' : 'Join with an invitation'}
        </button>
      </div>
      {isMember && <p class="quiet">{waitingText(look)}</p>}
      {hasChosen && <Withdraw onDone={again} />}
    </>
  )
}

function waitingText({ waiting, apps }: Look): string {
  const sites = apps.length === 1 ? '1 site' : `${apps.length} sites`
  if (waiting.recordings === 0) return `Chosen: ${sites}. Nothing waits to leave.`
  const actions = waiting.actions === 1 ? '1 action' : `${waiting.actions} actions`
  return `Chosen: ${sites}. ${actions} wait here for your review.`
}

function openPage(file: string): void {
  void browser.tabs.create({ url: browser.runtime.getURL(`/${file}` as '/popup.html') }).then(() => window.close())
}
