/** What the portal's routes share: its stores, keys and clock, opened once in `role.ts`. */
import type { Clock } from '@fairtrace/core'
import type { ProgrammeReader } from '../consent/programme.ts'
import type { ConsentStore } from '../consent/store.ts'
import type { Signer } from '../runtime/jws.ts'
import type { RoleContext } from '../runtime/role.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Identities } from './identity.ts'
import type { Sessions } from './sessions.ts'

export interface Portal {
  readonly database: OpenDatabase
  readonly programmes: ProgrammeReader
  readonly store: ConsentStore
  readonly identities: Identities
  readonly sessions: Sessions
  readonly issuer: Signer
  readonly clock: Clock
  readonly addresses: RoleContext['addresses']
  /** Path of the accounts, or null where the local sign-in doesn't exist. */
  readonly accountsFile: string | null
  isReady(): boolean
}
