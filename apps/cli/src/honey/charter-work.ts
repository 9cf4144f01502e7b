/**
 * Work that a charter lets out, whatever its apps are: the simulated office, put into the charter's own apps and catalogues.
 *
 * A simulated app that the charter doesn't list becomes one of those that it does, a label becomes one of that app's. What becomes of
 * it then is for the charter's own shield to say, as for everybody.
 */
import { createHash } from 'node:crypto'
import { type Action, type Charter, createShield, type InputEvent, shieldSettings } from '@fairtrace/core'
import { createParticipant, SIMULATED_APPS } from '@fairtrace/testing/simulator'

type Event = InputEvent
type Seen = NonNullable<Extract<InputEvent, { kind: 'rest' }>['place']>

const SESSION_ACTIONS = 200
const SESSIONS_MAX = 200
const FIRST_DAY_MS = Date.UTC(2026, 0, 5, 9)
const DAY_MS = 86_400_000

/** The same events, in the charter's apps. */
export function* eventsIn(charter: Charter, events: Iterable<Event>): Generator<Event> {
  const { apps } = charter.capture
  const listed = new Map(apps.map(({ id, labels }) => [id, labels]))
  const appFor = new Map(
    SIMULATED_APPS.map(({ id }, i) => [id, listed.has(id) ? id : (apps[i % apps.length]?.id ?? id)]),
  )
  let labels: readonly string[] = []
  for (const event of events) {
    if (event.kind === 'focus') {
      const app = appFor.get(event.app) ?? event.app
      labels = listed.get(app) ?? []
      yield { ...event, app }
    } else if ('place' in event) yield { ...event, place: labelled(event.place, labels) }
    else yield event
  }
}

/**
 * About `count` actions of ordinary work, the first a `switch` where switches may leave.
 * @returns fewer, or none, where the charter lets hardly anything out
 */
export function actionsIn(charter: Charter, seed: number, count: number): readonly Action[] {
  const settings = shieldSettings(charter)
  const { categories } = charter.capture
  const actions: Action[] = []
  for (let index = 0; actions.length < count && index < SESSIONS_MAX; index++) {
    const shield = createShield(settings)
    const out: Action[] = []
    const session = createParticipant(seed, index).session(null, FIRST_DAY_MS + (index % 365) * DAY_MS, {
      actionsAbout: SESSION_ACTIONS,
      motion: false,
    })
    for (const event of eventsIn(charter, session)) {
      if (event.kind === 'focus' || event.kind === 'gap') shield.push(event, out)
      else if (categories.includes(event.kind === 'key' ? 'keyboard' : 'pointer')) shield.push(event, out)
    }
    shield.end(out)
    actions.push(...out)
  }
  return actions.slice(0, count)
}

/** People's content stays what it is: it is in no catalogue. Interface text becomes text of this interface, always the same. */
function labelled(place: Seen, labels: readonly string[]): Seen {
  const { target } = place
  if (target?.label === undefined || labels.length === 0 || labels.includes(target.label)) return place
  if (!OFFICE_LABELS.has(target.label)) return place
  const number = createHash('sha256').update(target.label).digest().readUInt32LE(0)
  return { ...place, target: { ...target, label: labels[number % labels.length] ?? target.label } }
}

const OFFICE_LABELS: ReadonlySet<string> = new Set(SIMULATED_APPS.flatMap(({ labels }) => labels))
