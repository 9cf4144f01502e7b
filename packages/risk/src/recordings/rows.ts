/**
 * Recordings as their rows stand in the file, raw: what an attacker has who sees unprotected input.
 *
 * Rows are held by column in typed arrays; they stay in memory and are never written or printed.
 */
import { FairtraceError } from '@fairtrace/core'
import { parse } from 'csv-parse/sync'

export const RECORDING_FORMATS = ['sapimouse', 'keystrokes', 'commands'] as const
export type RecordingFormat = (typeof RECORDING_FORMATS)[number]

/** One person's session or section. `columns` are named as in the file. */
export interface RawSession<Column extends string> {
  readonly person: number
  readonly group: number
  /** Line of the file (from 1) of each row, so that the events of a replay find their owner. */
  readonly lines: Int32Array
  readonly columns: Readonly<Record<Column, Float64Array>>
}

export type MouseSession = RawSession<'t' | 'button' | 'state' | 'x' | 'y'>
export type KeySession = RawSession<'code' | 'press' | 'release'>

const STATES = ['Move', 'Drag', 'Pressed', 'Released']
const MOUSE_BUTTONS = ['N', 'L', 'R', 'M']

export function mouseSessions(text: string, peopleMax: number): MouseSession[] {
  return sessionsOf(text, ['user', 'session', 't_ms', 'button', 'state', 'x', 'y'], peopleMax, (cells) => ({
    t: Number(cells[2]),
    button: MOUSE_BUTTONS.indexOf(cells[3] ?? ''),
    state: STATES.indexOf(cells[4] ?? ''),
    x: Number(cells[5]),
    y: Number(cells[6]),
  }))
}

export function keySessions(text: string, peopleMax: number): KeySession[] {
  return sessionsOf(text, ['user', 'section', 'keycode', 'press_ms', 'release_ms'], peopleMax, (cells) => ({
    code: Number(cells[2]),
    press: Number(cells[3]),
    release: Number(cells[4]),
  }))
}

/** A person's commands in order: `user`, `n`, `command`, parted by tabs, without a header. */
export interface CommandHistory {
  readonly person: number
  readonly commands: readonly string[]
}

export function commandHistories(text: string, peopleMax: number): CommandHistory[] {
  const rows = parseRows(text, '\t')
  const byPerson = Map.groupBy(
    rows.filter(({ length }) => length >= 3),
    (cells) => cells[0] ?? '',
  )
  return [...byPerson.values()].slice(0, peopleMax).map((own, person) => ({
    person,
    commands: own.map((cells) => cells[2] ?? ''),
  }))
}

function sessionsOf<Column extends string>(
  text: string,
  header: readonly string[],
  peopleMax: number,
  read: (cells: readonly string[]) => Record<Column, number>,
): RawSession<Column>[] {
  const rows = parseRows(text, ',')
  const names = rows[0]?.join(',')
  if (names !== header.join(',')) throw unreadable(`the columns aren't ${header.join(', ')}`)
  const people = new Map<string, number>()
  const sessions = new Map<string, { person: number; rows: { line: number; values: Record<Column, number> }[] }>()
  for (const [i, cells] of rows.entries()) {
    if (i === 0) continue
    const [user = '', part = ''] = cells
    if (!people.has(user)) {
      if (people.size === peopleMax) continue
      people.set(user, people.size)
    }
    const key = `${user}\n${part}`
    const session = sessions.get(key) ?? { person: people.get(user) ?? 0, rows: [] }
    sessions.set(key, session)
    const values = read(cells)
    if (Object.values<number>(values).every(Number.isFinite)) session.rows.push({ line: i + 1, values })
  }
  return [...sessions.values()].map(({ person, rows: own }, group) => ({
    person,
    group,
    lines: Int32Array.from(own, ({ line }) => line),
    columns: columnsOf(own.map(({ values }) => values)),
  }))
}

function columnsOf<Column extends string>(rows: readonly Record<Column, number>[]): Record<Column, Float64Array> {
  const names = Object.keys(rows[0] ?? {}) as Column[]
  return Object.fromEntries(names.map((name) => [name, Float64Array.from(rows, (row) => row[name])])) as Record<
    Column,
    Float64Array
  >
}

function parseRows(text: string, delimiter: string): string[][] {
  try {
    return parse(text, { delimiter, quote: null, relaxColumnCount: true, skipEmptyLines: false })
  } catch (cause) {
    throw unreadable('it is no table', cause)
  }
}

function unreadable(why: string, cause?: unknown): FairtraceError {
  return new FairtraceError('INPUT_UNREADABLE', `the recordings can't be read: ${why}`, { cause })
}
