/** One device on a desktop, put together: folder, keys, lease, capture, review, upload. */
import {
  type Action,
  type Clock,
  type DeviceId,
  FairtraceError,
  type InputEvent,
  isFairtraceError,
  type RecordingId,
  type TaskOutcome,
} from '@fairtrace/core'
import { base64url as jose } from 'jose'
import { buildBatches } from './build-batches.ts'
import { type CaptureReport, CaptureSession } from './capture.ts'
import { runCapture } from './capture-loop.ts'
import { type ChosenTask, markOutcome, readChosenTask, requireTask, writeChosenTask } from './chosen-task.ts'
import { DeviceConcerns } from './concerns.ts'
import { describeAction } from './describe-action.ts'
import { openDeviceFolder } from './device-folder.ts'
import { createDeviceKey, type DeviceKey, exportDeviceKey, importDeviceKey } from './device-key.ts'
import { LeaseClient } from './lease-client.ts'
import {
  type Choice,
  type ConsentStatus,
  consentState,
  consentStatus,
  type Enrolment,
  enrolDevice,
  enrolDeviceWithCode,
  enrolmentSchema,
  giveConsent,
  type Joined,
  join,
  type Membership,
  membershipSchema,
  type NoticeText,
  noticeText,
  type OwnAccess,
  ownAccesses,
  ownAccessProof,
  type Place,
  placeSchema,
  setConsentPaused,
  withdrawConsent,
} from './membership.ts'
import type { Outbox, WaitingRecording } from './outbox.ts'
import type { Fetch } from './portal-client.ts'
import { fetchCharter, fetchProgramme, type Pins, type Programme, pinsOf } from './programme.ts'
import { reshield } from './reshield.ts'
import { type SealTo, sealEncodedBody } from './seal.ts'
import { openSqliteOutbox, type SqliteOutbox } from './sqlite-outbox.ts'
import { readLease } from './tokens.ts'
import { type UploadReport, uploadSealed } from './upload.ts'

/** What this device declares as its build; a charter lists the builds that were reviewed. */
export const DEVICE_BUILD = 'fairtrace-device-0.1.0'

export interface DeviceOptions {
  readonly clock: Clock
  /** Where the portal is; the address of the enrolment where it is left out. */
  readonly serverUrl?: string
  readonly fetch?: Fetch
  /** Milliseconds of a clock that nobody can turn back. */
  readonly monotonicMs?: () => number
  readonly sleep?: (ms: number) => Promise<void>
  /** Bytes that may wait before capture stops. */
  readonly outboxBytesMax?: number
}

export interface ReviewItem extends WaitingRecording {
  /** When it may leave by itself; null while it grows. */
  readonly heldUntilMs: number | null
  /** What would leave, one plain sentence an action. */
  readonly sentences: readonly string[]
}

export interface DeviceUploadReport extends UploadReport {
  /** Batches sealed in this call. */
  readonly sealed: number
  /** Actions that were held and that the charter of now no longer lets out. */
  readonly narrowedAway: number
}

const NOTHING_UPLOADED: DeviceUploadReport = {
  sealed: 0,
  narrowedAway: 0,
  uploaded: 0,
  bytes: 0,
  kept: [],
  stopped: null,
}

/**
 * Opens the folder of a device, alone, or creates it.
 * @throws `OUTBOX_IN_USE`, `OUTBOX_CORRUPT`, `DATA_DIR_UNUSABLE`
 */
export async function openDevice(dir: string, options: DeviceOptions): Promise<Device> {
  const { outboxFile, storageKey } = openDeviceFolder(dir)
  const outbox = openSqliteOutbox({
    file: outboxFile,
    storageKey,
    clock: options.clock,
    ...(options.outboxBytesMax === undefined ? {} : { bytesMax: options.outboxBytesMax }),
  })
  try {
    const enrolment = outbox.readSetting('enrolment')
    const membership = outbox.readSetting('membership')
    const place = outbox.readSetting('place')
    return new Device(
      outbox,
      options,
      membership === null ? null : membershipSchema.parse(membership),
      place === null ? null : placeSchema.parse(place),
      enrolment === null ? null : await restore(enrolmentSchema.parse(enrolment)),
    )
  } catch (cause) {
    outbox.close()
    throw cause
  }
}

