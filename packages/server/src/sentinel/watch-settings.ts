/** What the sentinel is given besides the database. No key and no secret is among it. */
export interface WatchSettings {
  /** Its modes, owners and links are looked at; no file is opened. */
  readonly dataDir: string
}
