/** Joining, choosing and enrolling: what a device asks the portal for once. */
import { CATEGORIES, type Category, FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { type DeviceKey, randomId } from './device-key.ts'
import { call, type Fetch, requireAnswer } from './portal-client.ts'
import { pinsSchema } from './programme.ts'

/** The participant's side: kept encrypted in the device folder. */
export const membershipSchema = z.strictObject({
  serverUrl: z.url(),
  /** The participant's bearer token. */
  session: z.string(),
  pins: pinsSchema,
  /** The notice that was shown at joining; null where joining happened elsewhere. */
  noticeVersion: z.int().nullable(),
  reflectionEndsAtMs: z.number().nullable(),
})
export type Membership = z.infer<typeof membershipSchema>

/** What a device knows of its portal that was enrolled by a one-time code: it has nobody's session. */
export const placeSchema = membershipSchema.pick({ serverUrl: true, pins: true })
export type Place = z.infer<typeof placeSchema>

/** The device's side. `privateKey` is PKCS #8, base64url. */
export const enrolmentSchema = z.strictObject({
  device: z.string(),
  build: z.string(),
  privateKey: z.string(),
})
export type Enrolment = z.infer<typeof enrolmentSchema>

const joinedSchema = z.object({
  session: z.string(),
  pseudonym: z.string(),
  notice: z.object({ version: z.int(), text: z.string() }),
  reflectionEndsAtMs: z.number(),
})
export type Joined = z.infer<typeof joinedSchema>

export interface Choice {
  readonly noticeVersion: number
  readonly categories: readonly Category[]
  readonly apps: readonly string[]
  /** The consent version that the person saw; a yes that is sent again later, after a withdrawal above all, is refused by it. */
  readonly version?: number
}

/** A person's consent as the portal states it, now or at a moment in the past. */
const consentStatusSchema = z.object({
  state: z.enum(['undecided', 'given', 'withdrawn']),
  version: z.int(),
  current: z.boolean(),
  isPaused: z.boolean(),
  legalState: z.string().nullable(),
  legalSinceMs: z.number().nullable(),
  endsAtMs: z.number().nullable(),
  renewAtMs: z.number().nullable(),
  isErasing: z.boolean(),
  reflectionEndsAtMs: z.number(),
  /** When a passkey begins to work that was added without another one's word; null if none waits. */
  passkeyWorksFromMs: z.number().nullable().default(null),
  record: z.record(z.string(), z.unknown()).nullable(),
  history: z.array(
    z.object({
      version: z.int(),
      state: z.enum(['given', 'withdrawn', 'paused', 'resumed']),
      atMs: z.number(),
      noticeVersion: z.int(),
      categories: z.array(z.string()),
      apps: z.array(z.string()),
      receipt: z.string().nullable(),
    }),
  ),
})
export type ConsentStatus = z.infer<typeof consentStatusSchema>

const noticeSchema = z.object({ version: z.int(), text: z.string(), digest: z.string() })
export type NoticeText = z.infer<typeof noticeSchema>

const pauseSchema = z.object({ isPaused: z.boolean() })
const receiptAnswerSchema = z.object({ receipt: z.string() })
const deviceSchema = z.object({ device: z.string() })
const consentSchema = z.object({ state: z.string() })

/** The pseudonym is drawn here, so that who makes it is not who keeps the list. */
export function join(fetch: Fetch, serverUrl: string, code: string): Promise<Joined> {
  return requireAnswer(fetch, new URL('/api/join', serverUrl).href, joinedSchema, {
    body: { type: 'application/json', value: { code, pseudonym: randomId() } },
  })
}

/** @returns the signed receipt, a compact JWS */
export async function giveConsent(
  fetch: Fetch,
  { serverUrl, session }: Membership,
  { noticeVersion, categories, apps, version }: Choice,
): Promise<string> {
  if (!categories.every((category) => CATEGORIES.includes(category))) {
    throw new FairtraceError('USAGE', `categories are: ${CATEGORIES.join(', ')}`)
  }
  const answer = await requireAnswer(fetch, new URL('/api/consent', serverUrl).href, receiptAnswerSchema, {
    token: session,
    body: {
      type: 'application/json',
      value: { noticeVersion, categories, apps, ...(version === undefined ? {} : { version }) },
    },
  })
  return answer.receipt
}

export async function withdrawConsent(fetch: Fetch, { serverUrl, session }: Membership): Promise<string> {
  const answer = await requireAnswer(fetch, new URL('/api/consent/withdraw', serverUrl).href, receiptAnswerSchema, {
    token: session,
    body: { type: 'application/json', value: {} },
  })
  return answer.receipt
}

/** @param atMs a moment in the past to see, or null for now */
export function consentStatus(
  fetch: Fetch,
  { serverUrl, session }: Membership,
  atMs: number | null,
): Promise<ConsentStatus> {
  const url = new URL('/api/consent', serverUrl)
  if (atMs !== null) url.searchParams.set('at', String(atMs))
  return requireAnswer(fetch, url.href, consentStatusSchema, { token: session })
}

/** One opening of what is stored about this person, as the portal states it; its proof says whether it is so. */
const accessesSchema = z.object({
  accesses: z.array(
    z.object({
      index: z.int(),
      atMs: z.number(),
      who: z.string().nullable(),
      purpose: z.string().nullable(),
      reason: z.string().nullable(),
      approvers: z.array(z.string()),
      what: z.object({ release: z.string().nullable(), keys: z.int() }),
    }),
  ),
})
export type OwnAccess = z.infer<typeof accessesSchema>['accesses'][number]

export async function ownAccesses(fetch: Fetch, { serverUrl, session }: Membership): Promise<readonly OwnAccess[]> {
  const url = new URL('/api/me/accesses', serverUrl).href
  return (await requireAnswer(fetch, url, accessesSchema, { token: session })).accesses
}

/** The `.tlog-proof` of one of them. @throws `NOT_FOUND` */
export async function ownAccessProof(fetch: Fetch, { serverUrl, session }: Membership, index: number): Promise<string> {
  const answer = await call(fetch, new URL(`/api/me/accesses/${index}/proof`, serverUrl).href, { token: session })
  if (!answer.ok) throw answer.error
  return answer.text
}

/** @throws `CONSENT_REQUIRED` if there is no consent to pause or to resume */
export async function setConsentPaused(
  fetch: Fetch,
  { serverUrl, session }: Membership,
  isPaused: boolean,
): Promise<void> {
  const url = new URL(isPaused ? '/api/consent/pause' : '/api/consent/resume', serverUrl).href
  const answer = await requireAnswer(fetch, url, pauseSchema, {
    token: session,
    body: { type: 'application/json', value: {} },
  })
  if (answer.isPaused !== isPaused) throw new FairtraceError('SERVER_REFUSED', 'the portal answers the opposite')
}

/** The exact text of a notice. @throws `NOT_FOUND` */
export function noticeText(fetch: Fetch, { serverUrl }: Membership, version: number): Promise<NoticeText> {
  return requireAnswer(fetch, new URL(`/api/notices/${version}`, serverUrl).href, noticeSchema)
}

export async function consentState(fetch: Fetch, { serverUrl, session }: Membership): Promise<string> {
  const url = new URL('/api/consent', serverUrl).href
  return (await requireAnswer(fetch, url, consentSchema, { token: session })).state
}

/** @returns the id that the server gave the device */
export async function enrolDevice(
  fetch: Fetch,
  { serverUrl, session }: Pick<Membership, 'serverUrl' | 'session'>,
  key: DeviceKey,
  build: string,
): Promise<string> {
  const answer = await requireAnswer(fetch, new URL('/api/devices', serverUrl).href, deviceSchema, {
    token: session,
    body: { type: 'application/json', value: { publicKey: key.publicKey, build, device: randomId() } },
  })
  return answer.device
}

/** As `enrolDevice`, with a one-time code that the participant made elsewhere. @throws `ENROLMENT_CODE_UNKNOWN` */
export async function enrolDeviceWithCode(
  fetch: Fetch,
  serverUrl: string,
  code: string,
  key: DeviceKey,
  build: string,
): Promise<string> {
  const answer = await requireAnswer(fetch, new URL('/api/devices', serverUrl).href, deviceSchema, {
    body: { type: 'application/json', value: { code, publicKey: key.publicKey, build, device: randomId() } },
  })
  return answer.device
}
