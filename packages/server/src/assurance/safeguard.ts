/** What the catalogue says of a safeguard. */
import type { PromiseNumber } from '@fairtrace/core'
import type { RoleName } from '../runtime/role.ts'

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
