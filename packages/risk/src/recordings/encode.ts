/** Recordings → the units that attackers see, protected as asked; every way to write the same information is one encoding. */
import { type Action, createShield, defaultShieldSettings, type InputEvent, type Shield } from '@fairtrace/core'
import type { Encoding } from '../assess.ts'
import type { Sample } from '../attacker.ts'
import { hashText, Random } from '../random.ts'
import { actionFeatures, actionToken, kindToken } from './action-features.ts'
import { capUnits, type Unit } from './cap-units.ts'
import { appOfCommand, COMMAND_APPS } from './command-apps.ts'
import { keyColumns, keySample } from './key-features.ts'
import { mouseSamples, UNIT_PRESSES } from './mouse-features.ts'
import { controlKeys, controlMouse, type Protection } from './protection.ts'
import { type CommandHistory, commandHistories, keySessions, mouseSessions, type RawSession } from './rows.ts'
import { inWindow, LARGEST, type Window, windowsOf } from './windows.ts'

/** The events of the file as a device replays them, each with its line. Handed in, because risk knows no device. */
export type ReplayEvents = (onEvent: (event: InputEvent, line: number) => void) => Promise<void>

export interface Encoded {
  readonly people: number
  readonly encodings: readonly Encoding[]
  /** Share of the units that the protection lets out. */
  readonly kept: number
}

export interface EncodeOptions {
  readonly seed: number
  readonly peopleMax: number
  readonly replay: ReplayEvents
}

export async function encodeKeystrokes(text: string, protection: Protection, options: EncodeOptions): Promise<Encoded> {
  const sessions = keySessions(text, options.peopleMax)
  if (protection.is === 'shield') return encodeShielded(sessions, protection, options, (actions) => [actions])
  const random = new Random(options.seed, 'control')
  const seen =
    protection.is === 'control' ? sessions.map((one) => controlKeys(one, protection.control, random)) : sessions
  const columns = keyColumns(seen)
  return whole(seen.map((session) => keySample(session, columns)))
}

export async function encodeMouse(text: string, protection: Protection, options: EncodeOptions): Promise<Encoded> {
  const sessions = mouseSessions(text, options.peopleMax)
  if (protection.is === 'shield') {
    return encodeShielded(sessions, protection, options, (actions) => chunks(actions, UNIT_PRESSES))
  }
  const random = new Random(options.seed, 'control')
  const seen =
    protection.is === 'control' ? sessions.map((one) => controlMouse(one, protection.control, random)) : sessions
  return whole(seen.flatMap(mouseSamples))
}

/** Commands of one unit where nothing protects them. */
const COMMANDS_PER_UNIT = 10
/** Recordings into which a history is cut, in order: a person's days stand together. */
const COMMAND_GROUPS = 20
/** As the examples of charters have it. */
export const UNIT_CAP = { shareMax: 0.16, typeActions: 3, k: 5 } as const

export function encodeCommands(text: string, protection: Protection, options: EncodeOptions): Encoded {
  const histories = commandHistories(text, options.peopleMax)
  const people = histories.length
  if (protection.is !== 'shield') {
    const samples = histories.flatMap(({ person, commands }) =>
      groups(commands).flatMap((own, group) =>
        chunks(own, COMMANDS_PER_UNIT).map((unit) => tokenSample(person, group, unit.map(hashText))),
      ),
    )
    return { people, encodings: [{ name: 'commands', samples }], kept: 1 }
  }
  const segments = histories.flatMap((history) => shieldedSegments(history))
  const kept = capUnits(segments, protection.cap, UNIT_CAP, new Random(options.seed, 'cap'))
  const samples = kept.map(({ person, group, actions }) =>
    tokenSample(person, group, actions.map(actionToken), actionFeatures(actions)),
  )
  return { people, encodings: [{ name: 'app switches', samples }], kept: kept.length / segments.length }
}

