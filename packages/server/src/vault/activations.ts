/**
 * Grants with both approvals become active: check → append to the ledger → ask the keeper, whose clock begins the grant's time.
 *
 * While ledger or keeper are away a request waits; what either refuses is refused for good, because a grant never changes.
 */
import {
  approvalSchema,
  type Clock,
  decideActivation,
  type ErrorCode,
  FairtraceError,
  GRANT_APPROVED_ENTRY,
  grantHash,
  grantSchema,
  isFairtraceError,
} from '@fairtrace/core'
import type { Logger } from 'pino'
import { z } from 'zod'
import { appendToLedger } from '../ledger/append.ts'
import { verifyPasskey } from '../runtime/passkey-signature.ts'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { EndedGrants } from './grant-ends.ts'
import type { KeeperClient } from './keeper-client.ts'
import type { Keystore } from './keystore.ts'
import { witnessedProof } from './witnessed-proof.ts'

const requestSchema = z.strictObject({ grant: grantSchema, approvals: z.array(approvalSchema).max(32) })
/** What passes by itself or by somebody's hand, and doesn't speak against the grant. */
const WAITING_CODES: readonly ErrorCode[] = [
  'KEEPER_UNREACHABLE',
  'KEEPER_UNTRUSTED',
  'KEEPER_CLOCK_BACK',
  'KEEPER_REQUEST_INVALID',
  'LEDGER_UNAVAILABLE',
]

export interface ActivationsInput {
  readonly database: OpenDatabase
  readonly keystore: Keystore
  readonly keeper: KeeperClient
  readonly clock: Clock
  readonly log: Logger
  readonly ended: EndedGrants
  currentProgramme(): Programme | null
}

export async function serveActivations(input: ActivationsInput): Promise<void> {
  const waiting = await input.database.db
    .selectFrom('vault.activations')
    .select(['grant_hash', 'request'])
    .where('state', '=', 'requested')
    .execute()
  for (const { grant_hash: hash, request } of waiting) await serve(hash, request, input)
}

async function serve(hash: string, request: unknown, input: ActivationsInput): Promise<void> {
  const { pool } = input.database
  try {
    const { activation, index } = await activate(hash, request, input)
    await pool.query(
      `update vault.activations set state = 'active', code = null, activation = $2, ledger_index = $3
       where grant_hash = $1 and state = 'requested'`,
      [hash, JSON.stringify(activation), index],
    )
  } catch (error) {
    // Fails closed: what is not activated opens nothing.
    const code = isFairtraceError(error) ? error.code : 'INTERNAL'
    input.log.warn({ code, reason: isFairtraceError(error) ? error.message : undefined }, 'a grant was not activated')
    const state = WAITING_CODES.includes(code) ? 'requested' : 'refused'
    await pool.query(
      `update vault.activations set state = $3, code = $2 where grant_hash = $1 and state = 'requested'`,
      [hash, code, state],
    )
  }
  await pool.query(`select pg_notify('fairtrace_grants', $1)`, [hash])
}

async function activate(hash: string, request: unknown, input: ActivationsInput) {
  const parsed = requestSchema.safeParse(request)
  const programme = input.currentProgramme()
  if (programme === null || !parsed.success) throw denied('the request is malformed, or there is no programme')
  const { grant, approvals } = parsed.data
  if (grantHash(grant) !== hash) throw denied('the request is about another grant')
  if (input.ended.has(hash)) throw denied('ended')
  const now = { nowMs: input.clock.nowMs(), epoch: programme.epoch }
  const decision = decideActivation(programme.charter, grant, approvals, now, { passkey: verifyPasskey })
  if (!decision.allow) throw denied(decision.reason)
  const detail = { grant, approvers: approvals.map(({ approver }) => approver) }
  const logged = await appendToLedger(input.database, GRANT_APPROVED_ENTRY, detail, { waitForCheckpoint: true })
  input.keystore.keepLedgerDetail(logged.index, GRANT_APPROVED_ENTRY, logged.salt, detail)
  const proof = await witnessedProof(input.database, logged.index, logged.salt, input.keeper)
  const { result } = await input.keeper.call<'activate'>({
    call: 'activate',
    grant,
    approvals,
    logged: { type: GRANT_APPROVED_ENTRY, detail, proof },
  })
  return { activation: result.activation, index: logged.index }
}

function denied(reason: string): FairtraceError {
  return new FairtraceError('GRANT_INVALID', reason)
}
