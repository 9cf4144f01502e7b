/** Threads that search. One that takes too long over an item is ended and replaced, so nothing hangs a sweep. */
import { Worker } from 'node:worker_threads'
import type { ScanLimits, ScanResult } from './scan-file.ts'
import type { ScanAnswer, ScanTask, WorkerKnowledge } from './scan-worker.ts'

type Job = { readonly task: ScanTask; readonly done: (result: ScanResult) => void }
type NewTask = ScanTask extends infer T ? (T extends { id: number } ? Omit<T, 'id'> : never) : never

const THREADS = 2
const HEAP_MIB = 512
const FAILED: ScanResult = { hits: null, shapes: [], skipped: 'too-slow', bytes: 0 }

export class ScanPool {
  readonly #knowledge: WorkerKnowledge
  readonly #itemMsMax: number
  readonly #waiting: Job[] = []
  readonly #threads: { worker: Worker; job: Job | null; timer: NodeJS.Timeout | undefined }[] = []
  #nextId = 1
  #isClosed = false

  constructor(knowledge: WorkerKnowledge, itemMsMax = 60_000, threads = THREADS) {
    this.#knowledge = knowledge
    this.#itemMsMax = itemMsMax
    for (let i = 0; i < threads; i++) this.#threads.push({ worker: this.#start(i), job: null, timer: undefined })
  }

  file(path: string, limits: ScanLimits): Promise<ScanResult> {
    return this.#run({ kind: 'file', path, limits } as NewTask)
  }

  /** @param tokens actions that were columns */
  text(bytes: Uint8Array, tokens: readonly string[] = []): Promise<ScanResult> {
    return this.#run({ kind: 'text', bytes, tokens } as NewTask)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const { job } of this.#threads) job?.done(FAILED)
    for (const { done } of this.#waiting.splice(0)) done(FAILED)
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()))
  }

  #run(task: NewTask): Promise<ScanResult> {
    if (this.#isClosed) return Promise.resolve(FAILED)
    return new Promise((done) => {
      this.#waiting.push({ task: { ...task, id: this.#nextId++ } as ScanTask, done })
      this.#next()
    })
  }

  #next(): void {
    for (const [i, thread] of this.#threads.entries()) {
      if (thread.job !== null) continue
      const job = this.#waiting.shift()
      if (job === undefined) return
      thread.job = job
      thread.timer = setTimeout(() => this.#replace(i, FAILED), this.#itemMsMax)
      thread.worker.postMessage(job.task)
    }
  }

  #start(i: number): Worker {
    const worker = new Worker(new URL('./scan-worker.ts', import.meta.url), {
      workerData: this.#knowledge,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    worker.unref()
    worker.on('message', ({ id, result }: ScanAnswer) => {
      const thread = this.#threads[i]
      if (thread?.job?.task.id === id) this.#finish(i, result)
    })
    // Out of memory, or a defect: the item is skipped, the next one gets a new thread.
    worker.on('error', () => this.#replace(i, { ...FAILED, skipped: 'undecodable' }))
    return worker
  }

  #finish(i: number, result: ScanResult): void {
    const thread = this.#threads[i]
    if (thread === undefined) return
    clearTimeout(thread.timer)
    const { job } = thread
    thread.job = null
    job?.done(result)
    this.#next()
  }

  #replace(i: number, result: ScanResult): void {
    const thread = this.#threads[i]
    if (thread === undefined || this.#isClosed) return
    thread.worker.removeAllListeners()
    thread.worker.on('error', () => undefined)
    void thread.worker.terminate()
    thread.worker = this.#start(i)
    this.#finish(i, result)
  }
}
