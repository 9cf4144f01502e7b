import type { Category } from '@fairtrace/core'
import { useState } from 'preact/hooks'
import type { Terms } from '../worker/request.ts'
import { ask, requestAccess } from './ask.ts'
import { useAsked, useDoing } from './use-asked.ts'

const CATEGORIES: Readonly<Record<Category, readonly [string, string]>> = {
  pointer: ['What you click, drag and scroll', 'The kind of element, its place, and its name if it is a known label.'],
  keyboard: [
    'That you typed, and shortcuts',
    'Whether it was a word, a number or a date, and about how long. Never what.',
  ],
  switches: ['Going from one site to another', 'Only between sites that you chose.'],
}

export function Choices({ onDone, task }: { readonly onDone: () => Promise<void>; readonly task: string | null }) {
  const { value: terms, fault, again } = useAsked(() => ask({ ask: 'terms' }))
  if (fault !== null) {
    return (
      <p class="fault" role="alert">
        {fault}
      </p>
    )
  }
  if (terms === null) return <p class="quiet">Asking the portal…</p>
  const done = async () => {
    await again()
    await onDone()
  }
  const isReflecting = terms.reflectionEndsAtMs !== null && Date.now() < terms.reflectionEndsAtMs
  return (
    <>
      <h2>{terms.title}</h2>
      <p>{terms.purpose}</p>
      <p class="notice">{terms.notice.text}</p>
      {isReflecting ? (
        <p>
          You can choose from {new Date(terms.reflectionEndsAtMs ?? 0).toLocaleString()} on. Until then, take your time;
          you need to do nothing.
        </p>
      ) : (
        <Choose terms={terms} onDone={done} />
      )}
      {terms.chosen !== null && <Task terms={terms} task={task} onDone={done} />}
    </>
  )
}

function Choose({ terms, onDone }: { readonly terms: Terms; readonly onDone: () => Promise<void> }) {
  const [categories, setCategories] = useState<ReadonlySet<string>>(new Set(terms.chosen?.categories))
  const [apps, setApps] = useState<ReadonlySet<string>>(new Set(terms.chosen?.apps))
  const { isDoing, fault, act } = useDoing()
  const agree = () =>
    act(async () => {
      const hosts = [...apps, ...terms.servers.map((url) => `web:${new URL(url).origin}`)]
        .filter((app) => app.startsWith('web:'))
        .map((app) => new URL(app.slice('web:'.length)))
      if (!(await requestAccess([...new Set(hosts.map(({ protocol, hostname }) => `${protocol}//${hostname}/*`))]))) {
        throw new Error('The browser was not allowed to show the chosen sites to Fairtrace, so nothing changed.')
      }
      await ask({
        ask: 'consent',
        noticeVersion: terms.notice.version,
        categories: terms.categories.filter((category) => categories.has(category)),
        apps: [...apps],
      })
      await onDone()
    })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        void agree()
      }}
    >
      <fieldset>
        <legend>What may be recorded</legend>
        {terms.categories.map((category) => (
          <Choice
            key={category}
            title={CATEGORIES[category][0]}
            detail={CATEGORIES[category][1]}
            isOn={categories.has(category)}
            onChange={(isOn) => setCategories(changed(categories, category, isOn))}
          />
        ))}
      </fieldset>
      <fieldset>
        <legend>On which sites</legend>
        {terms.apps.map(({ id, title }) => (
          <Choice
            key={id}
            title={title}
            detail={id.slice('web:'.length)}
            isOn={apps.has(id)}
            onChange={(isOn) => setApps(changed(apps, id, isOn))}
          />
        ))}
        {terms.otherApps > 0 && (
          <p class="quiet">Programs outside the browser are chosen in Fairtrace’s program for the desktop.</p>
        )}
      </fieldset>
      <p class="quiet">
        Nothing leaves before you had {hoursText(terms.reviewMs)} to look at it. You can pause or withdraw at any time;
        nobody learns whether you take part.
      </p>
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <button type="submit" class="main" disabled={isDoing || categories.size === 0 || apps.size === 0}>
        {terms.chosen === null ? 'Agree to this' : 'Change my choice'}
      </button>
    </form>
  )
}

interface ChoiceProps {
  readonly title: string
  readonly detail: string
  readonly isOn: boolean
  readonly onChange: (isOn: boolean) => void
}

function Choice({ title, detail, isOn, onChange }: ChoiceProps) {
  return (
    <label class="choice">
      <input type="checkbox" checked={isOn} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>
        {title}
        <span>{detail}</span>
      </span>
    </label>
  )
}

function Task({
  terms,
  task,
  onDone,
}: {
  readonly terms: Terms
  readonly task: string | null
  readonly onDone: () => Promise<void>
}) {
  const { isDoing, fault, act } = useDoing()
  const choose = (chosen: string | null) =>
    act(async () => {
      await ask({ ask: 'choose-task', task: chosen })
      await onDone()
    })
  const finish = (outcome: 'done' | 'not-done') =>
    act(async () => {
      await ask({ ask: 'finish-task', outcome })
      await onDone()
    })
  return (
    <section>
      <h2>Show a task</h2>
      <label class="field">
        What you are going to do
        <select
          value={task ?? ''}
          disabled={isDoing}
          onChange={(event) => void choose(event.currentTarget.value || null)}
        >
          <option value="">Nothing in particular</option>
          {terms.tasks.map(({ id, instruction }) => (
            <option key={id} value={id}>
              {instruction}
            </option>
          ))}
        </select>
      </label>
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {task !== null && (
        <div class="actions">
          <button type="button" disabled={isDoing} onClick={() => void finish('done')}>
            It is done
          </button>
          <button type="button" disabled={isDoing} onClick={() => void finish('not-done')}>
            It didn’t work out
          </button>
        </div>
      )}
    </section>
  )
}

function changed(set: ReadonlySet<string>, value: string, isOn: boolean): ReadonlySet<string> {
  const next = new Set(set)
  if (isOn) next.add(value)
  else next.delete(value)
  return next
}

function hoursText(ms: number): string {
  const hours = Math.round(ms / 3_600_000)
  return hours % 24 === 0 ? (hours === 24 ? 'a day' : `${hours / 24} days`) : `${hours} hours`
}
