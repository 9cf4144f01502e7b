/** One device, put together: who it is, its lease, capture, review, upload. Knows no folder and no browser. */
import {
  type Clock,
  type DeviceId,
  FairtraceError,
  type InputEvent,
  isFairtraceError,
  type RecordingId,
  type TaskOutcome,
} from '@fairtrace/core'
import { type CaptureReport, CaptureSession } from './capture.ts'
import { type ChosenTask, markOutcome, readChosenTask, requireTask, writeChosenTask } from './chosen-task.ts'
import { DeviceConcerns } from './concerns.ts'
import { describeAction } from './describe-action.ts'
import { Identity } from './identity.ts'
import { LeaseClient } from './lease-client.ts'
import { type LiveCallbacks, LiveCapture } from './live-capture.ts'
import {
  type Choice,
  type ConsentStatus,
  consentState,
  consentStatus,
  giveConsent,
  type Joined,
  type Membership,
  type NoticeText,
  noticeText,
  type OwnAccess,
  ownAccesses,
  ownAccessProof,
  setConsentPaused,
  withdrawConsent,
} from './membership.ts'
import { narrowHeld } from './narrow-held.ts'
import type { WaitingRecording } from './outbox.ts'
import type { Fetch } from './portal-client.ts'
import { fetchCharter, fetchProgramme, type Programme } from './programme.ts'
import { type SentReport, sendDue } from './send-due.ts'
import type { DeviceStorage } from './storage.ts'
import { systemTimers, type Timers } from './timers.ts'

/** What this device declares as its build; a charter lists the builds that were reviewed. */
export const DEVICE_BUILD = 'fairtrace-device-0.1.0'

export interface DeviceOptions {
  readonly clock: Clock
  /** Where the portal is; the address of the enrolment where it is left out. */
  readonly serverUrl?: string
  /** What it declares as its build; this package's own where it is left out. */
  readonly build?: string
  readonly fetch?: Fetch
  /** Milliseconds of a clock that nobody can turn back. */
  readonly monotonicMs?: () => number
  /** In [0, 1): spreads what devices ask. */
  readonly random?: () => number
  readonly sleep?: (ms: number) => Promise<void>
}

export interface ReviewItem extends WaitingRecording {
  /** When it may leave by itself; null while it grows. */
  readonly heldUntilMs: number | null
  /** What would leave, one plain sentence an action. */
  readonly sentences: readonly string[]
}

const NOTHING_SENT: SentReport = { sealed: 0, narrowedAway: 0, uploaded: 0, bytes: 0, kept: [], stopped: null }

/** Puts a device together from what its storage holds; a storage that holds nothing is a new device. */
export async function restoreDevice(storage: DeviceStorage, options: DeviceOptions): Promise<Device> {
  // A browser's `fetch` must be called as its own.
  const fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  const identity = await Identity.restore(storage, fetch, options.serverUrl)
  return new Device(storage, { ...options, fetch }, identity, await readChosenTask(storage))
}

export class Device {
  readonly #storage: DeviceStorage
  readonly #options: DeviceOptions
  readonly #fetch: Fetch
  readonly #identity: Identity
  #chosenTask: ChosenTask | null
  #leases: LeaseClient | null = null

  constructor(
    storage: DeviceStorage,
    options: DeviceOptions & { readonly fetch: Fetch },
    identity: Identity,
    chosenTask: ChosenTask | null,
  ) {
    this.#storage = storage
    this.#options = options
    this.#fetch = options.fetch
    this.#identity = identity
    this.#chosenTask = chosenTask
  }

  /** The id that the server gave this device, or null before it is enrolled. */
  get id(): DeviceId | null {
    return this.#identity.enrolled?.id ?? null
  }

  get membership(): Membership | null {
    return this.#identity.membership
  }

  /** Whether this device knows a programme: by joining it, or by a one-time code. */
  get hasJoined(): boolean {
    return this.#identity.place !== null
  }

  /** What waits, for what `review` doesn't show. */
  get outbox(): DeviceStorage {
    return this.#storage
  }

