/** Real recordings for a demonstration: which files there are, and whose part of them a participant replays. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { FairtraceError } from '@fairtrace/core'
import type { ReplayFormat } from '@fairtrace/device'

export interface Recording {
  readonly path: string
  readonly format: ReplayFormat
  /** Whose rows, in a file of many people; null in a file of one. */
  readonly person: string | null
}

/** The public recordings under the names in which they are shared. */
const KNOWN: readonly { readonly file: string; readonly format: ReplayFormat; readonly ofMany: boolean }[] = [
  { file: 'ducktrack/events.jsonl.gz', format: 'ducktrack', ofMany: false },
  { file: 'opencua-sample/events.jsonl.gz', format: 'opencua', ofMany: false },
  { file: 'sapimouse/mouse.csv.gz', format: 'sapimouse', ofMany: true },
  { file: 'aalto-keystrokes/keystrokes.csv.gz', format: 'keystrokes', ofMany: true },
]

/**
 * Deals the recordings of a folder out to `participants`: each person of a file of many goes to one of them, in turn.
 * @throws `INPUT_UNREADABLE` if the folder holds none that is known here
 */
export function dealRecordings(folder: string, participants: number): readonly (readonly Recording[])[] {
  const found = KNOWN.filter(({ file }) => existsSync(join(folder, file)))
  if (found.length === 0)
    throw new FairtraceError('INPUT_UNREADABLE', 'the folder holds no recording that is known here')
  const files = found.map(({ file, format, ofMany }) => {
    const path = join(folder, file)
    return { path, format, people: ofMany ? peopleOf(path) : [null] }
  })
  return Array.from({ length: participants }, (_, i) =>
    files.map(({ path, format, people }) => ({ path, format, person: people[i % people.length] ?? null })),
  )
}

/** Values of the first column of a gzipped CSV, each once, without the header's. */
function peopleOf(path: string): readonly string[] {
  const rows = gunzipSync(readFileSync(path)).toString('latin1').split('\n').slice(1)
  return [...new Set(rows.map((row) => row.slice(0, row.indexOf(','))))].filter((person) => person !== '')
}
