/**
 * The embedded form: PostgreSQL and every role as processes of their own, none of them outliving this process.
 *
 * A demonstration's keeper is one of them, so that everything can be tried on one machine. Two custodians under one hand are none:
 * in production the keeper runs elsewhere, and without one nothing is held.
 */
import { createServer } from 'node:net'
import process from 'node:process'
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { demonstrationClock } from '../runtime/clock.ts'
import type { RoleName } from '../runtime/role.ts'
import { DATABASE_ROLES, type DatabaseRole, databaseRoleName } from '../store/schema.ts'
import { bootstrapDatabase, DATABASE_NAME } from './bootstrap.ts'
import { type DataDir, type InstallationKind, lockDataDir, resetDemonstration } from './data-dir.ts'
import { type RunningPostgres, startPostgres } from './postgres.ts'
import { RoleProcess } from './role-process.ts'

export interface EmbeddedOptions {
  readonly dir: DataDir
  /** What the directory becomes if it is new. */
  readonly kindIfNew: InstallationKind
  readonly host: string
  /** Of the portal; 0 takes a free one. */
  readonly port: number
  /** The command line's entry, which `serve`s a role. */
  readonly entry: string
  /** Where a new demonstration's clock starts, in milliseconds behind the system's (0 or negative). */
  readonly clockOffsetIfNewMs?: number
  /** True if an existing demonstration was cut short and must begin again. Asked under the lock. */
  mustReset?(): boolean
  /**
   * Further arguments for Node in every role's process. Only for the twins of drills, which take a safeguard out of a throwaway
   * installation to see that its drill notices.
   */
  readonly execArgv?: readonly string[]
  onStep?(sentence: string): void
}

export interface Embedded {
  readonly portalUrl: string
  readonly intakeUrl: string
  databaseUrl(role: DatabaseRole): string
  /** Moves the demonstration's clock forward to `nowMs`, in every process, and waits until each has it. */
  moveClock(nowMs: number): Promise<void>
  nowMs(): number
  /** From here on `/healthz` answers 200. */
  open(): Promise<void>
  /** Resolves with the reason if something died that could not be restarted. */
  readonly failed: Promise<FairtraceError>
  stop(): Promise<void>
}

/** Stopped in reverse: first what takes things in, last what the others log to. */
const ORDER: readonly RoleName[] = ['ledger', 'vault', 'sentinel', 'scanner', 'intake', 'builder', 'room', 'portal']
const RESTARTS_MAX = 5
const RESTART_WINDOW_MS = 60_000

/** @throws `DATA_IN_USE`, `PORT_IN_USE`, `DISK_FULL`, `DATABASE_FAILED`, `DATA_DIR_UNUSABLE`, `DATA_NEWER`, `ROLE_FAILED` */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const isNew = !options.dir.exists()
  const lock = lockDataDir(options.dir, options.kindIfNew)
  const supervisor = new Supervisor(options, lock)
  try {
    const reset = !isNew && (options.mustReset?.() ?? false)
    if (reset) resetDemonstration(options.dir)
    await supervisor.start(isNew || reset)
    return supervisor
  } catch (error) {
    await supervisor.stop()
    if (isFairtraceError(error)) throw error
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') {
      throw new FairtraceError('DISK_FULL', 'the disk of the data directory is full', { cause: error })
    }
    throw error
  }
}

class Supervisor implements Embedded {
  portalUrl = ''
  intakeUrl = ''
  readonly failed: Promise<FairtraceError>
  readonly #options: EmbeddedOptions
  readonly #lock: { release(): void }
  readonly #processes = new Map<RoleName | 'keeper', RoleProcess>()
  #keeperUrl: string | null = null
  readonly #restarts: number[] = []
  #fail: (error: FairtraceError) => void = () => undefined
  #postgres: RunningPostgres | null = null
  #offsetMs: number | null = null
  #isOpen = false
  #stopped: Promise<void> | null = null

