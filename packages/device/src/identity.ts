/** Who this device is: the programme it joined, where the portal is and by which keys it is known, and its own key. */
import { type DeviceId, FairtraceError } from '@fairtrace/core'
import { base64url as jose } from 'jose'
import { createDeviceKey, type DeviceKey, exportDeviceKey, importDeviceKey } from './device-key.ts'
import {
  type Enrolment,
  enrolDevice,
  enrolDeviceWithCode,
  enrolmentSchema,
  type Joined,
  join,
  type Membership,
  membershipSchema,
  type Place,
  placeSchema,
} from './membership.ts'
import type { Fetch } from './portal-client.ts'
import { fetchProgramme, type Pins, pinsOf } from './programme.ts'
import type { Settings } from './storage.ts'

export interface Enrolled {
  readonly id: DeviceId
  readonly build: string
  readonly key: DeviceKey
}

interface Known {
  readonly membership: Membership | null
  /** Of a device that was enrolled by a one-time code: it has nobody's session. */
  readonly place: Place | null
  readonly enrolled: Enrolled | null
}

export class Identity {
  readonly #settings: Settings
  readonly #fetch: Fetch
  /** Where the portal is, if not where it was at joining. */
  readonly #serverUrl: string | undefined
  #known: Known

  private constructor(settings: Settings, fetch: Fetch, serverUrl: string | undefined, known: Known) {
    this.#settings = settings
    this.#fetch = fetch
    this.#serverUrl = serverUrl
    this.#known = known
  }

  static async restore(settings: Settings, fetch: Fetch, serverUrl?: string): Promise<Identity> {
    const enrolment = await settings.readSetting('enrolment')
    const membership = await settings.readSetting('membership')
    const place = await settings.readSetting('place')
    return new Identity(settings, fetch, serverUrl, {
      membership: membership === null ? null : membershipSchema.parse(membership),
      place: place === null ? null : placeSchema.parse(place),
      enrolled: enrolment === null ? null : await restoreEnrolled(enrolmentSchema.parse(enrolment)),
    })
  }

  get enrolled(): Enrolled | null {
    return this.#known.enrolled
  }

  get membership(): Membership | null {
    const { membership } = this.#known
    if (membership === null || this.#serverUrl === undefined) return membership
    return { ...membership, serverUrl: this.#serverUrl }
  }

  /** Null before the first contact with a programme. */
  get place(): Place | null {
    const place = this.#known.membership ?? this.#known.place
    return place === null ? null : { serverUrl: this.#serverUrl ?? place.serverUrl, pins: place.pins }
  }

  async join(serverUrl: string, code: string): Promise<Joined> {
    const { charter } = await fetchProgramme(this.#fetch, serverUrl, this.#pins())
    const joined = await join(this.#fetch, serverUrl, code)
    await this.#keepMembership({
      serverUrl,
      session: joined.session,
      pins: pinsOf(charter),
      noticeVersion: joined.notice.version,
      reflectionEndsAtMs: joined.reflectionEndsAtMs,
    })
    return joined
  }

  async enrol(serverUrl: string, session: string, build: string): Promise<DeviceId> {
    const { charter } = await fetchProgramme(this.#fetch, serverUrl, this.#pins())
    const key = await createDeviceKey()
    const device = await enrolDevice(this.#fetch, { serverUrl, session }, key, build)
    const { membership } = this.#known
    const known = membership?.session === session ? membership : null
    await this.#keepMembership({
      serverUrl,
      session,
      pins: pinsOf(charter),
      noticeVersion: known?.noticeVersion ?? null,
      reflectionEndsAtMs: known?.reflectionEndsAtMs ?? null,
    })
    return this.#keepEnrolment(device, build, key)
  }

  async enrolWithCode(serverUrl: string, code: string, build: string): Promise<DeviceId> {
    const { charter } = await fetchProgramme(this.#fetch, serverUrl, this.#pins())
    const key = await createDeviceKey()
    const device = await enrolDeviceWithCode(this.#fetch, serverUrl, code, key, build)
    const place: Place = { serverUrl, pins: pinsOf(charter) }
    await this.#settings.writeSetting('place', place)
    this.#known = { ...this.#known, place }
    return this.#keepEnrolment(device, build, key)
  }

  /** @throws `DEVICE_UNKNOWN` */
  requirePlace(): Place {
    const { place } = this
    if (place === null) throw new FairtraceError('DEVICE_UNKNOWN', 'this device has not joined a programme')
    return place
  }

  /** @throws `DEVICE_UNKNOWN` */
  requireMembership(): Membership {
    const { membership } = this
    if (membership === null) throw new FairtraceError('DEVICE_UNKNOWN', 'this device has not joined a programme')
    return membership
  }

  /** @throws `DEVICE_UNKNOWN` */
  requireEnrolled(): Enrolled {
    const { enrolled } = this.#known
    if (enrolled === null) throw new FairtraceError('DEVICE_UNKNOWN', 'this device is not enrolled')
    return enrolled
  }

  #pins(): Pins | null {
    return this.place?.pins ?? null
  }

  async #keepMembership(membership: Membership): Promise<void> {
    await this.#settings.writeSetting('membership', membership)
    this.#known = { ...this.#known, membership }
  }

  async #keepEnrolment(device: string, build: string, key: DeviceKey): Promise<DeviceId> {
    const enrolment: Enrolment = { device, build, privateKey: jose.encode(await exportDeviceKey(key)) }
    await this.#settings.writeSetting('enrolment', enrolment)
    const enrolled = await restoreEnrolled(enrolment)
    this.#known = { ...this.#known, enrolled }
    return enrolled.id
  }
}

async function restoreEnrolled({ device, build, privateKey }: Enrolment): Promise<Enrolled> {
  return { id: device as DeviceId, build, key: await importDeviceKey(jose.decode(privateKey)) }
}
