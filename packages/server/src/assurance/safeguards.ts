/**
 * The catalogue of safeguards: each with the promise that it serves, who answers for it, and the drill that attacks it.
 *
 * `docs/safeguards.md` is made from it. A safeguard without a drill is a hope, so none stands here.
 */
import { createHash } from 'node:crypto'
import { FairtraceError, type PromiseNumber } from '@fairtrace/core'
import type { RoleName } from '../runtime/role.ts'
import { CONSENT_SAFEGUARDS } from './safeguards/consent.ts'
import { SEALED_SAFEGUARDS } from './safeguards/sealed.ts'
import { WATCHED_SAFEGUARDS } from './safeguards/watched.ts'

export interface Expected {
  readonly kind: string
  readonly subject: string
}

export interface Safeguard {
  readonly id: string
  readonly statement: string
  readonly promise: PromiseNumber
  readonly owner: 'operator' | 'data-protection' | 'worker-representative' | 'programme-owner' | 'security'
  /** Id of its drill. */
  readonly drill: string
  /** What the drill does, in a sentence. */
  readonly attack: string
  /** What the drill under this id makes somebody find, exactly; left out where the attack is refused and exposes nothing. */
  readonly expects?: (run: string) => readonly Expected[]
  /** The drill attacks what stands still unless the programme runs: then it would show nothing. */
  readonly needsRunning?: true
  /** A process that the drill holds: it can't acknowledge, and the lockdown must be complete without it. */
  readonly hung?: RoleName
}

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
