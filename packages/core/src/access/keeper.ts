/**
 * What vault and keeper say to each other. See `docs/formats.md`.
 *
 * ```
 * request = compact JWS, typ KEEPER_REQUEST_TYP, by the charter's `keys.vault`, POSTed to /v1
 * answer  = compact JWS, typ KEEPER_ANSWER_TYP, by the charter's `keys.keeper`, with the request's nonce
 * ```
 * The keeper holds one X25519 key for each participant and generation, and gives Diffie-Hellman results alone, each for one content key
 * of an opening that it has judged itself. It never sees a content key, nor a recording. `POST /add-checkpoint` is a C2SP witness.
 *
 * An opening of many content keys is cut into slices. The ledger's entry holds the digest of every slice, so that the keeper needs
 * to see one at a time and still gives a share for nothing that the entry doesn't name.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { z } from 'zod'
import { base64url } from '../base64url.ts'
import { canonicalJson } from '../canonical-json.ts'
import { digestPattern, id128Pattern } from '../ids.ts'
import { activationSchema } from './activation.ts'
import { approvalSchema, assertionSchema, passkeySchema } from './approval.ts'
import { grantSchema } from './grant.ts'

export const KEEPER_REQUEST_TYP = 'ft-keeper-request+jwt'
export const KEEPER_ANSWER_TYP = 'ft-keeper-answer+jwt'
/** A request is good for this long, once. */
export const KEEPER_REQUEST_MS = 60_000
/** Content keys of one opening that one request may name; an opening of more takes several requests under one proof. */
export const KEEPER_ITEMS_MAX = 5_000

const pseudonym = z.string().regex(id128Pattern)
const generation = z.int().min(1)
const x25519Key = z.string().regex(digestPattern)
const person = z.strictObject({ pseudonym, generation })
const signature = z.string().regex(/^[A-Za-z0-9_-]{86}$/)

/** Both public keys of a person, by the keeper's word: who writes another one into the database is found out. */
export const participantKeysSchema = z.strictObject({
  pseudonym,
  generation,
  vaultKey: x25519Key,
  keeperKey: x25519Key,
  /** Ed25519 by `keys.keeper` over `participantKeysMessage`. */
  signature,
})
export type ParticipantKeys = z.infer<typeof participantKeysSchema>

export function participantKeysMessage(
  programme: string,
  { pseudonym, generation, vaultKey, keeperKey }: Omit<ParticipantKeys, 'signature'>,
): Uint8Array {
  const statement = canonicalJson({ programme, pseudonym, generation, vaultKey, keeperKey })
  return new TextEncoder().encode(`fairtrace/participant-keys/v1\n${statement}`)
}

/** One content key to open: `e` is the ephemeral public key under which it was sealed. */
export const keeperItemSchema = z.strictObject({
  contentKeyId: z.string().min(1).max(64),
  pseudonym,
  generation,
  e: x25519Key,
})
export type KeeperItem = z.infer<typeof keeperItemSchema>

/** Of one slice, as the ledger's entry names it. */
export function sliceDigest(items: readonly KeeperItem[]): string {
  return digestOf('fairtrace/opening-slice/v1\n', items)
}

/** Both public keys of a release, by the keeper's word. Its key is sealed to both, and opens with a share of each. */
export const releaseKeysSchema = z.strictObject({
  /** Digest of the release's manifest. */
  release: z.string().regex(digestPattern),
  vaultKey: x25519Key,
  keeperKey: x25519Key,
  /** Ed25519 by `keys.keeper` over `releaseKeysMessage`. */
  signature,
})
export type ReleaseKeys = z.infer<typeof releaseKeysSchema>

export function releaseKeysMessage(
  programme: string,
  { release, vaultKey, keeperKey }: Omit<ReleaseKeys, 'signature'>,
): Uint8Array {
  const statement = canonicalJson({ programme, release, vaultKey, keeperKey })
  return new TextEncoder().encode(`fairtrace/release-keys/v1\n${statement}`)
}

/** A release's key to open: `e` is the ephemeral public key under which it was sealed. */
export const keeperReleaseItemSchema = z.strictObject({ release: z.string().regex(digestPattern), e: x25519Key })
export type KeeperReleaseItem = z.infer<typeof keeperReleaseItemSchema>

/** Of a release's key, as the ledger's entry names it: no slice of content keys has this digest. */
export function releaseItemDigest(item: KeeperReleaseItem): string {
  return digestOf('fairtrace/opening-release/v1\n', item)
}

