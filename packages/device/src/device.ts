/** One device on a desktop, put together: folder, keys, lease, capture, review, upload. */
import {
  type Action,
  type Clock,
  type DeviceId,
  FairtraceError,
  type InputEvent,
  isFairtraceError,
} from '@fairtrace/core'
import { base64url as jose } from 'jose'
import { buildBatches } from './build-batches.ts'
import { type CaptureReport, CaptureSession } from './capture.ts'
import { describeAction } from './describe-action.ts'
import { openDeviceFolder } from './device-folder.ts'
import { createDeviceKey, type DeviceKey, exportDeviceKey, importDeviceKey } from './device-key.ts'
import { LeaseClient } from './lease-client.ts'
import {
  type Choice,
  consentState,
  type Enrolment,
  enrolDevice,
  enrolmentSchema,
  giveConsent,
  type Joined,
  join,
  type Membership,
  membershipSchema,
  withdrawConsent,
} from './membership.ts'
import type { Outbox, WaitingRecording } from './outbox.ts'
import type { Fetch } from './portal-client.ts'
import { fetchProgramme, type Pins, type Programme, pinsOf } from './programme.ts'
import { reshield } from './reshield.ts'
import { type SealTo, sealEncodedBody } from './seal.ts'
import { openSqliteOutbox, type SqliteOutbox } from './sqlite-outbox.ts'
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
    return new Device(
      outbox,
      options,
      membership === null ? null : membershipSchema.parse(membership),
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
  #enrolled: Enrolled | null
  #leases: LeaseClient | null = null

  constructor(outbox: SqliteOutbox, options: DeviceOptions, membership: Membership | null, enrolled: Enrolled | null) {
    this.#outbox = outbox
    this.#options = options
    this.#fetch = options.fetch ?? globalThis.fetch
    this.#membership = membership
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
    const { serverUrl, pins } = this.#requireMembership()
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
    const enrolment: Enrolment = { device, build, privateKey: jose.encode(await exportDeviceKey(key)) }
    this.#outbox.writeSetting('enrolment', enrolment)
    this.#enrolled = await restore(enrolment)
    this.#leases = null
    return this.#enrolled.id
  }

  /**
   * Captures a stream of events until it ends, renewing the lease meanwhile.
   * @param options.task a task of the charter, or null
   * @param options.replayed events of an old recording: they count as happening now
   * @throws where there is no lease to begin with: `CONSENT_REQUIRED`, `PROGRAMME_NOT_RUNNING`, `SERVER_UNREACHABLE`, …
   */
  async capture(
    events: Iterable<InputEvent> | AsyncIterable<InputEvent>,
    options: { readonly task?: string | null; readonly replayed?: boolean } = {},
  ): Promise<CaptureReport> {
    const leases = await this.#leaseClient()
    await this.#withdrawnElsewhere(async () => leases.current() ?? leases.renew())
    const task = options.task ?? null
    if (task !== null && !leases.programme.charter.capture.tasks.some(({ id }) => id === task)) {
      throw new FairtraceError('USAGE', 'the charter lists no such task')
    }
    const { clock } = this.#options
    const session = new CaptureSession({ leases, outbox: this.#outbox, clock, task })
    try {
      for await (const event of events) {
        await leases.keepFresh()
        await session.push(options.replayed ? { ...event, atMs: clock.nowMs() } : event)
      }
    } finally {
      await session.end()
    }
    return session.report
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
    const { serverUrl } = this.#requireMembership()
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
      const counts = { sealed: 0, narrowedAway: 0 }
      for (const recording of due) {
        const actions = await this.#outbox.actions(recording.id)
        const kept = reshield(actions, programme.charter)
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

  async close(): Promise<void> {
    this.#leases?.drop()
    this.#outbox.close()
  }

  async #sealRecording(recording: WaitingRecording, actions: readonly Action[], to: SealTo): Promise<number> {
    const head = { recording: recording.id, task: recording.task, lease: recording.lease, shield: recording.shield }
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
    const { serverUrl, pins } = this.#requireMembership()
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
    return this.#membership?.pins ?? null
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
