/**
 * Two people's word about an exposure: that it was a false alarm, or that what nobody looks at again by itself is mended. One of data
 * protection and one worker representative, two different people, each with the key that the charter names for them.
 */
import { type Charter, canonicalJson, FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { loggedIfPossible } from '../consent/logged.ts'
import { verifyEd25519 } from '../runtime/jws.ts'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'

const CONTEXT = 'fairtrace/exposure-verdict/v1\n'
const ROLES = ['data-protection', 'worker-representative'] as const

export const verdictSchema = z.strictObject({
  verdict: z.enum(['false-alarm', 'mended']),
  /** In words, for everybody who reads the incident. */
  reason: z.string().trim().min(10).max(2_000),
  signatures: z
    .array(z.strictObject({ name: z.string().min(1).max(128), signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/) }))
    .max(16),
})
export type Verdict = z.infer<typeof verdictSchema>

export interface JudgedExposure {
  readonly id: string
  readonly kind: string
  readonly subject: string
}

/** The bytes that both sign. */
export function verdictMessage(
  programme: string,
  { id, kind, subject }: JudgedExposure,
  { verdict, reason }: Omit<Verdict, 'signatures'>,
): Uint8Array {
  return Buffer.from(CONTEXT + canonicalJson({ programme, exposure: id, kind, subject, verdict, reason }))
}

/** @throws `NOT_FOUND`; `APPROVAL_INVALID` without both signatures; `EXPOSURE_PROBED` if a probe alone can close it */
export async function settleExposure(
  database: OpenDatabase,
  programme: Programme,
  id: string,
  given: Verdict,
): Promise<void> {
  const row = await database.db
    .selectFrom('install.exposures')
    .select(['id', 'kind', 'subject'])
    .where('id', '=', id)
    .where('state', 'in', ['open', 'contained'])
    .executeTakeFirst()
  if (row === undefined) throw new FairtraceError('NOT_FOUND', 'no such exposure is open')
  const signers = requireTwo(programme.charter, verdictMessage(programme.id, row, given), given)
  const word = { ...given, signers }
  const { rows } = await database.pool.query<{ done: boolean }>('select install.settle_exposure($1, $2, $3) as done', [
    ...[id, given.verdict === 'false-alarm' ? 'false-alarm' : 'closed', JSON.stringify(word)],
  ])
  if (rows[0]?.done !== true) {
    throw new FairtraceError('EXPOSURE_PROBED', 'what found this looks at it by itself, and closes it when it is gone')
  }
  await loggedIfPossible(database, 'exposure.settled', { exposure: id, verdict: given.verdict, reason: given.reason })
}

/** One of each role, and not one person under two roles. */
function requireTwo(charter: Charter, message: Uint8Array, { signatures }: Verdict): readonly string[] {
  const signed = charter.approvers.filter(({ name, key }) =>
    signatures.some((one) => one.name === name && verifies(message, one.signature, key)),
  )
  const [first, second] = ROLES.map((role) => signed.filter((approver) => approver.role === role))
  for (const one of first ?? []) {
    const other = second?.find(({ name, key }) => name !== one.name && key !== one.key)
    if (other !== undefined) return [one.name, other.name]
  }
  throw new FairtraceError(
    'APPROVAL_INVALID',
    'data protection and a worker representative, two different people, have to sign',
  )
}

function verifies(message: Uint8Array, signature: string, key: string): boolean {
  try {
    return verifyEd25519(message, signature, key)
  } catch {
    // Fails closed: a signature that can't be checked doesn't count.
    return false
  }
}
