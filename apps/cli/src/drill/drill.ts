/** What a drill is: an attack on the running system in earnest, and what has to be taken away so that it must go red. */
import type { Ground } from './ground.ts'

/** What the attack showed. `why` names codes and counts, never content. */
export interface Attack {
  readonly held: boolean
  readonly why: string
}

/** One place in the source that a twin changes as it is loaded; the text must stand there exactly once. */
export interface Patch {
  /** From the repository's root. */
  readonly file: string
  readonly from: string
  readonly to: string
}

export interface Drill {
  readonly id: string
  attack(ground: Ground): Promise<Attack>
  /** The safeguard, taken out of a throwaway installation: its modules changed as they load, or something done to it once it runs. */
  readonly without: {
    readonly patches?: readonly Patch[]
    /** The modules are those of the device or the verifier that the drill starts itself, not those of the roles. */
    readonly runner?: true
    /** It goes red by waiting in vain. */
    readonly waits?: true
    /** It locks the throwaway installation all the same. */
    readonly locks?: true
    readonly once?: (ground: Ground) => Promise<void>
  }
}
