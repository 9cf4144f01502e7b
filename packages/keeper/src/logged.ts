/**
 * "It stands in the log": what the keeper asks of each opening before it helps. An entry counts under a checkpoint that this keeper
 * cosigned itself, lately, as a witness: so the log that it is shown is the one that it has watched grow.
 */
import { type Charter, FairtraceError } from '@fairtrace/core'
import {
  charterPolicy,
  cosignaturesOf,
  openNote,
  parseTlogProof,
  trustPolicy,
  type VerifierKey,
  verifyCommitted,
} from '@fairtrace/verify'

/** A proof is good for this long after this keeper's cosignature: an old one could be of a log that was cut since. */
const PROOF_MS = 15 * 60_000

export interface LoggedClaim {
  readonly type: string
  readonly detail: unknown
  readonly proof: string
}

/**
 * @param own this keeper's key as a witness
 * @returns the entry's place in the log
 * @throws `LEDGER_INVALID`, whatever does not hold
 */
export function requireLogged(
  claim: LoggedClaim,
  type: string,
  charter: Charter,
  own: VerifierKey,
  nowMs: number,
): number {
  if (claim.type !== type) throw new FairtraceError('LEDGER_INVALID', `the entry is no ${type}`)
  const { index } = verifyCommitted(type, claim.detail, claim.proof, trustPolicy(charterPolicy(charter)))
  const note = openNote(parseTlogProof(claim.proof).checkpoint)
  const [mine] = cosignaturesOf(note, [own])
  if (mine === undefined) throw new FairtraceError('LEDGER_INVALID', 'this keeper never cosigned the checkpoint')
  if (!(nowMs - mine.atMs <= PROOF_MS)) {
    throw new FairtraceError('LEDGER_INVALID', 'the checkpoint is stale; prove the entry under a new one')
  }
  return index
}