  /**
   * The programme as the portal states it now, checked against what this device pinned.
   * @throws `EPOCH_OVER` if the server stands where this device has seen it go on: a backup, or a lockdown undone
   */
  async programme(): Promise<Programme> {
    const { serverUrl, pins } = this.#identity.requirePlace()
    const programme = await fetchProgramme(this.#fetch, serverUrl, pins)
    const highest = await this.#storage.highestSeen()
    if (programme.epoch < highest.epoch) {
      throw new FairtraceError('EPOCH_OVER', `the server is at epoch ${programme.epoch}; ${highest.epoch} was seen`)
    }
    return programme
  }

  /**
   * Takes an invitation. Nothing is captured before the reflection period is over and consent is given.
   * @throws `INVITATION_UNKNOWN`, `SERVER_UNREACHABLE`
   */
  join(serverUrl: string, code: string): Promise<Joined> {
    return this.#identity.join(serverUrl, code)
  }

  /**
   * Gives consent in the participant's name: only ever called on their word.
   * @returns the signed receipt
   * @throws `REFLECTION_NOT_OVER`, `CONSENT_STALE`
   */
  consent(choice: Choice): Promise<string> {
    return giveConsent(this.#fetch, this.#identity.requireMembership(), choice)
  }

  /**
   * Makes a key, enrols it, and keeps both. The server's issuer and vault keys are pinned here, at first contact.
   * @param session the participant's bearer token
   */
  enrol(serverUrl: string, session: string, build: string = this.#build): Promise<DeviceId> {
    this.#leases = null
    return this.#identity.enrol(serverUrl, session, build)
  }

  /**
   * As `enrol`, with a one-time code in place of the participant's session: this device then captures and uploads for them, and
   * decides nothing in their name.
   * @throws `ENROLMENT_CODE_UNKNOWN`, `BUILD_NOT_REVIEWED`
   */
  enrolWithCode(serverUrl: string, code: string, build: string = this.#build): Promise<DeviceId> {
    this.#leases = null
    return this.#identity.enrolWithCode(serverUrl, code, build)
  }

  /**
   * Captures a stream of events until it ends, renewing the lease meanwhile, and hearing of its end.
   * @param options.task a task of the charter, or null for none; left out, the task that was chosen on this device
   * @param options.outcome how the task ended at the end of the stream, if that is known already
   * @param options.replayed events of an old recording: they count as happening now
   * @param options.attach told when a live source may hook in (true) and must let go at once (false)
   * @throws where there is no lease to begin with: `CONSENT_REQUIRED`, `PROGRAMME_NOT_RUNNING`, `SERVER_UNREACHABLE`, …
   */
  async capture(
    events: Iterable<InputEvent> | AsyncIterable<InputEvent>,
    options: {
      readonly task?: string | null
      readonly outcome?: TaskOutcome | null
      readonly replayed?: boolean
      readonly attach?: (isAttached: boolean) => void
    } = {},
  ): Promise<CaptureReport> {
    const leases = await this.#leaseClient()
    // Asked for anew: while nobody captured, nobody listened for an end of the old one.
    await this.#withdrawnElsewhere(() => leases.renew())
    const task = options.task === undefined ? (this.#chosenTask?.task ?? null) : options.task
    const outcome = options.outcome ?? null
    requireTask(leases.programme.charter, task)
    if (outcome !== null && task === null) throw new FairtraceError('USAGE', 'only a task has an outcome')
    const before = new Set((await this.#storage.list()).map(({ id }) => id))
    const live = this.#live(leases, task, { attach: options.attach ?? (() => undefined) })
    const { clock } = this.#options
    try {
      for await (const event of events) {
        // Whoever can wait for the next event waits for the next lease too, so that a fast stream meets no hole.
        await live.keepFresh()
        await live.push(options.replayed ? { ...event, atMs: clock.nowMs() } : event)
      }
    } finally {
      await live.stop()
    }
    if (outcome !== null) await markOutcome(this.#storage, ({ id }) => !before.has(id), outcome)
    return live.report
  }

  /**
   * Ready to capture from a live source, for `DeviceService`: from its `askNow` to its `stop` it keeps a lease.
   * @throws `DEVICE_UNKNOWN`, `SERVER_UNREACHABLE`, `SIGNATURE_INVALID`, `EPOCH_OVER`
   */
  async openCapture(callbacks: LiveCallbacks & { readonly timers?: Timers }): Promise<LiveCapture> {
    const leases = await this.#leaseClient()
    const task = this.#chosenTask?.task ?? null
    // Asked for anew: while nobody captured, nobody listened for an end of the old one.
    leases.drop()
    return this.#live(leases, task, callbacks)
  }

  /** The task that is being shown, or null for none. */
  get chosenTask(): ChosenTask | null {
    return this.#chosenTask
  }

  /** Chooses a task of the charter for what is captured from here on, or none. @throws `USAGE` */
  async chooseTask(task: string | null): Promise<void> {
    const { charter } = await this.programme()
    requireTask(charter, task)
    await this.#keepTask(task === null ? null : { task, sinceMs: this.#options.clock.nowMs() })
  }

  /**
   * Says how the chosen task ended, and ends the choice.
   * @returns the recording that says so, or null if none of the task waits here any more
   * @throws `USAGE` without a chosen task
   */
  async finishTask(outcome: TaskOutcome): Promise<RecordingId | null> {
    const chosen = this.#chosenTask
    if (chosen === null) throw new FairtraceError('USAGE', 'no task is chosen')
    const isOfTask = ({ task, startedAtMs }: WaitingRecording) => task === chosen.task && startedAtMs >= chosen.sinceMs
    const marked = await markOutcome(this.#storage, isOfTask, outcome)
    await this.#keepTask(null)
    return marked
  }

  /** Everything that waits, as the participant reads it. */
  async review(): Promise<readonly ReviewItem[]> {
    const waiting = await this.#storage.list()
    return Promise.all(
      waiting.map(async (recording) => ({
        ...recording,
        heldUntilMs: recording.endedAtMs === null ? null : recording.endedAtMs + recording.reviewMs,
        sentences: (await this.#storage.actions(recording.id)).map(describeAction),
      })),
    )
  }

  /**
   * The participant lets recordings go before their review period ends.
   * @param recordings which ones; every held one where it is left out
   * @returns how many
   */
  async releaseEarly(recordings?: readonly WaitingRecording['id'][]): Promise<number> {
    const held = (await this.#storage.list()).filter(
      ({ id, state }) => state === 'held' && (recordings === undefined || recordings.includes(id)),
    )
    await this.#storage.release(held.map(({ id }) => id))
    return held.length
  }

  /** Seals what is due and sends what is sealed. What can't be sent stays; the report says why. */
  async upload(): Promise<SentReport> {
    const { serverUrl } = this.#identity.requirePlace()
    const { id, key } = this.#identity.requireEnrolled()
    const { clock, sleep, random } = this.#options
    const due = await this.#storage.due(clock.nowMs())
    if (due.length === 0 && (await this.#storage.sealed(1)).length === 0) return NOTHING_SENT
    try {
      const sent = await this.#withdrawnElsewhere(() =>
        sendDue({
          fetch: this.#fetch,
          serverUrl,
          device: id,
          deviceKey: key,
          outbox: this.#storage,
          clock,
          programme: () => this.programme(),
          narrow: async () => {
            // The terms of now, not those of a minute ago.
            await (await this.#leaseClient()).renew()
            return this.narrowHeld()
          },
          ...(sleep === undefined ? {} : { sleep }),
          ...(random === undefined ? {} : { random }),
        }),
      )
      if (sent.stopped === 'CONSENT_REQUIRED') await this.deleteIfWithdrawn()
      return sent
    } catch (cause) {
      if (!isFairtraceError(cause)) throw cause
      // Nothing left the outbox: the same call later goes on where this one ended.
      return { ...NOTHING_SENT, stopped: cause.code }
    }
  }

  /**
   * Brings everything that is held under the terms of now: what they no longer let out is deleted here.
   * @returns actions that went
   * @throws whatever a request for a lease throws: without one, the terms of now are not known
   */
  async narrowHeld(): Promise<number> {
    const leases = await this.#leaseClient()
    const { lease } = leases.current() ?? (await leases.renew())
    return narrowHeld(this.#storage, leases.programme.charter, lease)
  }

  /**
   * Withdraws consent. What waits is deleted first, so that it is gone even where the server can't be reached.
   * @returns the signed receipt
   */
  async withdraw(): Promise<string> {
    this.#leases?.drop()
    await this.#storage.deleteEverything()
    return withdrawConsent(this.#fetch, this.#identity.requireMembership())
  }

  /** @param atMs a moment in the past to see, or null for now */
  consentStatus(atMs: number | null = null): Promise<ConsentStatus> {
    return consentStatus(this.#fetch, this.#identity.requireMembership(), atMs)
  }

  /**
   * Asks the portal whether consent was withdrawn somewhere else; then what waits here goes too.
   * @returns the state of consent, or null where it is not known: then what waits is kept, and nothing is captured or sent
   *   without consent anyway
   */
  async deleteIfWithdrawn(): Promise<string | null> {
    let state: string
    try {
      state = await consentState(this.#fetch, this.#identity.requireMembership())
    } catch (cause) {
      if (!isFairtraceError(cause)) throw cause
      return null
    }
    if (state === 'withdrawn') await this.#storage.deleteEverything()
    return state
  }

  /** Who opened what is stored about this person. */
  accesses(): Promise<readonly OwnAccess[]> {
    return ownAccesses(this.#fetch, this.#identity.requireMembership())
  }

  /** The `.tlog-proof` of one of them, by its place in the ledger. @throws `NOT_FOUND` */
  accessProof(index: number): Promise<string> {
    return ownAccessProof(this.#fetch, this.#identity.requireMembership(), index)
  }

  /** Pauses, or ends the pause. @throws `CONSENT_REQUIRED` */
  async setPaused(isPaused: boolean): Promise<void> {
    // First here: what the server says later changes nothing about that nobody wants to be recorded now.
    if (isPaused) this.#leases?.drop()
    await setConsentPaused(this.#fetch, this.#identity.requireMembership(), isPaused)
  }

  /** The exact text of a notice, of now or of before. @throws `NOT_FOUND` */
  notice(version: number): Promise<NoticeText> {
    return noticeText(this.#fetch, this.#identity.requireMembership(), version)
  }

  /** Raising, joining and leaving concerns. @throws `DEVICE_UNKNOWN` before joining the programme */
  concerns(): DeviceConcerns {
    return new DeviceConcerns(this.#fetch, this.#identity.requireMembership(), this.#storage, this.#options.clock)
  }

  async close(): Promise<void> {
    this.#leases?.drop()
    await this.#storage.close()
  }

  get #build(): string {
    return this.#options.build ?? DEVICE_BUILD
  }

  #live(
    leases: LeaseClient,
    task: string | null,
    callbacks: LiveCallbacks & { readonly timers?: Timers },
  ): LiveCapture {
    const { clock } = this.#options
    return new LiveCapture({
      timers: systemTimers,
      ...callbacks,
      leases,
      session: new CaptureSession({ leases, outbox: this.#storage, clock, task }),
      fetch: this.#fetch,
      serverUrl: this.#identity.requirePlace().serverUrl,
      random: this.#options.random ?? Math.random,
    })
  }

  async #keepTask(chosen: ChosenTask | null): Promise<void> {
    await writeChosenTask(this.#storage, chosen)
    this.#chosenTask = chosen
  }

  async #leaseClient(): Promise<LeaseClient> {
    if (this.#leases !== null) return this.#leases
    const { serverUrl, pins } = this.#identity.requirePlace()
    const { id, key, build } = this.#identity.requireEnrolled()
    const { clock, monotonicMs, random } = this.#options
    this.#leases = new LeaseClient({
      fetch: this.#fetch,
      serverUrl,
      deviceKey: key,
      device: id,
      build,
      pins,
      programme: await this.programme(),
      fetchProgramme: () => this.programme(),
      fetchCharter: (hash) => fetchCharter(this.#fetch, serverUrl, hash, pins),
      outbox: this.#storage,
      clock,
      monotonicMs: monotonicMs ?? (() => performance.now()),
      ...(random === undefined ? {} : { random }),
    })
    return this.#leases
  }

  /** A withdrawal in the portal reaches this device as a refusal of `work`: then what waits here goes too. */
  async #withdrawnElsewhere<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      if (isFairtraceError(cause) && cause.code === 'CONSENT_REQUIRED') await this.deleteIfWithdrawn()
      throw cause
    }
  }
}
