/**
 * Batches that come in while the programme is locked: durable, unopened, and out of the vault's sight. When the gate has opened again
 * they go on into the inbox, where the vault asks of each what it asks of any.
 */
import { FairtraceError } from '@fairtrace/core'
import type { Logger } from 'pino'
import type { ProgrammeWatch } from '../runtime/programme.ts'
import { type Repeated, repeat } from '../runtime/repeat.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Inbox, SealedBatch } from './inbox.ts'

const LET_IN_MS = 2_000
const AT_ONCE = 256

export class HeldBatches implements Inbox {
  readonly #pool: OpenDatabase['pool']
  readonly #letting: Repeated
  /** Whether any may be waiting: looked for once at the start, and after each lockdown. */
  #mayWait = true

  constructor({ pool }: Pick<OpenDatabase, 'pool'>, programme: ProgrammeWatch, log: Logger) {
    this.#pool = pool
    this.#letting = repeat('batches that were held', LET_IN_MS, log, async () => {
      const state = programme.current()?.state
      if (state === 'locked') this.#mayWait = true
      if (!this.#mayWait || (state !== 'running' && state !== 'paused')) return
      for (;;) {
        const { rows } = await this.#pool.query<{ moved: number }>('select inbox.let_in($1) as moved', [AT_ONCE])
        if ((rows[0]?.moved ?? 0) === 0) break
        await this.#pool.query('notify fairtrace_inbox')
      }
      this.#mayWait = false
    })
  }

  async add({ id, vaultKeyId, sealed }: SealedBatch): Promise<void> {
    this.#mayWait = true
    try {
      await this.#pool.query(
        'insert into inbox.held (id, vault_key_id, sealed) values ($1, $2, $3) on conflict (id) do nothing',
        [id, vaultKeyId, sealed],
      )
    } catch (cause) {
      // Fails closed: without the commit nothing is acknowledged, and the device sends it again.
      throw new FairtraceError('DATABASE_FAILED', 'the database did not accept the batch', { cause })
    }
  }

  stop(): Promise<void> {
    return this.#letting.stop()
  }
}
