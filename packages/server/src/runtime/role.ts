/** What every role gets when it starts, and what it gives back. The same in the embedded form and in production. */
import type { Clock } from '@fairtrace/core'
import type { Logger } from 'pino'
import type { AccessSettings } from '../access/portal-access.ts'
import type { SweepSettings } from '../sentinel/sweep/sweep.ts'
import type { WatchSettings } from '../sentinel/watch-settings.ts'
import type { SignInSettings } from './sign-in-settings.ts'

export const ROLES = ['portal', 'intake', 'vault', 'ledger', 'builder', 'sentinel', 'scanner', 'room'] as const
export type RoleName = (typeof ROLES)[number]

export interface RoleContext {
  readonly role: RoleName
  /** Demonstration data may be shown and released before all safeguards exist; production data may not. */
  readonly installation: 'demonstration' | 'production'
  /** Of this role's own database role. */
  readonly databaseUrl: string
  /** Root of the object store; files for now. `segments/` is the vault's, `releases/` the builder's. */
  readonly objectsDir: string
  /** Folder of the keystore, outside every backup. Only the vault gets one. */
  readonly keysDir: string | null
  /** Address and public key of the second custodian. Only the vault gets them; without them it holds nothing. */
  readonly keeper: { readonly url: string; readonly key: string } | null
  /** The demonstration's accounts, for the portal's local sign-in; null everywhere else. */
  readonly demoAccountsFile: string | null
  /** How staff sign in through their organisation, for the portal; null where that is not connected. */
  readonly signIn: SignInSettings | null
  /** Whom recordings may be opened for, and whom to tell of grants, for the portal; null where nobody asks for access. */
  readonly access: AccessSettings | null
  /** Where the scanner may look, and by what; left out everywhere else. */
  readonly sweep?: SweepSettings
  /** What the sentinel looks at besides the database, and by what. Left out everywhere else. */
  readonly watch?: WatchSettings
  readonly secrets: RoleSecrets
  readonly clock: Clock
  readonly log: Logger
  /** Where to listen; port 0 takes a free one. Roles without HTTP ignore it. */
  readonly listen: { readonly host: string; readonly port: number }
  /** Where the other roles that people and devices speak to are, known once they listen. */
  readonly addresses: { intake?: string; portal?: string; witnesses?: Readonly<Record<string, string>> }
}

/** Private keys of one role, read from its own file (mode 0600). Raw bytes in base64url. */
export interface RoleSecrets {
  /** Ed25519 seed: the issuer's at the portal, else the role's own. */
  readonly signingSeed?: string | undefined
  /** Passphrase of the local key management (vault). */
  readonly kmsPassphrase?: string | undefined
  /** HMAC key by which honey participants are recognised, 32 bytes in base64url (scanner). */
  readonly honeyKey?: string | undefined
}

export interface RunningRole {
  /** `http://host:port` where the role listens, or null. */
  readonly address: string | null
  stop(): Promise<void>
}

export type StartRole = (context: RoleContext) => Promise<RunningRole>