export const GRANT_APPROVED_ENTRY = 'grant.approved'
export const GRANT_OPENED_ENTRY = 'grant.opened'
export const OWN_OPENED_ENTRY = 'participant.opened'

/** Detail of `grant.approved`. */
export const grantApprovedSchema = z.strictObject({ grant: grantSchema, approvers: z.array(z.string()).max(32) })

const opening = {
  opening: z.string().min(1).max(64),
  /** `sliceDigest` of each slice, in order. */
  slices: z.array(z.string().regex(digestPattern)).max(10_000),
  contentKeys: z.int().min(0),
}
/** Detail of `grant.opened`. */
export const grantOpenedSchema = z.strictObject({
  ...opening,
  grant: grantSchema,
  approvers: z.array(z.string()).max(32),
})

/** What the ledger's entry commits to, and a `.tlog-proof` under a checkpoint that this keeper and the charter's witnesses cosigned. */
const logged = z.strictObject({ type: z.string(), detail: z.unknown(), proof: z.string().max(64_000) })

/**
 * A participant's word that they want to see or export what is stored about them: a passkey's, over `ownAccessChallenge`.
 */
export const ownAccessSchema = z.strictObject({
  id: z.string().regex(id128Pattern),
  programme: z.string(),
  pseudonym,
  what: z.enum(['view', 'export']),
  recipientKey: x25519Key,
  requestedAtMs: z.int().min(0),
})
export type OwnAccess = z.infer<typeof ownAccessSchema>

/** What the person's passkey is asked to sign. */
export function ownAccessChallenge(request: OwnAccess): string {
  return digestOf('fairtrace/own-access/v1\n', request)
}

/** Detail of `participant.opened`. */
export const ownOpenedSchema = z.strictObject({ ...opening, request: ownAccessSchema })

/**
 * A passkey of a participant's, as the portal saw it enrolled. Without the portal's signature anybody who writes to the database
 * could enrol theirs for whoever has none.
 */
export const passkeyEnrolmentSchema = z.strictObject({
  programme: z.string(),
  pseudonym,
  passkey: passkeySchema,
  atMs: z.int().min(0),
})
export type PasskeyEnrolment = z.infer<typeof passkeyEnrolmentSchema>
/** A compact JWS by the charter's `keys.issuer`. */
export const PASSKEY_ENROLMENT_TYP = 'ft-passkey-enrolment+jwt'

/** What a present passkey is asked to sign to vouch for a new one, which then works at once. */
export function passkeyVoucherChallenge({ programme, pseudonym, passkey }: Omit<PasskeyEnrolment, 'atMs'>): string {
  return digestOf('fairtrace/passkey-voucher/v1\n', { programme, pseudonym, passkey })
}

function digestOf(context: string, value: unknown): string {
  return base64url(sha256(new TextEncoder().encode(context + canonicalJson(value))))
}

