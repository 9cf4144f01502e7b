/** Simulated people at work, as three see it: the one who did it, somebody without a shield, and the device that has one. */
import { type Action, createShield, type ShieldSettings } from '@fairtrace/core'
import {
  CONTENT_WORDS,
  createParticipant,
  type Performed,
  SIMULATED_TASKS,
  simulatedShieldSettings,
} from '@fairtrace/testing/simulator'

export interface RecordedSession {
  readonly person: number
  readonly recording: number
  readonly done: readonly Performed[]
  /** The same actions with every label as it stands on the screen. */
  readonly exact: readonly Action[]
  readonly shielded: readonly Action[]
}

export interface Office {
  readonly people: number
  readonly sessionsEach: number
  readonly actionsAbout: number
}

const FIRST_DAY_MS = Date.UTC(2026, 0, 5, 9)
const DAY_MS = 86_400_000
const SEED = 41
/** More than any window shows. */
const ROWS = 2_000

export function* recordedOffice({ people, sessionsEach, actionsAbout }: Office): Generator<RecordedSession> {
  const shielding = simulatedShieldSettings()
  const exactly = withEveryLabel(shielding)
  for (let person = 0; person < people; person++) {
    const participant = createParticipant(SEED, person)
    for (let i = 0; i < sessionsEach; i++) {
      // Half of the sessions are tasks, half what people do between them.
      const task = i % 2 === 0 ? (SIMULATED_TASKS[(person + i) % SIMULATED_TASKS.length]?.id ?? null) : null
      const done: Performed[] = []
      const [exact, shielded]: [Action[], Action[]] = [[], []]
      const [open, shield] = [createShield(exactly), createShield(shielding)]
      const session = participant.session(task, FIRST_DAY_MS + i * DAY_MS, {
        actionsAbout,
        motion: false,
        witness: (one) => done.push(one),
      })
      for (const event of session) {
        open.push(event, exact)
        shield.push(event, shielded)
      }
      open.end(exact)
      shield.end(shielded)
      yield { person, recording: person * sessionsEach + i, done, exact, shielded }
    }
  }
}

function withEveryLabel(settings: ShieldSettings): ShieldSettings {
  const content = Array.from({ length: ROWS }, (_, i) => `${CONTENT_WORDS[i % CONTENT_WORDS.length]} ${100 + i}`)
  return {
    ...settings,
    labels: new Map([...settings.labels].map(([app, own]) => [app, new Set([...own, ...content])])),
  }
}
