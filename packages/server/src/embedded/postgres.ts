/**
 * PostgreSQL of the embedded form: one cluster in the data directory, started and stopped by Fairtrace.
 *
 * Two things make it safe to run from anywhere. PostgreSQL refuses to run as root, so as root it gets a user namespace in
 * which it is nobody; no user is created and the files stay ours. And it must never outlive us: the kernel sends it
 * SIGINT (a fast, clean shutdown) when our process ends, even by kill -9.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FairtraceError } from '@fairtrace/core'
import pg from 'pg'
import { findPostgres } from './postgres-binaries.ts'

export interface PostgresOptions {
  /** Folder of the cluster; made by `initdb` if it isn't there. */
  readonly dir: string
  readonly logFile: string
  readonly superuserPassword: string
  /** Off only in tests of other things; a benchmark and every installation have it on. */
  readonly fsync?: boolean
  /** Command to put in front, such as `['taskset', '-c', '0']`. */
  readonly prefix?: readonly string[]
}

export interface RunningPostgres {
  readonly port: number
  readonly pid: number
  /** Resolves when the server ends, whatever the cause. */
  readonly ended: Promise<void>
  /** Connection string for a role and database on this server. */
  url(user: string, password: string, database: string): string
  stop(): Promise<void>
}

/** How long a predecessor that was killed may take to let go of the cluster. */
const TAKEOVER_MS_MAX = 15_000
const START_MS_MAX = 30_000

/** @throws `DATABASE_FAILED`, `DISK_FULL` */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  if (!existsSync(join(options.dir, 'PG_VERSION'))) await initCluster(options)
  const deadline = Date.now() + TAKEOVER_MS_MAX
  for (;;) {
    try {
      return await launch(options)
    } catch (error) {
      // The old server may still be closing its files after our predecessor died; it holds postmaster.pid until then.
      if (!(error instanceof ClusterHeldError) || Date.now() > deadline) throw error
      await sleep(200)
    }
  }
}

class ClusterHeldError extends FairtraceError {}

async function initCluster(options: PostgresOptions): Promise<void> {
  const passwordFile = `${options.dir}.${randomBytes(6).toString('hex')}.pw`
  writeFileSync(passwordFile, options.superuserPassword, { mode: 0o600 })
  const args = ['-D', options.dir, '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--auth=scram-sha-256']
  if (options.fsync === false) args.push('--no-sync')
  try {
    const log = openSync(options.logFile, 'a', 0o600)
    const child = spawn(...asNobody(findPostgres().initdb, [...args, `--pwfile=${passwordFile}`]), {
      stdio: ['ignore', log, log],
    })
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', resolve)
    })
    if (code !== 0) {
      // Half a cluster can't be started and would hide the cause at the next start.
      rmSync(options.dir, { recursive: true, force: true })
      throw databaseFailure(options.logFile, 'initdb did not finish')
    }
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

async function launch(options: PostgresOptions): Promise<RunningPostgres> {
  const port = await freePort()
  const log = openSync(options.logFile, 'a', 0o600)
  const logStart = readFileSync(options.logFile).length
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '100',
    shared_buffers: '128MB',
    max_wal_size: '1GB',
    fsync: options.fsync === false ? 'off' : 'on',
    log_min_messages: 'warning',
    // A statement in the log could hold a pseudonym; the error's own text is enough.
    log_min_error_statement: 'panic',
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
  }
  const args = ['-D', options.dir, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])]
  const child = spawnGuarded(findPostgres().postgres, args, options.prefix ?? [], log)
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  let exited = false
  ended.then(() => {
    exited = true
  })
  const url = (user: string, password: string, database: string) =>
    `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`

  const deadline = Date.now() + START_MS_MAX
  for (;;) {
    if (exited) throw databaseFailure(options.logFile, 'PostgreSQL did not start', logStart)
    if (await answers(url('postgres', options.superuserPassword, 'postgres'))) break
    if (Date.now() > deadline) {
      child.kill('SIGQUIT')
      throw databaseFailure(options.logFile, `PostgreSQL did not answer within ${START_MS_MAX / 1000} s`, logStart)
    }
    await sleep(30)
  }
  return {
    port,
    pid: child.pid ?? -1,
    ended,
    url,
    stop: async () => {
      if (!exited) child.kill('SIGINT')
      await ended
    },
  }
}

function spawnGuarded(postgres: string, args: readonly string[], prefix: readonly string[], log: number): ChildProcess {
  // A session of its own: Ctrl-C in the terminal reaches us, and we stop it after the roles have finished.
  const options = { detached: true, stdio: ['ignore', log, log] as const }
  if (hasSetpriv()) {
    const [program, all] = asNobody('setpriv', ['--pdeathsig', 'INT', postgres, ...args])
    const [first, ...rest] = [...prefix, program, ...all]
    return spawn(first ?? program, rest, { ...options, stdio: ['ignore', log, log] })
  }
  const guard = fileURLToPath(new URL('./postgres-guard.mjs', import.meta.url))
  return spawn(process.execPath, [guard, postgres, ...args], { detached: true, stdio: ['ignore', log, log, 'ipc'] })
}

function asNobody(program: string, args: readonly string[]): [string, string[]] {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return [program, [...args]]
  return ['unshare', ['--user', '--map-user=65534', '--map-group=65534', program, ...args]]
}

function hasSetpriv(): boolean {
  return process.platform === 'linux' && ['/usr/bin/setpriv', '/bin/setpriv'].some((path) => existsSync(path))
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    // Not up yet, or starting: the caller asks again until its deadline.
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

function databaseFailure(logFile: string, what: string, logStart = 0): FairtraceError {
  const tail = readFileSync(logFile).subarray(logStart).toString('utf8')
  if (/No space left on device/.test(tail))
    return new FairtraceError('DISK_FULL', 'the disk of the data directory is full')
  if (/lock file "postmaster.pid" already exists|pre-existing shared memory block/.test(tail)) {
    return new ClusterHeldError('DATA_IN_USE', 'another PostgreSQL still holds this data directory')
  }
  return new FairtraceError(
    'DATABASE_FAILED',
    `${what}; its log is postgres.log in the logs folder of the data directory`,
  )
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new FairtraceError('INTERNAL', 'no free port')
  return address.port
}
