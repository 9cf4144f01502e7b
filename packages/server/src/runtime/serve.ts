/** Runs one role as this process: reads its secrets, starts it, and ends with its supervisor. */
import process from 'node:process'
import { type Clock, FairtraceError, isFairtraceError } from '@fairtrace/core'
import { pino } from 'pino'
import { DATABASE_NAME } from '../embedded/bootstrap.ts'
import { DataDir } from '../embedded/data-dir.ts'
import { shownKms } from '../sentinel/surfaces/keys.ts'
import { sweepAccess, watchAccess } from '../sentinel/sweep/places.ts'
import type { WatchSettings } from '../sentinel/watch-settings.ts'
import { databaseRoleName } from '../store/schema.ts'
import { type DemonstrationClock, demonstrationClock, moveClock, systemClock } from './clock.ts'
import { tellSupervisor, toRoleSchema } from './messages.ts'
import type { RoleContext, RoleName, RunningRole, StartRole } from './role.ts'

export interface ServeOptions {
  readonly role: RoleName
  readonly dataDir: string
  readonly host: string
  readonly port: number
}

// Imported when needed: a vault needs no HTTP server, and intake no DuckDB.
const STARTERS: Readonly<Record<RoleName, () => Promise<StartRole>>> = {
  portal: async () => (await import('../api/role.ts')).startPortal,
  intake: async () => (await import('../intake/role.ts')).startIntake,
  vault: async () => (await import('../vault/role.ts')).startVault,
  ledger: async () => (await import('../ledger/role.ts')).startLedger,
  builder: async () => (await import('../builder/role.ts')).startBuilder,
  sentinel: async () => (await import('../sentinel/sentinel-role.ts')).startSentinel,
  scanner: async () => (await import('../sentinel/scanner-role.ts')).startScanner,
  room: async () => (await import('../room/role.ts')).startRoom,
}

/** How long a role may take to finish what it has in hand before the process ends anyway. */
const STOP_MS_MAX = 8_000

/** Starts the role and returns its address; the process lives until it is told to stop. */
export async function serveRole(options: ServeOptions): Promise<string | null> {
  // Whatever is written from here on is this account's alone: the sentinel takes anything else for a reader.
  process.umask(0o077)
  const dir = new DataDir(options.dataDir)
  const log = pino({ level: 'info', base: { role: options.role } })
  const addresses: RoleContext['addresses'] = {}
  const clock = clockOf(dir)
  // Before anything is up: if the supervisor dies now, so do we.
  process.on('disconnect', () => process.exit(0))
  let running: RunningRole
  try {
    running = await (await STARTERS[options.role]())(contextOf(options, dir, clock, addresses, log))
  } catch (error) {
    const code = isFairtraceError(error) ? error.code : portTaken(error) ? 'PORT_IN_USE' : 'INTERNAL'
    const message = isFairtraceError(error)
      ? error.message
      : portTaken(error)
        ? `port ${options.port} is in use`
        : errorName(error)
    log.error(
      { code, place: error instanceof Error ? error.stack?.split('\n').slice(1, 4) : undefined },
      'the role did not start',
    )
    await tellSupervisor({ type: 'failed', code, message })
    throw isFairtraceError(error)
      ? error
      : new FairtraceError(portTaken(error) ? 'PORT_IN_USE' : 'ROLE_FAILED', message, { cause: error })
  }

  const stop = once(async () => {
    setTimeout(() => process.exit(1), STOP_MS_MAX).unref()
    await running.stop()
    process.exit(0)
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
  process.on('message', async (raw) => {
    const message = toRoleSchema.safeParse(raw).data
    if (message?.type === 'stop') await stop()
    if (message?.type === 'addresses') Object.assign(addresses, { intake: message.intake, portal: message.portal })
    if (message?.type === 'clock')
      await tellSupervisor({ type: 'done', id: message.id, refused: moveClock(clock, message.offsetMs) })
    if (message?.type === 'open') {
      if ('setReady' in running && typeof running.setReady === 'function') running.setReady(true)
      await tellSupervisor({ type: 'done', id: message.id, refused: null })
    }
  })
  await tellSupervisor({ type: 'ready', address: running.address })
  return running.address
}

function contextOf(
  options: ServeOptions,
  dir: DataDir,
  clock: Clock,
  addresses: RoleContext['addresses'],
  log: RoleContext['log'],
): RoleContext {
  const installation = dir.installation()
  const { databasePassword, ...secrets } = dir.secrets(options.role)
  const runtime = dir.runtime()
  addresses.portal = runtime.portalUrl
  if (runtime.intakeUrl !== null) addresses.intake = runtime.intakeUrl
  return {
    role: options.role,
    installation: installation.kind,
    databaseUrl: `postgres://${databaseRoleName(options.role)}:${databasePassword}@127.0.0.1:${runtime.postgresPort}/${DATABASE_NAME}`,
    objectsDir: dir.path('objects'),
    keysDir: options.role === 'vault' ? dir.path('keys') : null,
    keeper: options.role === 'vault' ? dir.keeper() : null,
    demoAccountsFile:
      installation.kind === 'demonstration' && options.role === 'portal' ? dir.path('demo/people.json') : null,
    signIn: options.role === 'portal' ? dir.signIn() : null,
    access:
      options.role === 'portal'
        ? {
            builderBoxKey: installation.builderBoxKey,
            roomBoxKey: installation.roomBoxKey,
            webhooks: dir.webhooks(),
          }
        : null,
    ...(options.role === 'scanner' ? { sweep: { dataDir: dir.root, access: sweepAccess(dir.places()) } } : {}),
    ...(options.role === 'sentinel' ? { watch: watchOf(dir) } : {}),
    secrets,
    clock,
    log,
    listen: { host: options.host, port: options.port },
    addresses,
  }
}

function watchOf(dir: DataDir): WatchSettings {
  return { dataDir: dir.root, buckets: watchAccess(dir.places()), kms: shownKms(dir.path('keys')) }
}

/** A clock file in a directory that is no demonstration is a fault, not a setting: nothing starts with it. */
function clockOf(dir: DataDir): Clock | DemonstrationClock {
  const offset = dir.clockOffsetMs()
  return offset === null ? systemClock : demonstrationClock(dir.installation().kind, offset)
}

function portTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

function errorName(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown error'
}

function once(work: () => Promise<void>): () => Promise<void> {
  let started: Promise<void> | undefined
  return () => {
    started ??= work()
    return started
  }
}
