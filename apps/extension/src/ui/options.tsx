import { useState } from 'preact/hooks'
import { ask, requestAccess } from './ask.ts'
import { Choices } from './choices.tsx'
import { StateLine } from './state-line.tsx'
import { useAsked, useDoing } from './use-asked.ts'
import { Withdraw } from './withdraw.tsx'

export function Options() {
  const { value: look, fault, again } = useAsked(() => ask({ ask: 'look' }), 2_000)
  return (
    <main>
      <h1>Taking part</h1>
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {look !== null && (
        <>
          <StateLine look={look} />
          {look.state.state === 'not-joined' ? <Join onDone={again} /> : <Choices onDone={again} task={look.task} />}
          {look.apps.length > 0 && (
            <>
              <h2>Stop taking part</h2>
              <Withdraw onDone={again} />
            </>
          )}
        </>
      )}
    </main>
  )
}

function Join({ onDone }: { readonly onDone: () => Promise<void> }) {
  const [serverUrl, setServerUrl] = useState('')
  const [code, setCode] = useState('')
  const { isDoing, fault, act } = useDoing()
  const join = () =>
    act(async () => {
      if (!URL.canParse(serverUrl)) throw new Error('Give the address of the portal as in your invitation.')
      const { origin, protocol, hostname } = new URL(serverUrl)
      if (!(await requestAccess([`${protocol}//${hostname}/*`]))) {
        throw new Error('Without access to the portal the extension can not ask it anything. Try again and allow it.')
      }
      await ask({ ask: 'join', serverUrl: origin, code: code.trim() })
      await onDone()
    })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        void join()
      }}
    >
      <p>Joining records nothing. First you read the notice, and you have time to think.</p>
      <label class="field">
        Address of the portal
        <input
          type="url"
          required
          placeholder="https://fairtrace.example"
          value={serverUrl}
          onInput={(event) => setServerUrl(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        Invitation code
        <input
          required
          autocomplete="off"
          spellcheck={false}
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
      </label>
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <button type="submit" class="main" disabled={isDoing}>
        Join
      </button>
    </form>
  )
}