export const keeperCallSchema = z.discriminatedUnion('call', [
  /** Makes the keeper's keys of people whom the vault has just made keys for. The same again gives the same. */
  z.strictObject({
    call: z.literal('make-shares'),
    people: z.array(person.extend({ vaultKey: x25519Key })).max(1_000),
  }),
  /** Destroys them, all generations up to and with `generation`, for good: none of these is ever made again. */
  z.strictObject({ call: z.literal('erase'), people: z.array(person).max(1_000) }),
  z.strictObject({
    call: z.literal('activate'),
    grant: grantSchema,
    approvals: z.array(approvalSchema).max(32),
    logged,
  }),
  /** Ends a grant before its time, for good. */
  z.strictObject({ call: z.literal('end-grant'), grant: z.string().regex(digestPattern) }),
  z.strictObject({
    call: z.literal('open'),
    grant: grantSchema,
    approvals: z.array(approvalSchema).max(32),
    activation: activationSchema,
    /** Entry `grant.opened`; `items` is one of its slices. */
    logged,
    items: z.array(keeperItemSchema).max(KEEPER_ITEMS_MAX),
    /** Fresh X25519 public key of the vault's, to which the shares are sealed. */
    replyKey: x25519Key,
  }),
  /** Makes the keeper's half of a release's key pair. The same again gives the same; never for one that was closed. */
  z.strictObject({
    call: z.literal('make-release-share'),
    release: z.string().regex(digestPattern),
    vaultKey: x25519Key,
  }),
  z.strictObject({
    call: z.literal('open-release'),
    grant: grantSchema,
    approvals: z.array(approvalSchema).max(32),
    activation: activationSchema,
    /** Entry `grant.opened`; its one slice is `releaseItemDigest(item)`. */
    logged,
    item: keeperReleaseItemSchema,
    replyKey: x25519Key,
  }),
  /** Destroys the half of a release, for good: nothing opens it any more. */
  z.strictObject({ call: z.literal('close-release'), release: z.string().regex(digestPattern) }),
  z.strictObject({
    call: z.literal('add-passkey'),
    /** JWS of `PASSKEY_ENROLMENT_TYP`. */
    enrolment: z.string().max(8_192),
    /** A present passkey over `passkeyVoucherChallenge`. */
    vouchedBy: assertionSchema.nullable(),
  }),
  z.strictObject({
    call: z.literal('open-own'),
    request: ownAccessSchema,
    assertion: assertionSchema,
    logged,
    items: z.array(keeperItemSchema).max(KEEPER_ITEMS_MAX),
    replyKey: x25519Key,
  }),
  /** Raises the epoch: everything older is fenced. Never lowered. */
  z.strictObject({ call: z.literal('raise-epoch'), epoch: z.int().min(0) }),
  /** A lockdown: no grant opens or begins from here on, whatever the database says, until `gate` shows who let it run again. */
  z.strictObject({
    call: z.literal('lockdown'),
    epoch: z.int().min(0),
    /** The drill that planted what locked it; null for anything else, and then the quorum alone opens. */
    drill: z.string().min(1).max(128).nullable(),
  }),
  /** The ledger's entry `gate.opened`, whose detail has the quorum's signatures; or `gate.reopened-after-drill`, of that drill. */
  z.strictObject({ call: z.literal('gate'), logged }),
  /** A charter that came into force, with the approvals that the one before it asks for. */
  z.strictObject({
    call: z.literal('charter'),
    yaml: z.string().max(1_000_000),
    approvals: z.array(z.unknown()).max(64),
  }),
  z.strictObject({ call: z.literal('state') }),
  /** Which of these people's shares were destroyed: after a backup came back, nobody else knows. */
  z.strictObject({ call: z.literal('which-erased'), people: z.array(person).max(1_000) }),
])
export type KeeperCall = z.infer<typeof keeperCallSchema>

export const keeperRequestSchema = z.strictObject({
  nonce: z.string().regex(id128Pattern),
  atMs: z.int().min(0),
  call: keeperCallSchema,
})

/** Shares of one slice, sealed (HPKE, base mode) to the request's `replyKey`: 32 bytes for each item, in order; zeros where there is none. */
export const keeperSharesSchema = z.strictObject({ enc: x25519Key, sealed: z.string().max(400_000) })
export const KEEPER_SHARES_INFO = 'fairtrace/keeper-shares/v1'

/** The highest that the keeper has seen of everything that must never go back. */
export const keeperStateSchema = z.strictObject({
  epoch: z.int().min(0),
  charter: z.string().regex(digestPattern).nullable(),
  /** Epoch of a lockdown that no gate has ended yet; null if there is none. */
  locked: z.int().min(0).nullable(),
  /** The ledger's newest checkpoint that it cosigned; null if none. */
  checkpoint: z.strictObject({ size: z.int().min(0), root: z.string() }).nullable(),
})
export type KeeperState = z.infer<typeof keeperStateSchema>

/** What each call is answered with. */
export const keeperResultSchemas = {
  'make-shares': z.strictObject({ keys: z.array(participantKeysSchema) }),
  erase: z.strictObject({}),
  activate: z.strictObject({ activation: activationSchema }),
  'end-grant': z.strictObject({}),
  open: keeperSharesSchema,
  'make-release-share': z.strictObject({ keys: releaseKeysSchema }),
  'open-release': keeperSharesSchema,
  'close-release': z.strictObject({}),
  'add-passkey': z.strictObject({ usableFromMs: z.int() }),
  'open-own': keeperSharesSchema,
  'raise-epoch': z.strictObject({}),
  lockdown: z.strictObject({}),
  gate: z.strictObject({}),
  charter: z.strictObject({}),
  state: keeperStateSchema,
  'which-erased': z.strictObject({ people: z.array(person) }),
} as const
export type KeeperResult<Call extends KeeperCall['call']> = z.infer<(typeof keeperResultSchemas)[Call]>

/** The payload of an answer: a result, or the code under which the keeper refused and why. */
export const keeperAnswerSchema = z.union([
  z.strictObject({ nonce: z.string().regex(id128Pattern), result: z.unknown() }),
  z.strictObject({
    nonce: z.string().regex(id128Pattern),
    refused: z.strictObject({ code: z.string(), message: z.string() }),
  }),
])
