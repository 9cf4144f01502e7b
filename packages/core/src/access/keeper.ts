/**
 * What vault and keeper say to each other. See `docs/formats.md`.
 *
 * ```
 * request = compact JWS, typ KEEPER_REQUEST_TYP, by the charter's `keys.vault`, POSTed to /v1
 * answer  = compact JWS, typ KEEPER_ANSWER_TYP, by the charter's `keys.keeper`, with the request's nonce
 * ```
 * The keeper holds one X25519 key for each participant and generation, and gives Diffie-Hellman results alone, each for one content key
 * of an opening that it has judged itself. It never sees a content key, nor a recording. `POST /add-checkpoint` is a C2SP witness.
 */
import { z } from 'zod'
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

/** One content key to open: `e` is the ephemeral public key under which it was sealed. */
export const keeperItemSchema = z.strictObject({
  contentKeyId: z.string().min(1).max(64),
  pseudonym,
  generation,
  e: x25519Key,
})
export type KeeperItem = z.infer<typeof keeperItemSchema>

/** What the ledger's entry commits to, and the `.tlog-proof` under a checkpoint that satisfies the charter's witness policy. */
const logged = z.strictObject({ type: z.string(), detail: z.unknown(), proof: z.string().max(64_000) })

/**
 * A participant's word that they want to see or export what is stored about them: a passkey over
 * base64url(SHA-256('fairtrace/own-access/v1\n' ‖ canonical JSON of the request)).
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
export const OWN_ACCESS_CONTEXT = 'fairtrace/own-access/v1\n'

export const keeperCallSchema = z.discriminatedUnion('call', [
  /** Makes the keeper's keys of people whom the vault has just made keys for. The same again gives the same. */
  z.strictObject({ call: z.literal('make-shares'), people: z.array(person).max(1_000) }),
  /** Destroys them, all generations up to and with `generation`. */
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
    /** Entry `grant.opened`, whose detail names the opening and the digest of all its items. */
    logged,
    items: z.array(keeperItemSchema).max(KEEPER_ITEMS_MAX),
    /** Fresh X25519 public key of the vault's, to which the shares are sealed. */
    replyKey: x25519Key,
  }),
  z.strictObject({
    call: z.literal('add-passkey'),
    pseudonym,
    passkey: passkeySchema,
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
  /** A charter that came into force, with the approvals that the one before it asks for. */
  z.strictObject({
    call: z.literal('charter'),
    yaml: z.string().max(1_000_000),
    approvals: z.array(z.unknown()).max(64),
  }),
  z.strictObject({ call: z.literal('state') }),
])
export type KeeperCall = z.infer<typeof keeperCallSchema>

export const keeperRequestSchema = z.strictObject({
  nonce: z.string().regex(id128Pattern),
  atMs: z.int().min(0),
  call: keeperCallSchema,
})

/** The highest that the keeper has seen of everything that must never go back. */
export const keeperStateSchema = z.strictObject({
  epoch: z.int().min(0),
  charter: z.string().regex(digestPattern).nullable(),
  /** The ledger's newest checkpoint that it cosigned; null if none. */
  checkpoint: z.strictObject({ size: z.int().min(0), root: z.string() }).nullable(),
})
export type KeeperState = z.infer<typeof keeperStateSchema>