/** Runs of app switches, as the shield makes them of a person who goes from command to command. */
function shieldedSegments({ person, commands }: CommandHistory): Unit[] {
  return groups(commands).flatMap((own, group) => {
    const shield = createShield(defaultShieldSettings(COMMAND_APPS))
    const actions: Action[] = []
    for (const command of own) {
      const app = appOfCommand(command)
      if (app !== null) shield.push({ kind: 'focus', atMs: 0, app, field: 'none' }, actions)
    }
    shield.end(actions)
    return chunks(actions, UNIT_CAP.typeActions).map((unit) => ({ person, group, actions: unit }))
  })
}

function groups(commands: readonly string[]): string[][] {
  return chunks(commands, Math.floor(commands.length / COMMAND_GROUPS)).slice(0, COMMAND_GROUPS)
}

/** Features of tokens alone: how often each stands there, by hash. */
const TOKEN_COLUMNS = 64

function tokenSample(person: number, group: number, tokens: readonly number[], features?: Float64Array): Sample {
  const counts = new Float64Array(TOKEN_COLUMNS)
  for (const token of tokens) counts[token % TOKEN_COLUMNS] = (counts[token % TOKEN_COLUMNS] ?? 0) + 1
  return { person, group, features: features ?? counts, tokens: Int32Array.from(tokens) }
}

/** The replayed events of each session through a shield of its own, then cut into units. */
async function encodeShielded(
  sessions: readonly RawSession<string>[],
  protection: Extract<Protection, { is: 'shield' }>,
  { replay, seed }: EncodeOptions,
  cut: (actions: readonly Action[]) => readonly (readonly Action[])[],
): Promise<Encoded> {
  const owners = new Map<number, number>()
  for (const [i, { lines }] of sessions.entries()) for (const line of lines) owners.set(line, i)
  const settings = {
    ...defaultShieldSettings([REPLAY_APP]),
    pointer: protection.pointer,
    keyboard: protection.keyboard,
  }
  const windows = windowsOf(sessions)
  const shields = sessions.map((session): { shield: Shield; actions: Action[]; window: Window } => ({
    shield: createShield(settings),
    actions: [],
    window: windows.get(session.person) ?? LARGEST,
  }))
  await replay((event, line) => {
    const own = shields[owners.get(line) ?? -1]
    // A gap stands between two sessions and belongs to neither.
    if (own !== undefined && event.kind !== 'gap') own.shield.push(inWindow(event, own.window), own.actions)
  })
  const all = sessions.flatMap(({ person, group }, i): Unit[] => {
    const own = shields[i]
    own?.shield.end(own.actions)
    // A switch is no step of a release: the segment's app says where it led.
    const steps = (own?.actions ?? []).filter(({ kind }) => kind !== 'switch')
    return cut(steps).flatMap((actions) => (actions.length > 0 ? [{ person, group, actions }] : []))
  })
  const units = capUnits(all, protection.cap, UNIT_CAP, new Random(seed, 'cap'))
  const encoding = (name: string, tokens: (actions: readonly Action[]) => number[]): Encoding => ({
    name,
    samples: units.map(({ person, group, actions }) => ({
      person,
      group,
      features: actionFeatures(actions),
      tokens: Int32Array.from(tokens(actions)),
    })),
  })
  const kinds = encoding('kinds in order', (actions) => actions.map(kindToken))
  return {
    people: peopleOf(sessions),
    kept: units.length / all.length,
    encodings: [
      encoding('actions', (actions) => actions.map(actionToken)),
      { ...kinds, samples: kinds.samples.map((sample) => ({ ...sample, features: kindCounts(sample.tokens) })) },
    ],
  }
}

/** The app in which recordings that know none are replayed. */
export const REPLAY_APP = 'desktop:recording'

function kindCounts(tokens: Int32Array): Float64Array {
  const counts = new Float64Array(8)
  for (const token of tokens) counts[token] = (counts[token] ?? 0) + 1
  return counts
}

function whole(samples: readonly Sample[]): Encoded {
  return { people: peopleOf(samples), encodings: [{ name: 'raw', samples }], kept: 1 }
}

function peopleOf(list: readonly { readonly person: number }[]): number {
  return new Set(list.map(({ person }) => person)).size
}

/** Pieces of `size`; what is left over at the end is none. */
function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.floor(items.length / Math.max(1, size)) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  )
}
