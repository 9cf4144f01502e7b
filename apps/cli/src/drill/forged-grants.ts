/** A grant written into the vault's table past every page, as whoever holds the portal's or the superuser's password can. */
import { randomBytes } from 'node:crypto'
import { type Approval, type Grant, grantHash } from '@fairtrace/core'
import type { Ground } from './ground.ts'

/** All right but who approved it: for a key whose private half the thief has. */
export function thievesGrant({ programme, run }: Ground): Grant {
  const [group] = programme.charter.audience
  const nowMs = Date.now()
  return {
    id: randomBytes(16).toString('base64url'),
    programme: programme.id,
    epoch: programme.epoch,
    charter: programme.hash,
    requester: { name: 'Nobody Inparticular', group: group?.group ?? '' },
    purpose: programme.charter.purpose.term,
    reason: 'a drill',
    scope: {
      kind: 'recordings',
      releaseName: `drill-${run
        .replaceAll(/[^a-z0-9]/gi, '')
        .toLowerCase()
        .slice(0, 12)}`,
    },
    recipientKey: randomBytes(32).toString('base64url'),
    requestedAtMs: nowMs,
    approveByMs: nowMs + 3_600_000,
    lengthMs: 60_000,
  }
}

/** @returns what vault and keeper made of it: the code of the refusal, `active`, or null if nobody answered in time */
export async function insertGrant(
  ground: Ground,
  grant: Grant,
  approvals: readonly Approval[],
): Promise<string | null> {
  const hash = grantHash(grant)
  ground.plants.add(ground.run, {
    kind: 'sql',
    statement: 'delete from vault.activations where grant_hash = $1',
    values: [hash],
  })
  await ground.sql.query('insert into vault.activations (grant_hash, request) values ($1, $2)', [
    hash,
    JSON.stringify({ grant, approvals }),
  ])
  await ground.sql.query(`select pg_notify('fairtrace_grants', $1)`, [hash])
  return ground.until(async () => {
    const { rows } = await ground.sql.query('select state, code from vault.activations where grant_hash = $1', [hash])
    if (rows[0]?.state === 'requested') return null
    return rows[0]?.state === 'refused' ? String(rows[0].code) : String(rows[0]?.state)
  })
}
