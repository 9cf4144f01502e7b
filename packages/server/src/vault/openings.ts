/**
 * Requests to open keys under a grant: decide → append to the ledger → ask the keeper → open. No log, no keeper, no key.
 *
 * The request is a row, and rows decide nothing: the grant's approvals are passkeys' signatures and its activation is the keeper's,
 * all checked against the charter that this process holds, and again by the keeper. The answer is sealed to the key that the
 * approvers signed for, so that reading the row gives nothing.
 */
import {
  type AccessDecision,
  activationSchema,
  approvalSchema,
  type Charter,
  type Clock,
  decideAccess,
  FairtraceError,
  GRANT_OPENED_ENTRY,
  type Grant,
  grantHash,
  grantSchema,
  isFairtraceError,
} from '@fairtrace/core'
import type { Logger } from 'pino'
import { z } from 'zod'
import { accessPoliciesOf, resourceOf } from '../access/access-policies.ts'
import { verifyEd25519 } from '../runtime/jws.ts'
import { verifyPasskey } from '../runtime/passkey-signature.ts'
import type { Programme } from '../runtime/programme.ts'
import type { EndedGrants } from './grant-ends.ts'
import { type OpeningInput, openContentKeys, writeAnswer } from './opening.ts'
import { openReleaseKey, type ReleaseOpening, writeReleaseAnswer } from './release-opening.ts'

const requestSchema = z.strictObject({ grant: grantSchema, approvals: z.array(approvalSchema).max(32) })

export interface OpeningsInput extends OpeningInput {
  readonly clock: Clock
  readonly log: Logger
  readonly ended: EndedGrants
  currentProgramme(): Programme | null
  /** @throws `WATCH_SILENT`: nothing opens while nobody watches */
  requireWatchers(): void
  onOpened(): void
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
    await open(id, request, input)
    input.onOpened()
  } catch (error) {
    // Fails closed: whatever went wrong, the answer is a refusal and holds no key.
    const code = isFairtraceError(error) ? error.code : 'KEY_UNAVAILABLE'
    const reason = isFairtraceError(error) ? error.message : undefined
    input.log.warn({ code, reason, opening: id }, 'an opening was refused')
    await pool.query(`update vault.openings set state = 'refused', code = $2 where id = $1 and state = 'requested'`, [
      id,
      code,
    ])
  }
  await pool.query(`select pg_notify('fairtrace_openings', $1)`, [id])
}

async function open(id: string, request: unknown, input: OpeningsInput): Promise<void> {
  const parsed = requestSchema.safeParse(request)
  if (!parsed.success) throw denied('the request is malformed')
  const { grant, approvals } = parsed.data
  const activation = await activationOf(grant, input)
  const requireStillAllowed = () => requireAllowed(grant, approvals, activation, input)
  requireStillAllowed()
  const detail = { grant, approvers: approvals.map(({ approver }) => approver) }
  const allowed = { grant, approvals, activation }
  if (grant.scope.kind === 'release') {
    const { release } = grant.scope
    const askKeeper: ReleaseOpening['askKeeper'] = (item, replyKey, logged) =>
      input.keeper.call<'open-release'>({ call: 'open-release', ...allowed, logged, item, replyKey })
    const { recipientKey } = grant
    const opened = await openReleaseKey({ id, release, recipientKey, detail, requireStillAllowed, askKeeper }, input)
    await writeReleaseAnswer(input.database, id, release, opened)
    return
  }
  const { index, keys } = await openContentKeys(
    {
      id,
      recipientKey: grant.recipientKey,
      pseudonym: null,
      entryType: GRANT_OPENED_ENTRY,
      detail,
      requireStillAllowed,
      askKeeper: ({ items, replyKey }, logged) =>
        input.keeper.call<'open'>({ call: 'open', ...allowed, logged, items, replyKey }),
    },
    input,
  )
  await writeAnswer(input.database, 'vault.openings', id, index, keys)
}

type StoredActivation = Awaited<ReturnType<typeof activationOf>>

/** What the keeper said when it saw both approvals; its signature is checked with the rest. @throws `GRANT_INVALID` */
async function activationOf(grant: Grant, { database }: OpeningsInput) {
  const row = await database.db
    .selectFrom('vault.activations')
    .select('activation')
    .where('grant_hash', '=', grantHash(grant))
    .where('state', '=', 'active')
    .executeTakeFirst()
  const parsed = activationSchema.safeParse(row?.activation)
  if (!parsed.success) throw denied('not-active')
  return parsed.data
}

/** @throws `GRANT_INVALID`, `PROGRAMME_LOCKED` */
function requireAllowed(
  grant: Grant,
  approvals: unknown,
  activation: StoredActivation,
  { currentProgramme, requireWatchers, clock, ended }: OpeningsInput,
): void {
  const programme = currentProgramme()
  if (programme === null) throw denied('there is no programme')
  if (programme.state === 'locked') throw new FairtraceError('PROGRAMME_LOCKED', 'the programme is locked')
  requireWatchers()
  if (ended.has(grantHash(grant))) throw denied('ended')
  const now = { nowMs: clock.nowMs(), epoch: programme.epoch }
  const signatures = { ed25519: verifyEd25519, passkey: verifyPasskey }
  const decision = decideAccess(programme.charter, grant, approvals, activation, now, signatures)
  if (!decision.allow) throw denied(decision.reason)
  requirePolicy(programme.charter, decision, activation, now)
}

/** The signatures hold; whether this person may open this, for this, is the policies' to say. @throws `ACCESS_DENIED` */
function requirePolicy(
  charter: Charter,
  { grant, approvers }: Extract<AccessDecision, { allow: true }>,
  { activeFromMs, endsAtMs }: StoredActivation,
  now: { readonly nowMs: number; readonly epoch: number },
): void {
  const { requester, purpose, epoch, lengthMs } = grant
  const resource = resourceOf(grant)
  const shown = {
    ...{ requester: requester.name, group: requester.group, resource, purpose, epoch, lengthMs },
    ...{ activeFromMs, endsAtMs },
    dataProtection: approvers['data-protection'],
    workerRepresentative: approvers['worker-representative'],
  }
  const person = { name: requester.name, groups: [requester.group] }
  const asked = { ...now, nowMs: Math.floor(now.nowMs), purpose: charter.purpose.term }
  if (!accessPoliciesOf(charter).decideOpen(person, resource, shown, asked).allow) {
    throw new FairtraceError('ACCESS_DENIED', 'no policy of the charter lets this person open this')
  }
}

function denied(reason: string): FairtraceError {
  return new FairtraceError('GRANT_INVALID', reason)
}
