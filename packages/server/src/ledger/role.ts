/** The ledger's process: the only writer of the log, and the only holder of its key. */
import { setTimeout as sleep } from 'node:timers/promises'
import { FairtraceError, isFairtraceError, ledgerOrigin } from '@fairtrace/core'
import type { RightEdge } from '@fairtrace/ledger'
import type pg from 'pg'
import type { Logger } from 'pino'
import { type Signer, signerFromSeed } from '../runtime/jws.ts'
import { startPoint } from '../runtime/points.ts'
import { watchProgramme } from '../runtime/programme.ts'
import type { RoleContext, RunningRole, StartRole } from '../runtime/role.ts'
import { openDatabase } from '../store/database.ts'
import { Publisher } from './publisher.ts'
import { sequenceWaiting, writeCheckpoint } from './sequencer.ts'
import { loadStoredLog } from './stored-log.ts'
import { PolicyReader } from './witness-policy.ts'

/** A lost notification costs this much time, no data. */
const POLL_MS = 1_000
const RECONNECT_MS = 500
/** How long the predecessor's connection may take to be noticed as gone. */
const LOCK_MS_MAX = 15_000
/** Advisory lock of the one writer: "ledg". */
const WRITER_LOCK = 0x6c656467

/**
 * @throws `LEDGER_INVALID` if the stored log isn't the one that was signed; `DATA_IN_USE` if another process writes to it
 */
export const startLedger: StartRole = async (context: RoleContext): Promise<RunningRole> => {
  const signer = signerFromSeed(context.secrets.signingSeed ?? '')
  const database = openDatabase(context.databaseUrl, 1)
  const reading = openDatabase(context.databaseUrl, 4)
  const publisher = new Publisher({
    database: reading,
    publicKey: signer.publicKey,
    log: context.log,
    addresses: context.addresses.witnesses ?? {},
    onContradicted: (reason) => writer.freeze(reason),
  })
  const writer = new Writer(database.pool, signer, context.log, () => publisher.told())
  try {
    await writer.connect()
    await publisher.greet()
  } catch (cause) {
    await database.close()
    await reading.close()
    throw cause
  }
  const running = writer.run()
  publisher.start()
  const programme = await watchProgramme(reading)
  // Nothing of the log opens anything: in a lockdown it goes on, so that what happens is written down.
  const point = await startPoint({ database: reading, role: 'ledger', signer, programme, log: context.log })
  let stopped: Promise<void> | null = null
  return {
    address: null,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }

  async function stop(): Promise<void> {
    await point.stop()
    await programme.stop()
    writer.stop()
    await running
    await publisher.stop()
    await database.close()
    await reading.close()
  }
}

interface Session {
  readonly client: pg.PoolClient
  readonly edge: RightEdge
  origin: string | null
}

class Writer {
  readonly #pool: pg.Pool
  readonly #signer: Signer
  readonly #log: Logger
  readonly #stopping = new AbortController()
  #session: Session | null = null
  #wake: () => void = () => undefined
  /** A notification that came while a batch was being written. */
  #told = false

  readonly #policies = new PolicyReader()
  readonly #signed: () => void
  /** Why nothing is written any more; null as long as it is. */
  #frozen: string | null = null

  /** @param signed told of every new checkpoint */
  constructor(pool: pg.Pool, signer: Signer, log: Logger, signed: () => void) {
    this.#pool = pool
    this.#signer = signer
    this.#log = log
    this.#signed = signed
  }

  /** One connection for everything: when it is lost the lock is lost with it, and nothing more can be written. */
  async connect(): Promise<void> {
    const client = await this.#pool.connect()
    try {
      const told = () => {
        this.#told = true
        this.#wake()
      }
      client.on('notification', told)
      client.on('error', told)
      await this.#lock(client)
      await client.query('listen fairtrace_ledger_inbox')
      await client.query('listen fairtrace_programme')
      this.#session = { client, ...(await loadStoredLog(client, this.#signer)) }
      this.#log.info({ size: this.#session.edge.size }, 'the stored log agrees with its checkpoint')
    } catch (cause) {
      client.release(true)
      throw cause
    }
  }

  /** Until `stop`; ends early, and writes nothing more, if the stored log stops being the signed one. */
  async run(): Promise<void> {
    while (!this.#stopping.signal.aborted && this.#frozen === null) {
      try {
        if (this.#session === null) await this.connect()
        else await this.#work(this.#session)
      } catch (error) {
        // What is in memory may be ahead of what was committed: it is thrown away and loaded and checked again.
        this.#disconnect()
        if (isFairtraceError(error) && error.code === 'LEDGER_INVALID') {
          this.#log.fatal({ code: error.code, reason: error.message }, 'the ledger refuses to extend this log')
          return
        }
        this.#log.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'the ledger starts over')
        await sleep(RECONNECT_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
      }
    }
    this.#disconnect()
  }

  /** Extends this log no more, until somebody has looked at it and started it again: every further entry would be another fork. */
  freeze(reason: string): void {
    this.#frozen = reason
    this.#log.fatal({ reason }, 'the ledger refuses to extend this log')
    this.#wake()
  }

  stop(): void {
    this.#stopping.abort()
    this.#wake()
  }

  async #work(session: Session): Promise<void> {
    this.#told = false
    const origin = await this.#origin(session)
    const policy = await this.#policies.read(session.client)
    const isPublished = policy?.quorum === null
    const taken =
      origin === null
        ? 0
        : await sequenceWaiting(session.client, session.edge, origin, this.#signer, this.#log, isPublished)
    if (taken === 0) return this.#rest()
    if (!isPublished) this.#signed()
    // After the commit and on its own: a transaction that notifies holds a lock on the whole server while it syncs.
    await session.client.query(`select pg_notify('fairtrace_checkpoint', $1)`, [String(session.edge.size)])
    this.#log.debug({ size: session.edge.size, taken }, 'checkpoint')
  }

  /** The log's name, fixed by its first checkpoint; null while there is no programme. */
  async #origin(session: Session): Promise<string | null> {
    if (session.origin !== null) return session.origin
    const { rows } = await session.client.query<{ id: string }>('select id from install.programme limit 1')
    const [programme] = rows
    if (programme === undefined) return null
    const origin = ledgerOrigin(programme.id)
    // An empty log is signed too, so that whoever looks first can hold the log to it.
    const policy = await this.#policies.read(session.client)
    await writeCheckpoint(session.client, session.edge, origin, this.#signer, policy?.quorum === null)
    this.#signed()
    session.origin = origin
    return origin
  }

  #rest(): Promise<void> {
    if (this.#told || this.#stopping.signal.aborted || this.#frozen !== null) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #lock(client: pg.PoolClient): Promise<void> {
    const until = performance.now() + LOCK_MS_MAX
    for (;;) {
      const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
        WRITER_LOCK,
      ])
      if (rows[0]?.locked) return
      if (performance.now() > until || this.#stopping.signal.aborted) {
        throw new FairtraceError('DATA_IN_USE', 'another process writes to the ledger')
      }
      await sleep(100)
    }
  }

  #disconnect(): void {
    this.#session?.client.release(true)
    this.#session = null
  }
}
