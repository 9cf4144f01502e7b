/** Joining, choosing and enrolling: what a device asks the portal for once. */
import { CATEGORIES, type Category, FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import type { DeviceKey } from './device-key.ts'
import { type Fetch, requireAnswer } from './portal-client.ts'
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
}

const receiptAnswerSchema = z.object({ receipt: z.string() })
const deviceSchema = z.object({ device: z.string() })
const consentSchema = z.object({ state: z.string() })

export function join(fetch: Fetch, serverUrl: string, code: string): Promise<Joined> {
  return requireAnswer(fetch, new URL('/api/join', serverUrl).href, joinedSchema, {
    body: { type: 'application/json', value: { code } },
  })
}

/** @returns the signed receipt, a compact JWS */
export async function giveConsent(
  fetch: Fetch,
  { serverUrl, session }: Membership,
  { noticeVersion, categories, apps }: Choice,
): Promise<string> {
  if (!categories.every((category) => CATEGORIES.includes(category))) {
    throw new FairtraceError('USAGE', `categories are: ${CATEGORIES.join(', ')}`)
  }
  const answer = await requireAnswer(fetch, new URL('/api/consent', serverUrl).href, receiptAnswerSchema, {
    token: session,
    body: { type: 'application/json', value: { noticeVersion, categories, apps } },
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
    body: { type: 'application/json', value: { publicKey: key.publicKey, build } },
  })
  return answer.device
}
