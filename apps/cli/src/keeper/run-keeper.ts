/** Runs a keeper as this process: for its custodian until Ctrl-C, or for a demonstration until its supervisor is gone. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { type Clock, FairtraceError, isFairtraceError } from '@fairtrace/core'
import { Keeper, KeeperStore, serveKeeper } from '@fairtrace/keeper'
import { DEMONSTRATION_PASSPHRASE_FILE } from '@fairtrace/server/embedded/data-dir'
import { type DemonstrationClock, demonstrationClock, moveClock, systemClock } from '@fairtrace/server/runtime/clock'
import { tellSupervisor, toRoleSchema } from '@fairtrace/server/runtime/messages'
import { printJson, wholeNumber } from '../terminal.ts'
import { readPassphrase } from './passphrase.ts'

/** Asked every few seconds, and nothing to tell of. */
const QUIET_CALLS: readonly string[] = ['state', 'which-erased']

export interface RunOptions {
  readonly keeper: string
  readonly passphraseFile?: string
  readonly json?: boolean
  readonly host: string
  readonly port: string
  readonly demonstration?: boolean
  readonly clockOffset: string
}

/** Resolves once it listens. @throws `DATA_DIR_UNUSABLE`, `KEY_UNAVAILABLE`, `PORT_IN_USE` */
export async function runKeeper(options: RunOptions): Promise<void> {
  try {
    await start(options)
  } catch (error) {
    const known = isFairtraceError(error) ? error : portTaken(error)
    await tellSupervisor({ type: 'failed', code: known.code, message: known.message })
    throw known
  }
}

async function start(options: RunOptions): Promise<void> {
  const port = wholeNumber('--port', options.port, 0, 65_535)
  const store = options.demonstration
    ? openDemonstration(options.keeper)
    : KeeperStore.open(options.keeper, await readPassphrase(options.passphraseFile, false))
  const clock = clockFor(store, Number(options.clockOffset))
  // By kind and outcome: whom a request is about stands in no log.
  const keeper = new Keeper(store, clock, (call, code) => {
    if (code === null && QUIET_CALLS.includes(call)) return
    process.stderr.write(`${JSON.stringify({ time: clock.nowMs(), role: 'keeper', call, code })}\n`)
  })
  const server = await serveKeeper(keeper, options.host, port)
  let isStopping = false
  const stop = async () => {
    if (isStopping) return
    isStopping = true
    await server.stop()
    keeper.close()
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
  process.on('message', async (raw) => {
    const message = toRoleSchema.safeParse(raw).data
    if (message?.type === 'stop') await stop()
    if (message?.type === 'clock') {
      await tellSupervisor({ type: 'done', id: message.id, refused: moveClock(clock, message.offsetMs) })
    }
  })
  await tellSupervisor({ type: 'ready', address: server.address })
  if (process.send !== undefined) return
  if (options.json) printJson({ address: server.address, publicKey: keeper.publicKey, witness: keeper.witnessKey() })
  else console.log(`The keeper ${keeper.publicKey} listens at ${server.address}. Stop it with Ctrl-C.`)
}

/** Two custodians under one hand are none: only for a demonstration, whose people are simulated. */
function openDemonstration(folder: string): KeeperStore {
  const file = join(folder, DEMONSTRATION_PASSPHRASE_FILE)
  if (!KeeperStore.exists(folder)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    // One that was cut short may have left its own.
    if (!existsSync(file)) writeFileSync(file, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
    return KeeperStore.create(folder, readFileSync(file, 'utf8').trim(), 'demonstration')
  }
  const store = KeeperStore.open(folder, readFileSync(file, 'utf8').trim())
  if (store.kind === 'demonstration') return store
  store.close()
  throw new FairtraceError('DATA_DIR_UNUSABLE', 'this keeper was not made for a demonstration')
}

function clockFor(store: KeeperStore, offsetMs: number): Clock | DemonstrationClock {
  return store.kind === 'production' && offsetMs === 0 ? systemClock : demonstrationClock(store.kind, offsetMs)
}

function portTaken(error: unknown): FairtraceError {
  const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
  return isTaken
    ? new FairtraceError('PORT_IN_USE', 'the port is in use', { cause: error })
    : new FairtraceError('INTERNAL', 'the keeper did not start', { cause: error })
}
