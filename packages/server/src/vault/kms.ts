/** Key management: what wraps the private keys that the keystore holds. Local for now; a remote one answers the same calls. */
export interface Kms {
  /** @param context what the secret is, such as `participant/<pseudonym>/1`; a wrapped secret opens under this text alone */
  wrap(context: string, secret: Uint8Array): Promise<Buffer>
  /** @throws `KEY_UNAVAILABLE` */
  unwrap(context: string, wrapped: Uint8Array): Promise<Buffer>
}
