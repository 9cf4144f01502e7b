/**
 * What supporters have brought about: a pause at once, and entries in the ledger for review, pause and answer.
 *
 * `concerns.ts` writes down what is due together with the support that made it due; here it is done, again and again until it
 * is. So a crash in between delays a pause and loses none.
 */
import { createHash } from 'node:crypto'
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import type { Logger } from 'pino'
import { z } from 'zod'
import { type ProgrammeReader, setProgrammeState } from '../consent/programme.ts'
import { appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'

/** One entry of the ledger with what opens its commitment. */
export const concernEntrySchema = z.object({
  type: z.enum(['concern.review', 'concern.pause', 'concern.answer']),
  index: z.int(),
  salt: z.string(),
  detail: z.record(z.string(), z.unknown()),
})
export type ConcernEntry = z.infer<typeof concernEntrySchema>

interface Concern {
  readonly id: string
  readonly text: string
  readonly pause: 'due' | 'forced' | null
  readonly review_due_at_ms: number | null
  readonly logged: unknown
}

const LOG_AGAIN_MS = 10 * 60_000

export class ConcernConsequences {
  readonly #database: OpenDatabase
  readonly #programmes: ProgrammeReader
  readonly #log: Logger
  /** One after the other, so that no pause is forced twice. */
  #pausing: Promise<void> = Promise.resolve()
  #logging: Promise<void> | null = null
  #logAgainAtMs = 0

  constructor(database: OpenDatabase, programmes: ProgrammeReader, log: Logger) {
    this.#database = database
    this.#programmes = programmes
    this.#log = log
  }

  /** Pauses the programme for every concern that has earned it and hasn't yet, and has the ledger catch up meanwhile. */
  async pauseWhereDue(): Promise<void> {
    const turn = this.#pausing.then(() => this.#pause())
    // The one who waits for it hears of a failure; the next one tries again all the same.
    this.#pausing = turn.catch(() => undefined)
    await turn
    if (performance.now() < this.#logAgainAtMs) return
    this.#logging ??= this.#logWhatIsMissing()
      .catch((error: unknown) => {
        // Review and pause hold without it. Not again at once: what a silent ledger was handed it may log later all the same.
        this.#logAgainAtMs = performance.now() + LOG_AGAIN_MS
        const code = isFairtraceError(error) ? error.code : 'INTERNAL'
        this.#log.warn({ code }, 'a review or a pause is not in the ledger yet')
      })
      .finally(() => {
        this.#logging = null
      })
  }

  /** Logs an answer if the ledger answers; it stands either way. */
  async logAnswer(concern: string, answer: string): Promise<void> {
    try {
      await this.#append(concern, 'concern.answer', { concern, answer: digest(answer) })
    } catch (error) {
      if (!isFairtraceError(error) || error.code !== 'LEDGER_UNAVAILABLE') throw error
      // The people who wait for the answer come first; the page shows that no entry stands.
      this.#log.warn({ code: error.code }, 'an answer is not in the ledger')
    }
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    await this.#pausing
    await this.#logging
  }

  async #pause(): Promise<void> {
    const { db } = this.#database
    const due = await db.selectFrom('consent.concerns').select('id').where('pause', '=', 'due').execute()
    if (due.length === 0) return
    const { state } = await this.#programmes.require()
    // What doesn't run yet is paused when it does; what is paused or closed needs nothing.
    if (state === 'draft' || state === 'approved') return
    if (state === 'running')
      await setProgrammeState(this.#database, 'paused', {
        by: 'concern threshold',
        reason: 'as many people share a concern as the charter takes for a pause',
      })
    await db
      .updateTable('consent.concerns')
      .set({ pause: 'forced' })
      .where(
        'id',
        'in',
        due.map(({ id }) => id),
      )
      .execute()
  }

  async #logWhatIsMissing(): Promise<void> {
    const concerns: readonly Concern[] = await this.#database.db
      .selectFrom('consent.concerns')
      .select(['id', 'text', 'pause', 'review_due_at_ms', 'logged'])
      .where('review_due_at_ms', 'is not', null)
      .execute()
    for (const { id, text, pause, review_due_at_ms, logged } of concerns) {
      const types = parseEntries(logged).map(({ type }) => type)
      const detail = { concern: id, text: digest(text) }
      if (!types.includes('concern.review')) {
        await this.#append(id, 'concern.review', { ...detail, dueAtMs: review_due_at_ms })
      }
      if (pause === 'forced' && !types.includes('concern.pause')) await this.#append(id, 'concern.pause', detail)
    }
  }

  async #append(concern: string, type: ConcernEntry['type'], detail: ConcernEntry['detail']): Promise<void> {
    const appended = await appendToLedger(this.#database, type, detail, { waitForCheckpoint: true })
    const entry: ConcernEntry = { type, ...appended, detail }
    await this.#database.pool.query('update consent.concerns set logged = logged || $2::jsonb where id = $1', [
      concern,
      JSON.stringify([entry]),
    ])
  }
}

/** @throws `INTERNAL` if the row was not written here */
export function parseEntries(logged: unknown): readonly ConcernEntry[] {
  const entries = z.array(concernEntrySchema).safeParse(logged)
  if (!entries.success) throw new FairtraceError('INTERNAL', 'the entries of a concern have another form')
  return entries.data
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
