/** What comes in and goes out over HTTP: the same schemas validate, and write the OpenAPI document. */
import {
  appIdPattern,
  CATEGORIES,
  charterApprovalSchema,
  digestPattern,
  id128Pattern,
  passkeySchema,
} from '@fairtrace/core'
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

const widening = z.object({ field: z.string(), who: z.string(), before: z.string(), after: z.string() })
const charterChange = z.object({
  hash: z.string(),
  version: z.int(),
  state: z.enum(['proposed', 'waiting', 'in-force']),
  proposedAtMs: ms,
  takesEffectAtMs: ms.nullable().describe('When its notice period ends; null until everybody has signed'),
  widenings: z.array(widening),
  signed: z.array(z.string()),
  missing: z.array(z.object({ role: z.string(), name: z.string().nullable() })),
})
export const charterChangeAnswer = changeAnswer.extend({
  change: charterChange.nullable().describe('What still waits for signatures or time; null if nothing does'),
})
export const changesAnswer = z.object({
  participants: z.int().nullable().describe('How many are asked again, rounded down to a multiple of k; null below k'),
  k: z.int(),
  changes: z.array(charterChange),
})
export const charterAnswer = z.object({
  charter: z.record(z.string(), z.unknown()).describe('The charter, parsed; durations in milliseconds'),
})
export const approvalBody = charterApprovalSchema.extend({
  charter: z.string().regex(digestPattern).describe('Hash of the charter that is signed'),
})

export const invitationsBody = z.strictObject({ count: z.int().min(1).max(100_000) })
export const invitationsAnswer = z.object({ codes: z.array(z.string()) })

export const joinBody = z.strictObject({
  code: z.string().min(1).max(64),
  pseudonym: id128.optional().describe('Drawn at random by the device; without it one is drawn here'),
})
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
export const pauseAnswer = z.object({ state: z.literal('given'), version: z.int(), isPaused: z.boolean() })
export const noticeParams = z.strictObject({ version: z.coerce.number().int().min(1) })
export const noticeAnswer = z.object({
  version: z.int(),
  text: z.string(),
  digest: z.string().describe('SHA-256 of the text in UTF-8, base64url, as in the receipts'),
})
const consentFacts = z.object({
  version: z.int(),
  state: z.enum(['given', 'withdrawn', 'paused', 'resumed']),
  atMs: ms,
  noticeVersion: z.int(),
  categories: z.array(z.string()),
  apps: z.array(z.string()),
  receipt: jws.nullable().describe('A pause has none: it changes no consent'),
})
export const consentQuery = z.strictObject({
  at: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe('A moment in the past to show instead of now, Unix milliseconds'),
})
export const consentAnswer = z.object({
  state: z.enum(['undecided', 'given', 'withdrawn']),
  version: z.int(),
  current: z
    .boolean()
    .describe('Whether it allows new captures: given, not run out, not paused, to terms that still hold'),
  isPaused: z.boolean().describe('The participant’s own pause: nothing is captured until they resume'),
  legalState: z
    .enum(['given', 'renewed', 'withdrawn', 'expired', 'invalidated'])
    .nullable()
    .describe('What the law calls it; null as long as nothing was decided'),
  legalSinceMs: ms.nullable(),
  endsAtMs: ms.nullable().describe('When a consent that stands ends by itself'),
  renewAtMs: ms.nullable().describe('From when on to ask for a fresh yes'),
  isErasing: z.boolean().describe('Whether keys are still to be destroyed after a withdrawal'),
  reflectionEndsAtMs: ms,
  passkeyWorksFromMs: ms
    .nullable()
    .describe('When a passkey begins to work that was added without another one’s word; null if none waits'),
  record: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe('The state as an ISO/IEC TS 27560 record in JSON-LD, unsigned; the signed ones are in the receipts'),
  history: z.array(consentFacts),
})

export const deviceBody = z.strictObject({
  publicKey: z.string().regex(digestPattern).describe('Raw Ed25519 public key, base64url'),
  build: z.string().min(1).max(128),
  device: id128.optional().describe('Drawn at random by the device; without it one is drawn here'),
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
export const participantSignInBody = z.strictObject({ session: z.string().max(128) })
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
export const passkeysAnswer = z.object({
  passkeys: z.array(
    z.object({
      id: credentialId,
      usableFromMs: ms,
      ownDataFromMs: ms
        .nullable()
        .describe(
          'From when on it opens what is stored about me; null for staff, or while the keeper has not heard of it',
        ),
      charter: passkeySchema
        .nullable()
        .describe('As a charter names it under an approver; null for a kind that can’t approve'),
    }),
  ),
})
export const passkeyBody = z.strictObject({ id: credentialId })

export const doneAnswer = z.object({ done: z.literal(true) })
export const healthAnswer = z.object({ state: z.enum(['ready', 'starting']) })

/** The answers that every route may give. */
export const refusals = { '4xx': errorSchema, '5xx': errorSchema } as const
