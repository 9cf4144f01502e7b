/**
 * Once a day at a random time: a portal that sees when a device sends learns nothing of when its person works.
 *
 * The time is drawn once for each day and kept, so that a restart draws no other one. A time that passed while the device was
 * off is drawn again within the hour, so that starting up is no signal either.
 */
import type { Clock } from '@fairtrace/core'
import { z } from 'zod'
import type { Settings } from './storage.ts'
import type { Timer, Timers } from './timers.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Later than this, the time was missed: a timer is never so late while the device is awake. */
const LATE_MS = 60_000
const SETTING = 'daily-round'

const keptSchema = z.strictObject({ atMs: z.number() })

export interface DailyRoundOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly timers: Timers
  readonly random: () => number
  /** Never rejects. @returns whether all of it was done; if not, it is tried again within two hours */
  readonly work: () => Promise<boolean>
}

export class DailyRound {
  readonly #options: DailyRoundOptions
  #atMs = 0
  #timer: Timer | null = null
  #isStopped = false
  #running: Promise<void> = Promise.resolve()

  constructor(options: DailyRoundOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    this.#isStopped = false
    const { settings, clock, random } = this.#options
    const kept = keptSchema.safeParse(await settings.readSetting(SETTING)).data
    if (kept !== undefined) this.#atMs = kept.atMs
    // The first one ever falls into the day from now on.
    else await this.#keep(clock.nowMs() + random() * DAY_MS)
    await this.check()
  }

  /** After a sleep of the machine, whose timers slept too. */
  async check(): Promise<void> {
    const { clock, random } = this.#options
    const nowMs = clock.nowMs()
    try {
      if (nowMs > this.#atMs + LATE_MS || this.#atMs > nowMs + 2 * DAY_MS) await this.#keep(nowMs + random() * HOUR_MS)
    } finally {
      this.#arm()
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.clear()
    await this.#running
  }

  #arm(): void {
    this.#timer?.clear()
    if (this.#isStopped) return
    const { clock, timers } = this.#options
    this.#timer = timers.set(Math.max(0, this.#atMs - clock.nowMs()), () => {
      this.#running = this.#run()
    })
  }

  async #run(): Promise<void> {
    const { clock, random, work } = this.#options
    if (clock.nowMs() < this.#atMs) {
      this.#arm()
      return
    }
    const isDone = await work()
    const nowMs = clock.nowMs()
    const tomorrowMs = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS
    try {
      await this.#keep(isDone ? tomorrowMs + random() * DAY_MS : nowMs + HOUR_MS + random() * HOUR_MS)
    } catch {
      // A full disk: the next time stands in memory, and a restart draws one within the hour.
    }
    this.#arm()
  }

  async #keep(atMs: number): Promise<void> {
    this.#atMs = Math.ceil(atMs)
    await this.#options.settings.writeSetting(SETTING, { atMs: this.#atMs })
  }
}
