/** A role, or a demonstration's keeper, as a child process: started, watched, spoken to, restarted when it dies. */
import { type ChildProcess, fork } from 'node:child_process'
import { openSync } from 'node:fs'
import { ERRORS, type ErrorCode, FairtraceError } from '@fairtrace/core'
import { type FromRole, fromRoleSchema, type ToRole } from '../runtime/messages.ts'

export interface RoleProcessOptions {
  readonly name: string
  /** The command line's own entry. */
  readonly entry: string
  /** For it, such as `serve --role vault …`. */
  readonly args: readonly string[]
  readonly logFile: string
  /** Further arguments for Node; see `EmbeddedOptions`. */
  readonly execArgv?: readonly string[]
  /** Called when the process has died and was not told to. */
  onDeath(): void
}

const START_MS_MAX = 30_000
const ANSWER_MS_MAX = 10_000

export class RoleProcess {
  readonly options: RoleProcessOptions
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  #stopping = false
  #nextId = 1

  private constructor(options: RoleProcessOptions, child: ChildProcess) {
    this.options = options
    this.#child = child
    this.#exited = new Promise((resolve) => {
      child.on('exit', () => resolve())
    })
  }

  /** @throws the code with which the role refused to start, or `ROLE_FAILED` */
  static async start(options: RoleProcessOptions): Promise<{ process: RoleProcess; address: string | null }> {
    const log = openSync(options.logFile, 'a', 0o600)
    // A session of its own: Ctrl-C in the terminal is ours to handle, once, in order.
    const child = fork(options.entry, options.args, {
      execArgv: ['--disable-warning=ExperimentalWarning', ...(options.execArgv ?? [])],
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    })
    const started = new RoleProcess(options, child)
    const first = await started.#receive(START_MS_MAX, (message) => message.type !== 'done')
    if (first?.type === 'ready') {
      child.on('exit', () => {
        if (!started.#stopping) options.onDeath()
      })
      return { process: started, address: first.address }
    }
    child.kill('SIGKILL')
    if (first?.type === 'failed') throw new FairtraceError(asErrorCode(first.code), `${options.name}: ${first.message}`)
    throw new FairtraceError(
      'ROLE_FAILED',
      `the ${options.name} did not start; see logs/${options.name}.log in the data directory`,
    )
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  send(message: ToRole): void {
    if (this.#child.connected) this.#child.send(message)
  }

  /** Sends a message and waits until the role has done it. @throws `CLOCK_NOT_DEMONSTRATION`, `ROLE_FAILED` */
  async ask(message: { type: 'clock'; offsetMs: number } | { type: 'open' }): Promise<void> {
    const id = this.#nextId++
    const answer = this.#receive(ANSWER_MS_MAX, (received) => received.type === 'done' && received.id === id)
    this.send({ ...message, id })
    const done = await answer
    if (done?.type !== 'done') throw new FairtraceError('ROLE_FAILED', `the ${this.options.name} did not answer`)
    if (done.refused !== null)
      throw new FairtraceError(asErrorCode(done.refused), `the ${this.options.name} refused to move its clock`)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.send({ type: 'stop' })
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), ANSWER_MS_MAX)
    await this.#exited
    clearTimeout(timer)
  }

  #receive(msMax: number, wanted: (message: FromRole) => boolean): Promise<FromRole | null> {
    return new Promise((resolve) => {
      const finish = (message: FromRole | null) => {
        clearTimeout(timer)
        this.#child.off('message', onMessage)
        this.#child.off('exit', onExit)
        resolve(message)
      }
      const onMessage = (raw: unknown) => {
        const message = fromRoleSchema.safeParse(raw).data
        if (message && wanted(message)) finish(message)
      }
      const onExit = () => finish(null)
      const timer = setTimeout(() => finish(null), msMax)
      this.#child.on('message', onMessage)
      this.#child.on('exit', onExit)
    })
  }
}

function asErrorCode(code: string): ErrorCode {
  return Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'ROLE_FAILED'
}
