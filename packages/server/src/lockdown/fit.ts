/**
 * Access that doesn't fit: what was opened, held against what allowed it. Done by the vault, because nobody else reads these rows; it
 * goes by the keeper's signature over each activation, so that a row that somebody wrote covers nothing up.
 */
import {
  activationMessage,
  activationSchema,
  type ExposureKind,
  GRANT_OPENED_ENTRY,
  type Grant,
  grantHash,
  grantSchema,
} from '@fairtrace/core'
import { z } from 'zod'
import { type Finding, reportFindings } from '../runtime/findings.ts'
import { verifyEd25519 } from '../runtime/jws.ts'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'

const REPORTS_AFTER = 3
const detailSchema = z.object({ grant: grantSchema }).loose()
const requestSchema = z.object({ grant: grantSchema }).loose()

interface Row {
  readonly opening: string
  readonly request: unknown
  readonly detail: unknown
}

/** @returns everything that was opened, and is still on record, without fitting what allowed it */
export async function misfits(
  { pool }: OpenDatabase,
  programme: Programme,
  nowMs: number,
): Promise<readonly Finding[]> {
  const { rows } = await pool.query<Row>(
    `select o.id as opening, o.request, d.detail
     from vault.openings o left join vault.access_details d on d.ledger_index = o.ledger_index and d.type = $1
     where o.state = 'opened'`,
    [GRANT_OPENED_ENTRY],
  )
  const { rows: active } = await pool.query<{ grant_hash: string; activation: unknown }>(
    `select grant_hash, activation from vault.activations where activation is not null`,
  )
  const activations = new Map(active.map(({ grant_hash, activation }) => [grant_hash, activation]))
  return rows.flatMap((row) => {
    const parsed = requestSchema.safeParse(row.request)
    if (!parsed.success) return [finding('opening-without-grant', row.opening, 'its request is no grant')]
    const { grant } = parsed.data
    // Retention has ended what would show it.
    if (nowMs - grant.requestedAtMs >= programme.charter.retention.governance) return []
    const fault = faultOf(grant, activations.get(grantHash(grant)), row, programme)
    return fault === null ? [] : [finding(fault.kind, row.opening, fault.what)]
  })
}

/** Looks once, and reports; also that what did not fit is gone, until it counts as closed. */
export class MisfitWatch {
  #following = REPORTS_AFTER

  async look(database: OpenDatabase, programme: Programme, nowMs: number): Promise<void> {
    const findings = await misfits(database, programme, nowMs)
    if (findings.length > 0) this.#following = REPORTS_AFTER
    else if (this.#following === 0) return
    else this.#following--
    await reportFindings(database, { finder: 'fit', scope: 'openings', findings, complete: true })
  }
}

function faultOf(
  grant: Grant,
  activation: unknown,
  { detail }: Row,
  programme: Programme,
): { readonly kind: ExposureKind; readonly what: string } | null {
  const charters = [...programme.charters].map(([, charter]) => charter)
  const parsed = activationSchema.safeParse(activation)
  const isKeepers =
    parsed.success &&
    parsed.data.grant === grantHash(grant) &&
    charters.some(({ keys }) => verifies(activationMessage(parsed.data), parsed.data.signature, keys.keeper))
  if (!isKeepers) return { kind: 'opening-without-grant', what: 'the keeper never made its grant active' }
  const logged = detailSchema.safeParse(detail)
  if (!logged.success) return { kind: 'opening-without-grant', what: 'it stands in no entry' }
  if (grantHash(logged.data.grant) !== grantHash(grant)) {
    return { kind: 'opening-beyond-grant', what: 'its entry names another grant' }
  }
  const terms = programme.charters.get(grant.charter as typeof programme.charterHash)
  if (terms?.audience.some(({ group }) => group === grant.requester.group) !== true) {
    return { kind: 'reader-unexpected', what: 'its reader is in no group of the audience' }
  }
  return null
}

function finding(kind: ExposureKind, opening: string, what: string): Finding {
  return { kind, subject: `opening ${opening}`, detail: { opening, what } }
}

function verifies(message: Uint8Array, signature: string, key: string): boolean {
  try {
    return verifyEd25519(message, signature, key)
  } catch {
    // Fails closed: a signature that can't be checked covers nothing.
    return false
  }
}
