/** A signature of one of the quorum over the gate's statement, made with a software key. */
import { sign } from 'node:crypto'
import { type GateSignature, gateMessage } from '@fairtrace/core'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'

/** @param seed 32 bytes in base64url @throws `KEY_UNAVAILABLE` */
export function signGateStatement(hash: string, name: string, seed: string): GateSignature {
  const { privateKey } = signerFromSeed(seed)
  return { name, signature: sign(null, gateMessage(hash), privateKey).toString('base64url') }
}
