/** The system's keyring, handed in: which library reaches it is the agent's affair. */

/** Each promise rejects where the keyring is locked or gone. Never answers null for a keyring that could not be asked. */
export interface Keyring {
  /** @returns the secret of this name, or null if the keyring has none */
  read(name: string): Promise<Uint8Array | null>
  write(name: string, secret: Uint8Array): Promise<void>
  remove(name: string): Promise<void>
}
