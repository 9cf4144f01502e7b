/** Blinding and opening (RFC 9474, RSABSSA-SHA384-PSS-Randomized): the portal signs a message that it never sees. */
import { RSABSSA } from '@cloudflare/blindrsa-ts'
import { base64url, type ConcernUse, concernTokenLabel, FairtraceError, fromBase64url } from '@fairtrace/core'

const suite = RSABSSA.SHA384.PSS.Randomized()

/** All base64url. `message` and `inverse` never leave the device before the token is used; `inverse` never does. */
export interface BlindedMessage {
  readonly message: string
  readonly blinded: string
  readonly inverse: string
}

/** @param modulus of the key for this use */
export async function blindMessage(
  modulus: string,
  programme: string,
  round: string,
  use: ConcernUse,
): Promise<BlindedMessage> {
  const message = suite.prepare(concernTokenLabel(programme, round, use))
  const { blindedMsg, inv } = await suite.blind(await importKey(modulus), message)
  return { message: base64url(message), blinded: base64url(blindedMsg), inverse: base64url(inv) }
}

/**
 * @returns the signature over the message, base64url
 * @throws `SIGNATURE_INVALID` if what the portal signed is not what it was sent, or not with this key
 */
export async function openSignature(
  modulus: string,
  { message, inverse }: BlindedMessage,
  signature: string,
): Promise<string> {
  try {
    const key = await importKey(modulus)
    return base64url(await suite.finalize(key, decode(message), decode(signature), decode(inverse)))
  } catch (cause) {
    throw new FairtraceError('SIGNATURE_INVALID', 'the portal did not sign a token with the key that it named', {
      cause,
    })
  }
}

function decode(text: string): Uint8Array {
  const bytes = fromBase64url(text)
  if (bytes === null) throw new FairtraceError('SIGNATURE_INVALID', 'a number of a token is no base64url')
  return bytes
}

function importKey(modulus: string) {
  const jwk = { kty: 'RSA', n: modulus, e: 'AQAB', alg: 'PS384' }
  return crypto.subtle.importKey('jwk', jwk, { name: 'RSA-PSS', hash: 'SHA-384' }, true, ['verify'])
}