interface Enrolled {
  readonly id: DeviceId
  readonly build: string
  readonly key: DeviceKey
}

async function restore({ device, build, privateKey }: Enrolment): Promise<Enrolled> {
  return { id: device as DeviceId, build, key: await importDeviceKey(jose.decode(privateKey)) }
}

export class Device {
  readonly #outbox: SqliteOutbox
  readonly #options: DeviceOptions
  readonly #fetch: Fetch
  #membership: Membership | null
  #place: Place | null
  #enrolled: Enrolled | null
  #leases: LeaseClient | null = null

  constructor(
    outbox: SqliteOutbox,
    options: DeviceOptions,
    membership: Membership | null,
    place: Place | null,
    enrolled: Enrolled | null,
  ) {
    this.#outbox = outbox
    this.#options = options
    this.#fetch = options.fetch ?? globalThis.fetch
    this.#membership = membership
    this.#place = place
    this.#enrolled = enrolled
  }

  /** The id that the server gave this device, or null before it is enrolled. */
  get id(): DeviceId | null {
    return this.#enrolled?.id ?? null
  }

  get membership(): Membership | null {
    return this.#membership
  }

  /** What waits, for what `review` doesn't show. */
  get outbox(): Outbox {
    return this.#outbox
  }

  /**
   * The programme as the portal states it now, checked against what this device pinned.
   * @throws `EPOCH_OVER` if the server stands where this device has seen it go on: a backup, or a lockdown undone
   */
  async programme(): Promise<Programme> {
    const { serverUrl, pins } = this.#requirePlace()
    const programme = await fetchProgramme(this.#fetch, serverUrl, pins)
    const highest = await this.#outbox.highestSeen()
    if (programme.epoch < highest.epoch) {
      throw new FairtraceError('EPOCH_OVER', `the server is at epoch ${programme.epoch}; ${highest.epoch} was seen`)
    }
    return programme
  }

  /**
   * Takes an invitation. Nothing is captured before the reflection period is over and consent is given.
   * @throws `INVITATION_UNKNOWN`, `SERVER_UNREACHABLE`
   */
  async join(serverUrl: string, code: string): Promise<Joined> {
    const { charter } = await fetchProgramme(this.#fetch, serverUrl, this.#pins())
    const joined = await join(this.#fetch, serverUrl, code)
    this.#keepMembership({
      serverUrl,
      session: joined.session,
      pins: pinsOf(charter),
      noticeVersion: joined.notice.version,
      reflectionEndsAtMs: joined.reflectionEndsAtMs,
    })
    return joined
  }

  /**
   * Gives consent in the participant's name: only ever called on their word.
   * @returns the signed receipt
   * @throws `REFLECTION_NOT_OVER`, `CONSENT_STALE`
   */
  consent(choice: Choice): Promise<string> {
    return giveConsent(this.#fetch, this.#requireMembership(), choice)
  }

  /**
   * Makes a key, enrols it, and keeps both. The server's issuer and vault keys are pinned here, at first contact.
   * @param session the participant's bearer token
   */
  async enrol(serverUrl: string, session: string, build: string = DEVICE_BUILD): Promise<DeviceId> {
    const { charter } = await fetchProgramme(this.#fetch, serverUrl, this.#pins())
    const key = await createDeviceKey()
    const device = await enrolDevice(this.#fetch, { serverUrl, session }, key, build)
    const known = this.#membership?.session === session ? this.#membership : null
    this.#keepMembership({
      serverUrl,
      session,
      pins: pinsOf(charter),
      noticeVersion: known?.noticeVersion ?? null,
      reflectionEndsAtMs: known?.reflectionEndsAtMs ?? null,
    })
    return await this.#keepEnrolment(device, build, key)
  }

  /**
   * As `enrol`, with a one-time code in place of the participant's session: this device then captures and uploads for them, and
   * decides nothing in their name.
   * @throws `ENROLMENT_CODE_UNKNOWN`, `BUILD_NOT_REVIEWED`
   */
  async enrolWithCode(serverUrl: string, code: string, build: string = DEVICE_BUILD): Promise<DeviceId> {
    const { charter } = await fetchProgramme(this.#fetch, serverUrl, this.#pins())
    const key = await createDeviceKey()
    const device = await enrolDeviceWithCode(this.#fetch, serverUrl, code, key, build)
    const place: Place = { serverUrl, pins: pinsOf(charter) }
    this.#outbox.writeSetting('place', place)
    this.#place = place
    return await this.#keepEnrolment(device, build, key)
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
    const { serverUrl } = this.#requirePlace()
    const leases = await this.#leaseClient()
    // Asked for anew: while nobody captured, nobody listened for an end of the old one.
    await this.#withdrawnElsewhere(() => leases.renew())
    const task = options.task === undefined ? (this.chosenTask?.task ?? null) : options.task
    const outcome = options.outcome ?? null
    requireTask(leases.programme.charter, task)
    if (outcome !== null && task === null) throw new FairtraceError('USAGE', 'only a task has an outcome')
    const before = new Set((await this.#outbox.list()).map(({ id }) => id))
    const { clock } = this.#options
    const session = new CaptureSession({ leases, outbox: this.#outbox, clock, task })
    await runCapture(events, {
      leases,
      session,
      clock,
      fetch: this.#fetch,
      serverUrl,
      replayed: options.replayed ?? false,
      attach: options.attach ?? (() => undefined),
    })
    if (outcome !== null) await markOutcome(this.#outbox, ({ id }) => !before.has(id), outcome)
    return session.report
  }

  /** The task that is being shown, or null for none. */
  get chosenTask(): ChosenTask | null {
    return readChosenTask(this.#outbox)
  }

  /** Chooses a task of the charter for what is captured from here on, or none. @throws `USAGE` */
  async chooseTask(task: string | null): Promise<void> {
    const { charter } = await this.programme()
    writeChosenTask(this.#outbox, charter, task, this.#options.clock.nowMs())
  }

  /**
   * Says how the chosen task ended, and ends the choice.
   * @returns the recording that says so, or null if none of the task waits here any more
   * @throws `USAGE` without a chosen task
   */
  async finishTask(outcome: TaskOutcome): Promise<RecordingId | null> {
    const chosen = this.chosenTask
    if (chosen === null) throw new FairtraceError('USAGE', 'no task is chosen')
    const isOfTask = ({ task, startedAtMs }: WaitingRecording) => task === chosen.task && startedAtMs >= chosen.sinceMs
    const marked = await markOutcome(this.#outbox, isOfTask, outcome)
    this.#outbox.writeSetting('task', null)
    return marked
  }

  /** Everything that waits, as the participant reads it. */
  async review(): Promise<readonly ReviewItem[]> {
    const waiting = await this.#outbox.list()
    return Promise.all(
      waiting.map(async (recording) => ({
        ...recording,
        heldUntilMs: recording.endedAtMs === null ? null : recording.endedAtMs + recording.reviewMs,
        sentences: (await this.#outbox.actions(recording.id)).map(describeAction),
      })),
    )
  }

  /**
   * The participant lets recordings go before their review period ends.
   * @param recordings which ones; every held one where it is left out
   * @returns how many
   */
  async releaseEarly(recordings?: readonly WaitingRecording['id'][]): Promise<number> {
    const held = (await this.#outbox.list()).filter(
      ({ id, state }) => state === 'held' && (recordings === undefined || recordings.includes(id)),
    )
    await this.#outbox.release(held.map(({ id }) => id))
    return held.length
  }

  /** Seals what is due and sends what is sealed. What can't be sent stays; the report says why. */
  async upload(): Promise<DeviceUploadReport> {
    const { serverUrl } = this.#requirePlace()
    const { id, key } = this.#requireEnrolled()
    const { clock } = this.#options
    const due = await this.#outbox.due(clock.nowMs())
    if (due.length === 0 && (await this.#outbox.sealed(1)).length === 0) return NOTHING_UPLOADED
    try {
      const programme = await this.programme()
      if (programme.state !== 'running') throw new FairtraceError('PROGRAMME_NOT_RUNNING', 'the programme does not run')
      const intakeUrl = programme.intake
      if (intakeUrl === null) throw new FairtraceError('SERVER_UNREACHABLE', 'the server has no intake now')
      const to = this.#sealTo(programme, key)
      const terms = due.length === 0 ? null : await this.#termsNow()
      const counts = { sealed: 0, narrowedAway: 0 }
      for (const recording of due) {
        if (terms === null) break
        const actions = await this.#outbox.actions(recording.id)
        const kept = reshield(actions, terms.charter, readLease(recording.lease), terms.lease)
        counts.narrowedAway += actions.length - kept.length
        counts.sealed += await this.#sealRecording(recording, kept, to)
      }
      const sent = await this.#withdrawnElsewhere(() =>
        uploadSealed({
          fetch: this.#fetch,
          serverUrl,
          intakeUrl,
          device: id,
          deviceKey: key,
          outbox: this.#outbox,
          clock,
          reseal: async (body) => sealEncodedBody(body, this.#sealTo(await this.programme(), key)),
          ...(this.#options.sleep === undefined ? {} : { sleep: this.#options.sleep }),
        }),
      )
      if (sent.stopped === 'CONSENT_REQUIRED') await this.#deleteIfWithdrawn()
      return { ...sent, ...counts }
    } catch (cause) {
      if (!isFairtraceError(cause)) throw cause
      // Nothing left the outbox: the same call later goes on where this one ended.
      return { ...NOTHING_UPLOADED, stopped: cause.code }
    }
  }

  /**
   * Withdraws consent. What waits is deleted first, so that it is gone even where the server can't be reached.
   * @returns the signed receipt
   */
  async withdraw(): Promise<string> {
    this.#leases?.drop()
    await this.#outbox.deleteEverything()
    return withdrawConsent(this.#fetch, this.#requireMembership())
  }

  /** @param atMs a moment in the past to see, or null for now */
  consentStatus(atMs: number | null = null): Promise<ConsentStatus> {
    return consentStatus(this.#fetch, this.#requireMembership(), atMs)
  }

  /** Who opened what is stored about this person. */
  accesses(): Promise<readonly OwnAccess[]> {
    return ownAccesses(this.#fetch, this.#requireMembership())
  }

  /** The `.tlog-proof` of one of them, by its place in the ledger. @throws `NOT_FOUND` */
  accessProof(index: number): Promise<string> {
    return ownAccessProof(this.#fetch, this.#requireMembership(), index)
  }

  /** Pauses, or ends the pause. @throws `CONSENT_REQUIRED` */
  async setPaused(isPaused: boolean): Promise<void> {
    // First here: what the server says later changes nothing about that nobody wants to be recorded now.
    if (isPaused) this.#leases?.drop()
    await setConsentPaused(this.#fetch, this.#requireMembership(), isPaused)
  }

  /** The exact text of a notice, of now or of before. @throws `NOT_FOUND` */
  notice(version: number): Promise<NoticeText> {
    return noticeText(this.#fetch, this.#requireMembership(), version)
  }

  /** Raising, joining and leaving concerns. @throws `DEVICE_UNKNOWN` before joining the programme */
  concerns(): DeviceConcerns {
    return new DeviceConcerns(this.#fetch, this.#requireMembership(), this.#outbox, this.#options.clock)
  }

  async close(): Promise<void> {
    this.#leases?.drop()
    this.#outbox.close()
  }

  async #sealRecording(recording: WaitingRecording, actions: readonly Action[], to: SealTo): Promise<number> {
    const head = {
      recording: recording.id,
      task: recording.task,
      outcome: recording.outcome,
      lease: recording.lease,
      shield: recording.shield,
    }
    return this.#outbox.seal(recording.id, async (firstSequence) => {
      const parts = await buildBatches(head, actions, firstSequence)
      return Promise.all(
        parts.map(async ({ bytes: body }) => {
          const { id, bytes } = await sealEncodedBody(body, to)
          return { id, bytes, body }
        }),
      )
    })
  }

  #sealTo(programme: Programme, deviceKey: DeviceKey): SealTo {
    const nowMs = this.#options.clock.nowMs()
    const { vaultKey } = programme
    if (vaultKey === null || !(vaultKey.opensAtMs <= nowMs && nowMs < vaultKey.closesAtMs)) {
      throw new FairtraceError('KEY_UNAVAILABLE', 'the vault has no key for now')
    }
    return { programme: programme.id, vaultKey, deviceKey }
  }

  async #leaseClient(): Promise<LeaseClient> {
    if (this.#leases !== null) return this.#leases
    const { serverUrl, pins } = this.#requirePlace()
    const { id, key, build } = this.#requireEnrolled()
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
      outbox: this.#outbox,
      clock: this.#options.clock,
      monotonicMs: this.#options.monotonicMs ?? (() => performance.now()),
    })
    return this.#leases
  }

  /** A withdrawal in the portal reaches this device as a refusal of `work`: then what waits here goes too. */
  async #withdrawnElsewhere<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      if (isFairtraceError(cause) && cause.code === 'CONSENT_REQUIRED') await this.#deleteIfWithdrawn()
      throw cause
    }
  }

  async #deleteIfWithdrawn(): Promise<void> {
    let state: string
    try {
      state = await consentState(this.#fetch, this.#requireMembership())
    } catch (cause) {
      if (!isFairtraceError(cause)) throw cause
      // Not known to be withdrawn: what waits is kept, and nothing is captured or sent without consent anyway.
      return
    }
    if (state === 'withdrawn') await this.#outbox.deleteEverything()
  }

  #pins(): Pins | null {
    return this.#membership?.pins ?? this.#place?.pins ?? null
  }

  async #keepEnrolment(device: string, build: string, key: DeviceKey): Promise<DeviceId> {
    const enrolment: Enrolment = { device, build, privateKey: jose.encode(await exportDeviceKey(key)) }
    this.#outbox.writeSetting('enrolment', enrolment)
    this.#enrolled = await restore(enrolment)
    this.#leases = null
    return this.#enrolled.id
  }

  /** Where the portal is, and by which keys it is known: from joining, or from a one-time code. */
  #requirePlace(): Place {
    const place = this.#membership ?? this.#place
    if (place === null) throw new FairtraceError('DEVICE_UNKNOWN', 'this device has not joined a programme')
    const { serverUrl } = this.#options
    return { serverUrl: serverUrl ?? place.serverUrl, pins: place.pins }
  }

  /** What a capture of now would be held to. What waits leaves under these terms, if they are narrower than those it was captured under. */
  async #termsNow() {
    const leases = await this.#leaseClient()
    const { lease } = await this.#withdrawnElsewhere(() => leases.renew())
    return { lease, charter: leases.programme.charter }
  }

  #keepMembership(membership: Membership): void {
    this.#outbox.writeSetting('membership', membership)
    this.#membership = membership
  }

  #requireMembership(): Membership {
    if (this.#membership === null) throw new FairtraceError('DEVICE_UNKNOWN', 'this device has not joined a programme')
    const { serverUrl } = this.#options
    return serverUrl === undefined ? this.#membership : { ...this.#membership, serverUrl }
  }

  #requireEnrolled(): Enrolled {
    if (this.#enrolled === null) throw new FairtraceError('DEVICE_UNKNOWN', 'this device is not enrolled')
    return this.#enrolled
  }
}
