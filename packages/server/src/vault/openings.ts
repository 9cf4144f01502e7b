/**
 * Requests to open keys: decide → append to the ledger → open. No log, no key.
 *
 * The request is a row, and rows decide nothing: the grant's approvals are signatures, checked against the charter that this
 * process holds. The answer is sealed to the key that the approvers signed for, so that reading the row gives nothing.
 */
import { verify } from 'node:crypto'
import { setImmediate as breathe } from 'node:timers/promises'
import {
  approvalSchema,
  type Clock,
  canonicalJson,
  decideOpen,
  FairtraceError,
  type Grant,
  grantSchema,
  isFairtraceError,
  type VerifySignature,
} from '@fairtrace/core'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import { z } from 'zod'
import { appendToLedger } from '../ledger/append.ts'
import { ed25519PublicKey } from '../runtime/jws.ts'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { contentKeyAad, PARTICIPANT_INFO } from './content-keys.ts'
import { hpkeOpen, hpkeSeal, type X25519KeyPair, x25519KeyPair } from './hpke.ts'
import type { Keystore } from './keystore.ts'
import { openUnderPeriod } from './periods.ts'

export const CONTENT_KEY_INFO = 'fairtrace/content-key/v1'
/** Content keys between two turns of the event loop. */
const KEYS_AT_ONCE = 20

const requestSchema = z.strictObject({ grant: grantSchema, approvals: z.array(approvalSchema).max(32) })

/** A content key as the recipient of a grant gets it. */
export interface OpenedKey {
  readonly contentKeyId: string
  readonly enc: string
  readonly sealed: string
}

export interface OpeningsInput {
  readonly database: OpenDatabase
  readonly keystore: Keystore
  readonly clock: Clock
  readonly log: Logger
  currentProgramme(): Programme | null
}

/** Serves every waiting request, one after another. */
export async function serveOpenings(input: OpeningsInput): Promise<void> {
  const waiting = await input.database.db
    .selectFrom('vault.openings')
    .select(['id', 'request'])
    .where('state', '=', 'requested')
    .execute()
  for (const { id, request } of waiting) await serve(id, request, input)
}

async function serve(id: string, request: unknown, input: OpeningsInput): Promise<void> {
  const { pool } = input.database
  try {
    const { index, keys } = await open(id, request, input)
    await answer(input.database, id, index, keys)
  } catch (error) {
    // Fails closed: whatever went wrong, the answer is a refusal and holds no key.
    const code = isFairtraceError(error) ? error.code : 'KEY_UNAVAILABLE'
    input.log.warn({ code, opening: id }, 'an opening was refused')
    await pool.query(`update vault.openings set state = 'refused', code = $2 where id = $1 and state = 'requested'`, [
      id,
      code,
    ])
  }
  await pool.query(`select pg_notify('fairtrace_openings', $1)`, [id])
}

async function open(id: string, request: unknown, input: OpeningsInput) {
  const grant = requireAllowed(request, input)
  const contentKeys = await input.database.db.selectFrom('vault.content_keys').selectAll().orderBy('id').execute()
  const detail = {
    opening: id,
    request: JSON.parse(canonicalJson(request)),
    contentKeys: contentKeys.map((key) => key.id),
  }
  const { index, salt } = await appendToLedger(input.database, 'grant.opened', detail, { waitForCheckpoint: true })
  input.keystore.keepLedgerDetail(index, 'grant.opened', salt, detail)
  // The checkpoint took its time: the programme may have been fenced, or the grant be over.
  requireAllowed(request, input)
  const pairs = new Map<string, X25519KeyPair>()
  const keys: OpenedKey[] = []
  const recipient = Buffer.from(grant.recipientKey, 'base64url')
  for (const row of contentKeys) {
    const pair = pairs.get(`${row.pseudonym} ${row.generation}`) ?? (await pairOf(row.pseudonym, row.generation))
    // The keys of who was erased are gone for good; the others still open.
    if (pair === null) continue
    pairs.set(`${row.pseudonym} ${row.generation}`, pair)
    const period = await input.keystore.period(row.period)
    // Retention ended between our look and now.
    if (period === null) continue
    const wrapped = openUnderPeriod({ id: row.period, key: period }, row.id, row.sealed)
    const aad = contentKeyAad(row.id, row.pseudonym)
    const contentKey = hpkeOpen({ ...pair, enc: row.enc, info: PARTICIPANT_INFO, aad, ciphertext: wrapped })
    const { enc, ciphertext } = hpkeSeal(recipient, CONTENT_KEY_INFO, Buffer.from(row.id), contentKey)
    keys.push({ contentKeyId: row.id, enc: enc.toString('base64url'), sealed: ciphertext.toString('base64url') })
    if (keys.length % KEYS_AT_ONCE === 0) await breathe()
  }
  return { index, keys }

  async function pairOf(pseudonym: string, generation: number): Promise<X25519KeyPair | null> {
    const raw = await input.keystore.participant(pseudonym, generation)
    return raw === null ? null : x25519KeyPair(raw)
  }
}

/** Writes the answer, without the keys of who was erased while it was made. The rows are held, so that an erasure comes before or after. */
async function answer(database: OpenDatabase, id: string, index: number, keys: readonly OpenedKey[]): Promise<void> {
  await database.db.transaction().execute(async (trx) => {
    const held = await sql<{ id: string }>`
      select id from vault.content_keys where id = any(${keys.map((key) => key.contentKeyId)}) order by id for key share
    `.execute(trx)
    const ids = new Set(held.rows.map((row) => row.id))
    await trx
      .updateTable('vault.openings')
      .set({
        state: 'opened',
        ledger_index: index,
        answer: JSON.stringify({ keys: keys.filter((key) => ids.has(key.contentKeyId)) }),
      })
      .where('id', '=', id)
      .where('state', '=', 'requested')
      .execute()
  })
}

/** @throws `GRANT_INVALID` */
function requireAllowed(request: unknown, { currentProgramme, clock }: OpeningsInput): Grant {
  const programme = currentProgramme()
  const parsed = requestSchema.safeParse(request)
  if (programme === null || !parsed.success) throw denied('the request is malformed, or there is no programme')
  const { grant, approvals } = parsed.data
  const now = { nowMs: clock.nowMs(), epoch: programme.epoch }
  const decision = decideOpen(programme.charter, grant, approvals, now, verifySignature)
  if (!decision.allow) throw denied(decision.reason)
  return grant
}

const verifySignature: VerifySignature = (message, signature, publicKey) =>
  verify(null, message, ed25519PublicKey(publicKey), Buffer.from(signature, 'base64url'))

function denied(reason: string): FairtraceError {
  return new FairtraceError('GRANT_INVALID', reason)
}
