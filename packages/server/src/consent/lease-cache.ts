/**
 * What a renewal is decided from, in memory: the programme, and each device with its person's consent.
 *
 * Fails closed: what is kept counts only while every change is sure to be heard. As soon as that is in doubt, each renewal
 * reads the database for itself; without a database there is none. Nothing here says when anybody renewed.
 */
import { FairtraceError } from '@fairtrace/core'
import type { Programme } from '../runtime/programme.ts'
import type { DeviceStanding } from './decide.ts'
import type { ProgrammeReader } from './programme.ts'
import type { ConsentStore } from './store.ts'

const DEVICES_MAX = 250_000
/** A database that can't be reached refuses by then: nobody waits for a lease that may be of before. */
const ANSWER_MS_MAX = 3_000

export interface LeaseCacheOptions {
  readonly store: Pick<ConsentStore, 'standing'>
  readonly programmes: Pick<ProgrammeReader, 'read'>
  /** Whether changes are heard now. */
  readonly isLive: () => boolean
  readonly handleOf: (pseudonym: string) => string
}

export class LeaseCache {
  readonly #options: LeaseCacheOptions
  #programme: Promise<Programme | null> | null = null
  readonly #standings = new Map<string, DeviceStanding>()
  /** The devices of each person, under the handle by which a change names them. */
  readonly #devices = new Map<string, readonly string[]>()
  /** Counts what was forgotten: an answer that was under way meanwhile may be of before, and isn't kept. */
  #forgotten = 0

  constructor(options: LeaseCacheOptions) {
    this.#options = options
  }

  async programme(): Promise<Programme | null> {
    const { programmes, isLive } = this.#options
    if (!isLive()) return answered(programmes.read())
    this.#programme ??= programmes.read()
    const reading = this.#programme
    try {
      return await answered(reading)
    } catch (cause) {
      if (this.#programme === reading) this.#programme = null
      throw cause
    }
  }

  /** @returns null if the device isn't enrolled; that is never kept, or asking for many would fill the memory */
  async standing(device: string): Promise<DeviceStanding | null> {
    const { store, isLive } = this.#options
    const isHeard = isLive()
    const known = isHeard ? this.#standings.get(device) : undefined
    if (known !== undefined) return known
    const forgotten = this.#forgotten
    const read = await answered(store.standing(device))
    if (read !== null && isHeard && forgotten === this.#forgotten && isLive()) this.#keep(read)
    return read
  }

  forget(handle: string): void {
    this.#forgotten++
    for (const device of this.#devices.get(handle) ?? []) this.#standings.delete(device)
    this.#devices.delete(handle)
  }

  forgetProgramme(): void {
    this.#programme = null
  }

  forgetAll(): void {
    this.#forgotten++
    this.#programme = null
    this.#standings.clear()
    this.#devices.clear()
  }

  #keep(standing: DeviceStanding): void {
    if (this.#standings.size >= DEVICES_MAX) this.forgetAll()
    const { device, pseudonym, consent } = standing
    const handle = this.#options.handleOf(pseudonym)
    // The receipt decides nothing, and is the longest part.
    const slim = consent.state === 'undecided' ? consent : { ...consent, receipt: '' }
    this.#standings.set(device, { ...standing, consent: slim })
    const devices = this.#devices.get(handle) ?? []
    if (!devices.includes(device)) this.#devices.set(handle, [...devices, device])
  }
}

/** @throws `DATABASE_FAILED` if it takes too long */
async function answered<T>(asked: Promise<T>): Promise<T> {
  asked.catch(() => undefined)
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new FairtraceError('DATABASE_FAILED', 'the database does not answer')),
    ANSWER_MS_MAX,
  )
  try {
    return await Promise.race([asked, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