  constructor(options: EmbeddedOptions, lock: { release(): void }) {
    this.#options = options
    this.#lock = lock
    this.failed = new Promise((resolve) => {
      this.#fail = resolve
    })
  }

  async start(isNew: boolean): Promise<void> {
    const { dir, host, port } = this.#options
    const { kind } = dir.installation()
    if (isNew && kind === 'demonstration' && this.#options.clockOffsetIfNewMs)
      dir.writeClockOffset(this.#options.clockOffsetIfNewMs)
    this.#offsetMs = dir.clockOffsetMs()
    // Refused here, before anything runs on it, and again in each process.
    if (this.#offsetMs !== null) demonstrationClock(kind, this.#offsetMs)
    const portalPort = await requirePort(host, port)
    // Beside the database: both take their time.
    const keeper = kind === 'demonstration' ? this.#startKeeper(await requirePort('127.0.0.1', 0)) : Promise.resolve()
    // If the database fails first, that is the reason that is told.
    keeper.catch(() => undefined)
    this.#options.onStep?.('Starting the database')
    this.#postgres = await startPostgres({
      dir: dir.path('postgres'),
      logFile: dir.path('logs/postgres.log'),
      superuserPassword: dir.superuserPassword(),
    })
    this.#postgres.ended.then(() => {
      if (this.#stopped === null) this.#fail(new FairtraceError('DATABASE_FAILED', 'the database ended by itself'))
    })
    const postgres = this.#postgres
    await bootstrapDatabase({
      kind,
      passwords: passwordsOf(dir),
      sentinelSeed: dir.secrets('sentinel').signingSeed ?? '',
      urlOf: (database) => postgres.url('postgres', dir.superuserPassword(), database),
    })
    await keeper
    this.portalUrl = `http://${host}:${portalPort}`
    this.#writeRuntime()
    this.#options.onStep?.('Starting the roles')
    // At once: each waits by itself for what it needs of the others.
    const started = await Promise.allSettled(
      ORDER.map((role) => this.#startRole(role, role === 'portal' ? portalPort : 0)),
    )
    const failure = started.find((result) => result.status === 'rejected')
    if (failure) throw failure.reason
    this.#announceIntake()
  }

  databaseUrl(role: DatabaseRole): string {
    if (this.#postgres === null) throw new FairtraceError('DATABASE_FAILED', 'the database is not running')
    return this.#postgres.url(databaseRoleName(role), this.#options.dir.secrets(role).databasePassword, DATABASE_NAME)
  }

  nowMs(): number {
    return Date.now() + (this.#offsetMs ?? 0)
  }

  async moveClock(nowMs: number): Promise<void> {
    const offset = Math.min(0, Math.round(nowMs - Date.now()))
    const clock = demonstrationClock(this.#options.dir.installation().kind, this.#offsetMs ?? 0)
    clock.setOffset(offset)
    await Promise.all([...this.#processes.values()].map((role) => role.ask({ type: 'clock', offsetMs: offset })))
    this.#offsetMs = offset
    this.#options.dir.writeClockOffset(offset)
  }

  async open(): Promise<void> {
    this.#isOpen = true
    await this.#processes.get('portal')?.ask({ type: 'open' })
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    for (const role of [...ORDER].reverse()) {
      await this.#processes.get(role)?.stop()
    }
    await this.#processes.get('keeper')?.stop()
    await this.#postgres?.stop()
    this.#options.dir.clearRuntime()
    this.#lock.release()
  }

  async #startRole(role: RoleName, port: number): Promise<void> {
    const { dir, entry, host } = this.#options
    const started = await RoleProcess.start({
      name: role,
      entry,
      args: ['serve', '--role', role, '--data', dir.root, '--host', host, '--port', String(port)],
      logFile: dir.path('logs', `${role}.log`),
      execArgv: this.#options.execArgv ?? [],
      onDeath: () => this.#revive(role, () => this.#startRole(role, port)),
    })
    this.#processes.set(role, started.process)
    // A role that was being revived when the stop came.
    if (this.#stopped !== null) return started.process.stop()
    if (role === 'intake' && started.address !== null) {
      this.intakeUrl = started.address
      this.#writeRuntime()
      this.#announceIntake()
    }
    if (role === 'portal' && this.#isOpen) await started.process.ask({ type: 'open' })
  }

  /** On the same port each time, so that the vault finds it again. */
  async #startKeeper(port: number): Promise<void> {
    const { dir, entry } = this.#options
    const started = await RoleProcess.start({
      name: 'keeper',
      entry,
      args: [
        ...['keeper', 'run', '--demonstration', '--keeper', dir.keeperDir(), '--port', String(port)],
        ...['--clock-offset', String(this.#offsetMs ?? 0)],
      ],
      logFile: dir.path('logs/keeper.log'),
      execArgv: this.#options.execArgv ?? [],
      onDeath: () => this.#revive('keeper', () => this.#startKeeper(port)),
    })
    this.#processes.set('keeper', started.process)
    if (this.#stopped !== null) return started.process.stop()
    this.#keeperUrl = started.address
    const { keeper } = dir.installation().keys
    // At the very first start alone: from then on another keeper is found out by its signatures.
    if (keeper === null) dir.setKeeperKey(await keyOf(started.address ?? ''))
  }

  #announceIntake(): void {
    for (const role of ['portal', 'sentinel', 'scanner'] as const) {
      this.#processes.get(role)?.send({ type: 'addresses', intake: this.intakeUrl, portal: this.portalUrl })
    }
  }

  /** A role that died starts again; one that keeps dying ends the whole, with the reason. */
  #revive(role: RoleName | 'keeper', start: () => Promise<void>): void {
    if (this.#stopped !== null) return
    const now = Date.now()
    this.#restarts.push(now)
    if (this.#restarts.filter((atMs) => atMs > now - RESTART_WINDOW_MS).length > RESTARTS_MAX) {
      this.#fail(
        new FairtraceError('ROLE_FAILED', `the ${role} keeps ending; see logs/${role}.log in the data directory`),
      )
      return
    }
    start().catch((error: unknown) => {
      this.#fail(
        isFairtraceError(error)
          ? error
          : new FairtraceError('ROLE_FAILED', `the ${role} did not start again`, { cause: error }),
      )
    })
  }

  #writeRuntime(): void {
    this.#options.dir.writeRuntime({
      pid: process.pid,
      postgresPort: this.#postgres?.port ?? 0,
      portalUrl: this.portalUrl,
      intakeUrl: this.intakeUrl === '' ? null : this.intakeUrl,
      keeperUrl: this.#keeperUrl,
      databaseUrls: Object.fromEntries(DATABASE_ROLES.map((role) => [role, this.databaseUrl(role)])),
    })
  }
}

async function keyOf(keeperUrl: string): Promise<string> {
  const answer = await fetch(new URL('/key', keeperUrl))
  return z.object({ publicKey: z.string().length(43) }).parse(await answer.json()).publicKey
}

function passwordsOf(dir: DataDir): Record<DatabaseRole, string> {
  return Object.fromEntries(DATABASE_ROLES.map((role) => [role, dir.secrets(role).databasePassword])) as Record<
    DatabaseRole,
    string
  >
}

/** Says that a port is taken before anything slow is started. Returns the port, or a free one for 0. */
async function requirePort(host: string, port: number): Promise<number> {
  const server = createServer()
  const taken = await new Promise<number | Error>((resolve) => {
    server.on('error', resolve)
    server.listen(port, host, () => {
      const address = server.address()
      resolve(address !== null && typeof address === 'object' ? address.port : port)
    })
  })
  await new Promise((resolve) => server.close(resolve))
  if (taken instanceof Error)
    throw new FairtraceError('PORT_IN_USE', `port ${port} on ${host} is in use or not allowed`, { cause: taken })
  return taken
}
