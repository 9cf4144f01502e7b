/** An approver's signature over a charter, made with a software key: for demonstrations and tests. */
import { sign } from 'node:crypto'
import { type CharterApproval, charterMessage } from '@fairtrace/core'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'

/** As the portal takes it. */
export interface SignedCharter extends CharterApproval {
  /** Hash of the charter that is signed. */
  readonly charter: string
}

/**
 * @param seed 32 bytes in base64url
 * @throws `KEY_UNAVAILABLE`
 */
export function signCharter(hash: string, approver: string, seed: string): SignedCharter {
  const { privateKey } = signerFromSeed(seed)
  return { charter: hash, approver, signature: sign(null, charterMessage(hash), privateKey).toString('base64url') }
}
