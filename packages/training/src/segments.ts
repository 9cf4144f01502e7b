/** A release's segments as the trainer wants them: sequences of tokens, read from the release's table, CSV or Parquet. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ReleasedAction, type ReleasedSegment, type ReleaseRow, readSegments } from '@fairtrace/core'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'

/** One action, as coarse as it has to be learnt: what was done, and to what kind of thing. */
export interface Sequence {
  readonly app: string
  readonly tokens: readonly number[]
}

export interface Corpus {
  readonly sequences: readonly Sequence[]
  /** Token 0 stands for whatever is rarer than the others. */
  readonly vocabulary: readonly string[]
}

const VOCABULARY_MAX = 96
/** Shorter ones have nothing to predict. */
const ACTIONS_MIN = 2

/** @throws `RELEASE_SHARD_MISMATCH`; RangeError if no table is there */
export async function readRelease(folder: string): Promise<ReleasedSegment[]> {
  const segments: ReleasedSegment[] = []
  const files = tablesIn(folder)
  if (files.length === 0) throw new RangeError('the release holds no table that the trainer reads')
  for (const file of files) for await (const segment of readSegments(await rowsOf(file))) segments.push(segment)
  return segments
}

/** @param words a vocabulary that is there already, so that two corpora have the same tokens */
export function corpusOf(segments: readonly ReleasedSegment[], words?: readonly string[]): Corpus {
  const counts = new Map<string, number>()
  for (const { app, actions } of segments) {
    for (const action of actions) {
      const word = wordOf(app, action)
      counts.set(word, (counts.get(word) ?? 0) + 1)
    }
  }
  const frequent = [...counts].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([word]) => word)
  const vocabulary = words ?? ['rare', ...frequent.slice(0, VOCABULARY_MAX - 1)]
  const tokenOf = new Map(vocabulary.map((word, token) => [word, token]))
  const sequences = segments
    .filter(({ actions }) => actions.length >= ACTIONS_MIN)
    .map(({ app, actions }) => ({
      app: app ?? '',
      tokens: actions.map((action) => tokenOf.get(wordOf(app, action)) ?? 0),
    }))
  return { sequences, vocabulary }
}

/** What is predicted: the action and the kind of its target; never the app, which the segment says. */
export function wordOf(_app: string | null, action: ReleasedAction): string {
  switch (action.kind) {
    case 'press':
      return `press ${action.key}`
    case 'hotkey':
      return `hotkey ${action.keys.join('+')}`
    case 'type':
      return `type ${action.text}`
    case 'drag':
      return `drag ${roleOf(action.from)}`
    case 'scroll':
      return `scroll ${action.direction}`
    default:
      return `${action.kind} ${roleOf(action.target)}`
  }
}

function roleOf(target: Extract<ReleasedAction, { kind: 'hover' }>['target']): string {
  return target !== null && 'role' in target ? target.role : 'unknown'
}

/** The shards that are read. Parquet where there is some, else CSV: both hold the same rows. */
export function tablesIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  const parquet = names.filter((name) => name.endsWith('.parquet'))
  return parquet.length > 0 ? parquet : names.filter((name) => name.endsWith('.csv'))
}

async function rowsOf(file: string): Promise<readonly ReleaseRow[]> {
  if (file.endsWith('.csv')) return csvRows(readFileSync(file, 'utf8'))
  return (await parquetReadObjects({ file: await asyncBufferFromFile(file) })) as ReleaseRow[]
}

/** RFC 4180, with a head of column names. */
export function csvRows(text: string): ReleaseRow[] {
  const rows: string[][] = []
  let row: string[] = []
  let field = ''
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    const sign = text[i] ?? ''
    if (isQuoted) {
      if (sign !== '"') field += sign
      else if (text[i + 1] === '"') field += text[++i] ?? ''
      else isQuoted = false
    } else if (sign === '"') isQuoted = true
    else if (sign === ',' || sign === '\n') {
      row.push(field)
      field = ''
      if (sign === '\n') {
        rows.push(row)
        row = []
      }
    } else if (sign !== '\r') field += sign
  }
  if (field !== '' || row.length > 0) rows.push([...row, field])
  const [head = [], ...body] = rows
  return body.map((values) => Object.fromEntries(head.map((name, column) => [name, values[column] ?? ''])))
}
