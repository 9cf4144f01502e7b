/** What comes in and goes out over HTTP: the same schemas validate, and write the OpenAPI document. */
import { appIdPattern, CATEGORIES, digestPattern, id128Pattern } from '@fairtrace/core'
import { z } from 'zod'
import { PROGRAMME_STATES } from '../consent/programme.ts'
import { ACCOUNT_ROLES } from './accounts.ts'
import { STEP_UP_PURPOSES } from './step-up.ts'

export const errorSchema = z
  .object({ error: z.object({ code: z.string(), message: z.string(), advice: z.string() }) })
  .describe('A refusal. `code` is stable; docs/errors.md lists them all.')

const id128 = z.string().regex(id128Pattern)
const ms = z.int().describe('Unix milliseconds')
const jws = z.string().describe('Compact JWS, EdDSA')
const categories = z.array(z.enum(CATEGORIES)).max(CATEGORIES.length)
const apps = z.array(z.string().regex(appIdPattern)).max(200)
const state = z.enum(PROGRAMME_STATES)
export const noFields = z.strictObject({}).nullish()

export const programmeAnswer = z.object({
  programme: z.string(),
  state,
  epoch: z.int(),
  title: z.string(),
  charterHash: z.string(),
  charter: z.record(z.string(), z.unknown()).describe('The charter, parsed; durations in milliseconds'),
  vaultKey: z
    .object({ keyId: z.string(), publicKey: z.string(), opensAtMs: ms, closesAtMs: ms, signature: z.string() })
    .nullable()
    .describe('Today’s key, signed by the charter’s `keys.vault`; null if there is none'),
  intake: z.string().nullable(),
  nowMs: ms,
})

export const charterBody = z.strictObject({ yaml: z.string().max(1024 * 1024) })
export const pauseBody = z.strictObject({ reason: z.string().trim().min(1).max(500) })
export const stateBody = z.strictObject({ state })
export const changeAnswer = z.object({
  programme: z.string(),
  state,
  epoch: z.int(),
  charterHash: z.string(),
  logged: z
    .object({ index: z.int(), salt: z.string(), detail: z.record(z.string(), z.unknown()) })
    .nullable()
    .describe('The ledger entry. Keep salt and detail: the ledger holds only their hash'),
})

export const invitationsBody = z.strictObject({ count: z.int().min(1).max(100_000) })
export const invitationsAnswer = z.object({ codes: z.array(z.string()) })

export const joinBody = z.strictObject({ code: z.string().min(1).max(64) })
export const joinAnswer = z.object({
  session: z.string().describe('Shown once. Send it as `Authorization: Bearer`'),
  pseudonym: id128,
  notice: z.object({ version: z.int(), text: z.string() }),
  reflectionEndsAtMs: ms,
})

export const consentBody = z.strictObject({
  noticeVersion: z.int().min(1),
  categories,
  apps,
  version: z
    .int()
    .min(0)
    .optional()
    .describe('The consent version you saw; if it is no longer the current one, nothing changes'),
})
export const receiptAnswer = z.object({ receipt: jws })
const consentFacts = z.object({
  version: z.int(),
  state: z.enum(['given', 'withdrawn']),
  atMs: ms,
  noticeVersion: z.int(),
  categories: z.array(z.string()),
  apps: z.array(z.string()),
  receipt: jws,
})
export const consentAnswer = z.object({
  state: z.enum(['undecided', 'given', 'withdrawn']),
  version: z.int(),
  current: z.boolean().describe('Whether it allows new captures: given, to the current notice, and not run out'),
  reflectionEndsAtMs: ms,
  history: z.array(consentFacts),
})

export const deviceBody = z.strictObject({
  publicKey: z.string().regex(digestPattern).describe('Raw Ed25519 public key, base64url'),
  build: z.string().min(1).max(128),
})
export const enrolBody = deviceBody.extend({
  code: z.string().max(64).optional().describe('A one-time code of the participant, in place of a session'),
})
export const deviceCodeAnswer = z.object({ code: z.string().describe('Shown once'), endsAtMs: ms })
export const deviceAnswer = z.object({ device: id128 })
export const devicesAnswer = z.object({
  devices: z.array(z.object({ device: id128, build: z.string(), isCutOff: z.boolean() })),
})
export const cutOffBody = z.strictObject({ device: id128 })
export const tokenBody = z.string().min(1).max(16_384).describe('Compact JWS by the device’s key')
export const leaseAnswer = z.object({ lease: jws })
export const leaseOrSealedAnswer = z.union([
  leaseAnswer,
  z.object({
    sealed: z
      .object({ enc: z.string(), ciphertext: z.string() })
      .describe('HPKE to the request’s `replyKey`: the lease, and the key by which to renew it (docs/formats.md)'),
  }),
])
export const permitsAnswer = z.object({ permits: z.array(jws) })

export const signInBody = z.strictObject({ name: z.string().min(1).max(128), password: z.string().min(1).max(256) })
export const signInAnswer = z.object({ role: z.enum(ACCOUNT_ROLES) })
const credentialId = z.string().regex(/^[A-Za-z0-9_-]{1,1400}$/)
const encoded = z.string().regex(/^[A-Za-z0-9_-]{1,16000}$/)
const webauthnOptions = z.record(z.string(), z.unknown())
export const registerOptionsAnswer = webauthnOptions.describe('`PublicKeyCredentialCreationOptionsJSON` of WebAuthn 3')
export const registerBody = z.strictObject({
  id: credentialId,
  response: z.strictObject({ clientDataJSON: encoded, attestationObject: encoded }),
})
export const registerAnswer = z.object({ usableFromMs: ms.describe('From when on it works') })
const purpose = z.enum(STEP_UP_PURPOSES)
export const stepUpOptionsBody = z.strictObject({ purpose })
export const stepUpOptionsAnswer = z.object({
  options: webauthnOptions.nullable().describe('`PublicKeyCredentialRequestOptionsJSON`; null if you have no passkey'),
})
export const stepUpBody = z.strictObject({
  purpose,
  id: credentialId,
  response: z.strictObject({ clientDataJSON: encoded, authenticatorData: encoded, signature: encoded }),
})
export const passkeysAnswer = z.object({ passkeys: z.array(z.object({ id: credentialId, usableFromMs: ms })) })
export const passkeyBody = z.strictObject({ id: credentialId })

export const doneAnswer = z.object({ done: z.literal(true) })
export const healthAnswer = z.object({ state: z.enum(['ready', 'starting']) })

/** The answers that every route may give. */
export const refusals = { '4xx': errorSchema, '5xx': errorSchema } as const
