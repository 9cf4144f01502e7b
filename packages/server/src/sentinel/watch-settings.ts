import type { KmsShown } from './surfaces/keys.ts'
import type { WatchAccess } from './sweep/places.ts'

/** What the sentinel is given besides the database. No key that opens anything, and no credential that reads a recording, is among it. */
export interface WatchSettings {
  /** Its modes, owners and links are looked at; no file is opened. */
  readonly dataDir: string
  /** By what it asks who has rights on the buckets that the charter names, by the place's name. */
  readonly buckets: Readonly<Record<string, WatchAccess>>
  /** Which key management the vault uses. */
  readonly kms: KmsShown
}
