/**
 * What a witness must never forget: its key, and of each log the largest checkpoint that it has seen. In SQLite, which writes through
 * to the disk before it answers, and which one process at a time can open: two would cosign two histories.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { FairtraceError } from '@fairtrace/core'
import type { Evidence, WitnessState, WitnessStorage } from '@fairtrace/verify'

export interface WitnessFolder {
  /** Ed25519 seed, base64url. */
  readonly seed: string
  readonly storage: WitnessStorage
  /** Writes the evidence durably. @returns the file */
  keep(evidence: Evidence): Promise<string>
  close(): void
}

/** @throws `DATA_IN_USE` if another witness runs on this folder, `KEY_UNAVAILABLE` if its key is none */
export async function openWitnessFolder(folder: string): Promise<WitnessFolder> {
  mkdirSync(join(folder, 'evidence'), { recursive: true, mode: 0o700 })
  const database = openExclusively(join(folder, 'seen.sqlite'))
  try {
    const seed = await seedOf(join(folder, 'witness.key'))
    return {
      seed,
      storage: {
        read: async (origin) => read(database, origin),
        write: async (origin, { size, root, note }) => {
          database
            .prepare('insert or replace into seen (origin, size, root, note) values (?, ?, ?, ?)')
            .run(origin, size, root, note)
        },
      },
      keep: (evidence) => keep(join(folder, 'evidence'), evidence),
      close: () => database.close(),
    }
  } catch (cause) {
    database.close()
    throw cause
  }
}

function openExclusively(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  try {
    database.exec('pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = full')
    database.exec(
      'create table if not exists seen (origin text primary key, size integer not null, root blob not null, note text not null)',
    )
    // The lock is taken with the first write, and kept.
    database.exec('begin immediate; commit')
    return database
  } catch (cause) {
    database.close()
    throw new FairtraceError('DATA_IN_USE', 'this folder is in use by another witness, or is none', { cause })
  }
}

function read(database: DatabaseSync, origin: string): WitnessState | null {
  const row = database.prepare('select size, root, note from seen where origin = ?').get(origin)
  if (row === undefined) return null
  const { size, root, note } = row
  if (typeof size !== 'number' || !(root instanceof Uint8Array) || typeof note !== 'string') {
    throw new FairtraceError('INTERNAL', 'the witness has forgotten what it saw')
  }
  return { size, root: new Uint8Array(root), note }
}

/** Made once. A key that was lost is another witness: what it had seen is not taken over. */
async function seedOf(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const seed = randomBytes(32).toString('base64url')
  await writeDurably(file, `${seed}\n`)
  return seed
}

async function keep(folder: string, evidence: Evidence): Promise<string> {
  const file = join(folder, `${evidence.kind}-${evidence.atMs}-${randomBytes(4).toString('hex')}.json`)
  const { v, kind, ...rest } = evidence
  // The kind comes early, so that a reader knows the file by its first line.
  await writeDurably(file, `${JSON.stringify({ v, kind, ...rest }, null, 2)}\n`)
  return file
}

async function writeDurably(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600, flag: 'wx', flush: true })
  const folder = await open(join(file, '..'), 'r')
  await folder.sync()
  await folder.close()
}
