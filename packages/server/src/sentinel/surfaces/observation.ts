/** What a look at one surface gave: who can read, who of them was declared, and what is wrong. */
import type { Reader } from '@fairtrace/core'
import type { Finding } from '../../runtime/findings.ts'

export interface Observation {
  readonly declared: readonly Reader[]
  readonly readers: readonly Reader[]
  /** Everything that is wrong now, not only what is new. */
  readonly findings: readonly Finding[]
  /** What can't be seen from here, in sentences for people. */
  readonly notShown: readonly string[]
}
