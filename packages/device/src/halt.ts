/**
 * The person's own word that nothing is recorded: kept here first, so that it holds without a network and over restarts, and
 * told to the portal until that has heard it.
 */
import { type Clock, isFairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import type { Device } from './device.ts'
import type { Timer, Timers } from './timers.ts'

const SETTING = 'halt'
const RETRY_FIRST_MS = 5_000
const RETRY_MS_MAX = 300_000

const haltSchema = z.strictObject({
  kind: z.enum(['paused', 'withdrawn']),
  sinceMs: z.number(),
  /** Whether the portal has heard it, or would not hear it. */
  isTold: z.boolean(),
})
export type Halt = z.infer<typeof haltSchema>

export class KeptHalt {
  readonly #device: Device
  readonly #clock: Clock
  readonly #timers: Timers
  #halt: Halt | null = null
  #timer: Timer | null = null
  #failures = 0
  #isStopped = false
  #telling: Promise<unknown> = Promise.resolve()

  constructor(device: Device, clock: Clock, timers: Timers) {
    this.#device = device
    this.#clock = clock
    this.#timers = timers
  }

  get now(): Halt | null {
    return this.#halt
  }

  async read(): Promise<void> {
    this.#isStopped = false
    const kept = await this.#device.outbox.readSetting(SETTING)
    this.#halt = kept === null ? null : haltSchema.parse(kept)
    if (this.#halt?.isTold === false) void this.#tryTelling()
  }

  /** Counts from the call on; returns when it is on the disk too. The portal is told meanwhile. */
  async pause(): Promise<void> {
    await this.#set('paused')
    void this.#tryTelling()
  }

  /** As `pause`, and waits for the portal's answer. @returns the receipt @throws what the portal refuses; it is told again later */
  async withdraw(): Promise<string> {
    await this.#set('withdrawn')
    try {
      return await this.#tell(() => this.#device.withdraw())
    } catch (cause) {
      this.#retryLater()
      throw cause
    }
  }

  /** @throws `SERVER_UNREACHABLE` where the portal holds the pause too: then it stays here as well */
  async resume(): Promise<void> {
    this.#timer?.clear()
    await this.#telling
    if (this.#device.membership !== null) {
      try {
        await this.#device.setPaused(false)
      } catch (cause) {
        // Without consent there is nothing to resume there; the next lease will say what is so.
        if (!isFairtraceError(cause) || cause.code !== 'CONSENT_REQUIRED') throw cause
      }
    }
    await this.clear()
  }

  async clear(): Promise<void> {
    this.#timer?.clear()
    this.#halt = null
    await this.#device.outbox.writeSetting(SETTING, null)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.clear()
  }

  async #set(kind: Halt['kind']): Promise<void> {
    this.#timer?.clear()
    this.#failures = 0
    this.#halt = { kind, sinceMs: this.#clock.nowMs(), isTold: this.#device.membership === null }
    await this.#device.outbox.writeSetting(SETTING, this.#halt)
  }

  async #tryTelling(): Promise<void> {
    const halt = this.#halt
    if (halt === null || halt.isTold) return
    try {
      await this.#tell(async () => {
        if (halt.kind === 'paused') await this.#device.setPaused(true)
        else await this.#device.withdraw()
      })
    } catch {
      // It holds here whatever the portal says; the portal is told again.
      this.#retryLater()
    }
  }

  async #tell<T>(telling: () => Promise<T>): Promise<T> {
    const halt = this.#halt
    const told = telling()
    this.#telling = told.catch(() => undefined)
    let answer: T
    try {
      answer = await told
    } catch (cause) {
      if (isFairtraceError(cause) && cause.status >= 400 && cause.status < 500) await this.#markTold(halt)
      throw cause
    }
    await this.#markTold(halt)
    return answer
  }

  async #markTold(halt: Halt | null): Promise<void> {
    // Another word was said meanwhile: that one is told for itself.
    if (halt === null || this.#halt !== halt) return
    this.#halt = { ...halt, isTold: true }
    await this.#device.outbox.writeSetting(SETTING, this.#halt)
  }

  #retryLater(): void {
    if (this.#isStopped || this.#halt?.isTold !== false) return
    const waitMs = Math.min(RETRY_FIRST_MS * 2 ** this.#failures++, RETRY_MS_MAX)
    this.#timer?.clear()
    this.#timer = this.#timers.set(waitMs, () => void this.#tryTelling())
  }
}
