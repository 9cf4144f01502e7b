/** What the portal's routes share: its stores, keys and clock, opened once in `role.ts`. */
import type { Clock } from '@fairtrace/core'
import type { PortalAccess } from '../access/portal-access.ts'
import type { ConcernKeys } from '../concerns/concern-keys.ts'
import type { ConcernConsequences } from '../concerns/consequences.ts'
import type { Leases } from '../consent/leases.ts'
import type { ProgrammeReader } from '../consent/programme.ts'
import type { ConsentStore } from '../consent/store.ts'
import type { RoomAccess } from '../room/room-access.ts'
import type { Signer } from '../runtime/jws.ts'
import type { RoleContext } from '../runtime/role.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { PortalCookies } from './cookies.ts'
import type { Identities } from './identity.ts'
import type { Passkeys } from './passkeys.ts'
import type { Sessions } from './sessions.ts'
import type { SignInLimits } from './sign-in-limits.ts'

export interface Portal {
  readonly database: OpenDatabase
  readonly programmes: ProgrammeReader
  readonly store: ConsentStore
  readonly leases: Leases
  readonly identities: Identities
  readonly sessions: Sessions
  readonly cookies: PortalCookies
  readonly limits: SignInLimits
  readonly passkeys: Passkeys
  readonly access: PortalAccess
  readonly room: RoomAccess
  readonly issuer: Signer
  readonly concernKeys: ConcernKeys
  readonly consequences: ConcernConsequences
  readonly clock: Clock
  readonly addresses: RoleContext['addresses']
  /** Where stored ciphertext lies; a person may fetch their own. */
  readonly objectsDir: string
  /** Path of the accounts, or null where the local sign-in doesn't exist. */
  readonly accountsFile: string | null
  /** Whether staff can sign in through their organisation. */
  readonly hasOrganisation: boolean
  /** Where people reach the portal: a proxy's address, if one stands before it. */
  publicAddress(): string
  isReady(): boolean
}
