/**
 * The catalogue of safeguards: each with the promise that it serves, who answers for it, and the drill that attacks it.
 *
 * `docs/safeguards.md` is made from it. A safeguard without a drill is a hope, so none stands here.
 */
import { createHash } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'
import type { Safeguard } from './safeguard.ts'
import { CONSENT_SAFEGUARDS } from './safeguards/consent.ts'
import { SEALED_SAFEGUARDS } from './safeguards/sealed.ts'
import { WATCHED_SAFEGUARDS } from './safeguards/watched.ts'

export const SAFEGUARDS: readonly Safeguard[] = [...CONSENT_SAFEGUARDS, ...SEALED_SAFEGUARDS, ...WATCHED_SAFEGUARDS]

export function safeguardOf(drill: string): Safeguard | undefined {
  return SAFEGUARDS.find((safeguard) => safeguard.drill === drill)
}

/**
 * The drill that a nonce picks: nobody who doesn't know it can tell which one comes.
 * @param isRunning otherwise it is one of those that can be run while the programme stands still
 */
export function pickedByNonce(nonce: string, isRunning: boolean): Safeguard {
  const number = createHash('sha256').update(`fairtrace/unannounced/v1\n${nonce}`).digest().readUInt32BE(0)
  const all = SAFEGUARDS.filter(({ needsRunning }) => isRunning || needsRunning !== true)
  const picked = all[number % all.length]
  if (picked === undefined) throw new FairtraceError('INTERNAL', 'the catalogue is empty')
  return picked
}
