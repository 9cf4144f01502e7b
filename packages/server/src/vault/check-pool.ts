/** The checking threads: one batch costs half a millisecond of elliptic curves, so every core takes part. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { FairtraceError } from '@fairtrace/core'
import type { CheckAnswer, CheckTerms, FromChecker, Kept, SealedSegment, ToChecker } from './check-messages.ts'
import type { SealedContentKey } from './content-keys.ts'

const THREADS_MAX = 4

interface Thread {
  readonly worker: Worker
  readonly waiting: Map<number, { resolve: (message: FromChecker) => void; reject: (error: FairtraceError) => void }>
  /** Jobs that it holds, asked or between two questions. */
  readonly jobs: Set<number>
  hasEnded: boolean
}

/** A job between its two steps. Its opened batches are in one thread's memory until `seal` or `drop`. */
export interface CheckedJob {
  readonly answers: readonly CheckAnswer[]
  /** Encrypts what is kept into one segment. Ends the job. */
  seal(segmentId: string, kept: readonly Kept[]): Promise<SealedSegment>
  /** After the transaction: the segment's content keys are stored. */
  confirm(stored: readonly SealedContentKey[]): void
  drop(): void
}

export class CheckPool {
  readonly size: number
  readonly #threads: Thread[] = []
  #terms: CheckTerms | null = null
  #lastJob = 0
  #isClosed = false

  constructor(size = Math.min(THREADS_MAX, availableParallelism())) {
    this.size = size
    for (let i = 0; i < size; i++) this.#threads.push(this.#start())
  }

  /** Jobs from here on are checked against these terms. */
  setTerms(terms: CheckTerms): void {
    this.#terms = terms
    for (const { worker } of this.#threads) post(worker, { type: 'terms', terms })
  }

  /** The threads drop the content keys that they hold of these people. */
  forget(pseudonyms: readonly string[]): void {
    for (const { worker } of this.#threads) post(worker, { type: 'forget', pseudonyms })
  }

  /** @throws `INTERNAL` if the thread ends meanwhile; nothing was stored */
  async check(batches: readonly Uint8Array[]): Promise<CheckedJob> {
    const thread = this.#threads.toSorted((a, b) => a.jobs.size - b.jobs.size)[0]
    if (thread === undefined || this.#isClosed) throw new FairtraceError('INTERNAL', 'the checking threads are closed')
    const job = ++this.#lastJob
    const bytes = new Uint8Array(batches.reduce((sum, batch) => sum + batch.length, 0))
    let offset = 0
    for (const batch of batches) {
      bytes.set(batch, offset)
      offset += batch.length
    }
    const lengths = batches.map((batch) => batch.length)
    thread.jobs.add(job)
    try {
      const message = { type: 'check', job, bytes: bytes.buffer, lengths } as const
      const answer = await this.#ask(thread, message, [bytes.buffer])
      if (answer.type !== 'checked') throw unexpected()
      return {
        answers: answer.answers,
        seal: async (segmentId, kept) => {
          try {
            const sealed = await this.#ask(thread, { type: 'seal', job, segmentId, kept }, [])
            if (sealed.type !== 'sealed') throw unexpected()
            return sealed.segment
          } finally {
            thread.jobs.delete(job)
          }
        },
        confirm: (stored) => {
          if (stored.length > 0)
            post(thread.worker, { type: 'confirm', stored: stored.map(({ id, pseudonym }) => ({ id, pseudonym })) })
        },
        drop: () => {
          thread.jobs.delete(job)
          post(thread.worker, { type: 'drop', job })
        },
      }
    } catch (error) {
      thread.jobs.delete(job)
      throw error
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()))
  }

  #ask(thread: Thread, message: ToChecker & { job: number }, transfer: readonly ArrayBuffer[]): Promise<FromChecker> {
    return new Promise((resolve, reject) => {
      if (thread.hasEnded) return reject(ended())
      thread.waiting.set(message.job, { resolve, reject })
      thread.worker.postMessage(message, transfer)
    })
  }

  #start(): Thread {
    const worker = new Worker(new URL('./check-worker.ts', import.meta.url), {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      // What a batch leaves behind is garbage at once: with room, it is collected before it is ever copied.
      resourceLimits: { maxYoungGenerationSizeMb: 96 },
    })
    const thread: Thread = { worker, waiting: new Map(), jobs: new Set(), hasEnded: false }
    worker.on('message', (message: FromChecker) => {
      const waiting = thread.waiting.get(message.job)
      thread.waiting.delete(message.job)
      if (message.type === 'failed') waiting?.reject(new FairtraceError(message.code, 'a job failed in its thread'))
      else waiting?.resolve(message)
    })
    // A listener, so that a fault in a thread doesn't end the vault; `exit` follows and replaces the thread.
    worker.on('error', () => this.#fail(thread))
    worker.on('exit', () => {
      this.#fail(thread)
      const at = this.#threads.indexOf(thread)
      if (at >= 0 && !this.#isClosed) this.#threads[at] = this.#start()
    })
    if (this.#terms !== null) post(worker, { type: 'terms', terms: this.#terms })
    return thread
  }

  #fail(thread: Thread): void {
    thread.hasEnded = true
    for (const { reject } of thread.waiting.values()) reject(ended())
    thread.waiting.clear()
  }
}

function post(worker: Worker, message: ToChecker): void {
  worker.postMessage(message)
}

function ended(): FairtraceError {
  return new FairtraceError('INTERNAL', 'a checking thread ended')
}

function unexpected(): FairtraceError {
  return new FairtraceError('INTERNAL', 'a checking thread answered something else')
}
