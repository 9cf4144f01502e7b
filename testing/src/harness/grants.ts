/** Grants of tests, approved by the software authenticators whose passkeys `CHARTER_YAML` names. */
import { type Approval, type Charter, charterHash, type Grant, grantHash } from '@fairtrace/core'
import type pg from 'pg'
import { randomId } from './batches.ts'
import { TEST_AUTHENTICATORS } from './charter.ts'
import { waitFor } from './pipeline.ts'

export const TEST_ORIGIN = 'http://localhost'

export interface ApprovedGrant {
  readonly grant: Grant
  readonly approvals: readonly Approval[]
}

/** A valid grant to build a release, asked for now. */
export function aGrant(charter: Charter, overrides: Partial<Grant> & { readonly recipientKey: string }): Grant {
  const nowMs = overrides.requestedAtMs ?? Date.now()
  return {
    id: randomId(),
    programme: charter.programme,
    epoch: 0,
    charter: charterHash(charter),
    requester: { name: 'Rhea Novak', group: charter.audience[0]?.group ?? '' },
    purpose: charter.purpose.term,
    reason: 'Train an agent that helps with orders.',
    scope: { kind: 'recordings', releaseName: 'spring' },
    requestedAtMs: nowMs,
    approveByMs: nowMs + 24 * 3_600_000,
    lengthMs: 3_600_000,
    ...overrides,
  }
}

/** By data protection and worker representative, in this order. */
export function grantApprovals(grant: Grant): readonly [Approval, Approval] {
  const challenge = grantHash(grant)
  const by = (approver: string, who: keyof typeof TEST_AUTHENTICATORS): Approval => ({
    approver,
    assertion: TEST_AUTHENTICATORS[who].assert({ challenge, rpId: 'localhost' }, TEST_ORIGIN),
  })
  return [by('Dana Weiss', 'dataProtection'), by('Robin Okafor', 'workerRepresentative')]
}

export function approved(grant: Grant): ApprovedGrant {
  return { grant, approvals: grantApprovals(grant) }
}

/** Hands an approved grant to the vault, as the portal does. @returns state and code once vault and keeper have answered */
export async function activateGrant(
  sql: pg.Pool,
  request: ApprovedGrant,
): Promise<{ readonly state: string; readonly code: string | null }> {
  const hash = grantHash(request.grant)
  await sql.query('insert into vault.activations (grant_hash, request) values ($1, $2)', [
    hash,
    JSON.stringify(request),
  ])
  await sql.query(`select pg_notify('fairtrace_openings', '')`)
  return await waitFor(async () => {
    const { rows } = await sql.query('select state, code from vault.activations where grant_hash = $1', [hash])
    return rows[0]?.state === 'requested' ? null : (rows[0] ?? null)
  })
}
