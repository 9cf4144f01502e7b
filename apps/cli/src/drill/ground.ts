/**
 * What an attacker on the machine of an embedded installation has: every address, the database as its superuser, every file, and
 * therefore every key of a process. Drills use all of it.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Charter, FairtraceError, parseCharter } from '@fairtrace/core'
import type { DataDir, RoleName, Runtime } from '@fairtrace/server'
import { type Signer, signerFromSeed } from '@fairtrace/server/runtime/jws'
import pg from 'pg'
import { Plants } from './plants.ts'

export interface Ground {
  readonly dir: DataDir
  readonly runtime: Runtime
  /** As the superuser of the database. */
  readonly sql: pg.Pool
  readonly plants: Plants
  /** Of the drill that runs; names what it plants. */
  readonly run: string
  readonly programme: { readonly id: string; readonly epoch: number; readonly hash: string; readonly charter: Charter }
  /** For Node, in processes that a drill starts itself: the same as the roles got. */
  readonly execArgv: readonly string[]
  /** Tells the portal, which stamps its own time. A twin is not registered, and tells nobody. */
  mark(step: 'planted' | 'removed'): Promise<void>
  /** How long a drill waits for what it planted to be found. */
  readonly detectMsMax: number
  /** The key of a process, as a thief of its file has it. */
  stolenKey(role: RoleName): Signer
  /** A folder that is gone when the drill is. */
  folder(): string
  /** Asks until it is so, or the time is over. */
  until<T>(look: () => Promise<T | null>, msMax?: number): Promise<T | null>
}

export interface GroundOptions {
  readonly dir: DataDir
  readonly run: string
  readonly execArgv: readonly string[]
  readonly detectMsMax?: number
  mark?(step: 'planted' | 'removed'): Promise<void>
}

/** @throws `SERVER_UNREACHABLE` if nothing runs on the data directory; `NOT_FOUND` without a programme */
export async function openGround(options: GroundOptions): Promise<Ground & { close(): Promise<void> }> {
  const { dir, run, execArgv } = options
  const runtime = dir.runtime()
  const sql = superuser(dir, runtime)
  const plants = new Plants(dir, sql)
  const { rows } = await sql.query('select id, epoch, charter_hash, charter_yaml from install.programme')
  const row = rows[0]
  if (row === undefined) {
    await sql.end()
    throw new FairtraceError('NOT_FOUND', 'there is no programme to drill')
  }
  const charter = parseCharter(String(row.charter_yaml), 'charter')
  return {
    dir,
    runtime,
    sql,
    plants,
    run,
    execArgv,
    mark: options.mark ?? (async () => undefined),
    detectMsMax: options.detectMsMax ?? 2 * charter.exposure.detect,
    programme: { id: String(row.id), epoch: Number(row.epoch), hash: String(row.charter_hash), charter },
    stolenKey: (role) => signerFromSeed(dir.secrets(role).signingSeed ?? ''),
    folder: () => {
      const path = mkdtempSync(join(tmpdir(), 'fairtrace-drill-'))
      plants.add(run, { kind: 'remove', path })
      return path
    },
    until: async (look, msMax = 10_000) => {
      for (const endsAt = performance.now() + msMax; performance.now() < endsAt; ) {
        const found = await look()
        if (found !== null) return found
        await sleep(50)
      }
      return null
    },
    close: () => sql.end(),
  }
}

export function superuser(dir: DataDir, runtime: Runtime): pg.Pool {
  const pool = new pg.Pool({
    host: '127.0.0.1',
    port: runtime.postgresPort,
    user: 'postgres',
    password: dir.superuserPassword(),
    database: 'fairtrace',
    max: 2,
  })
  // The system is attacked meanwhile: a connection that breaks is the next query's to tell.
  pool.on('error', () => undefined)
  return pool
}
