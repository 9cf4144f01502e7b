/** The process of simulated devices, from outside. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

export type Ask =
  | /** Those of the file up to this number that have not yet. */
  { readonly do: 'authenticate'; readonly url: string; readonly file: string; readonly upTo: number }
  | { readonly do: 'renew'; readonly url: string; readonly seconds: number }
  | { readonly do: 'renew-slowly'; readonly url: string; readonly seconds: number }
  /** All that don't yet. */
  | { readonly do: 'listen'; readonly url: string }
  | { readonly do: 'capture'; readonly url: string }
  | { readonly do: 'last-captures' }
  | { readonly do: 'close' }

export interface Told {
  readonly count: number
  readonly seconds: number
  /** Of each device, in the order of the file. */
  readonly lastCapturesAtMs?: readonly number[]
}

export class Generator {
  readonly #child: ChildProcess
  #asked = 0

  /** @param core where it runs, or null for any */
  constructor(core: number | null) {
    const main = fileURLToPath(new URL('./generator-main.ts', import.meta.url))
    const node = [process.execPath, '--disable-warning=ExperimentalWarning']
    this.#child =
      core === null
        ? fork(main, { execArgv: node.slice(1) })
        : fork(main, { execPath: 'taskset', execArgv: ['-c', String(core), ...node] })
  }

  ask(ask: Ask): Promise<Told> {
    const id = this.#asked++
    this.#child.send({ id, ask })
    return new Promise((resolve, reject) => {
      const take = (message: { id: number; told?: Told; failed?: string }) => {
        if (message.id !== id) return
        this.#child.off('message', take)
        if (message.told === undefined) reject(new RangeError(message.failed ?? 'no answer'))
        else resolve(message.told)
      }
      this.#child.on('message', take)
    })
  }

  async stop(): Promise<void> {
    this.#child.kill()
    await once(this.#child, 'exit')
  }
}
