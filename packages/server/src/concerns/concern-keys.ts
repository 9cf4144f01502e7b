/**
 * The portal's side of blind signatures (RFC 9474): it signs what it can't read, and checks what it can't trace.
 *
 * The private operations are OpenSSL's, in constant time and with its own blinding; the library that devices use is the oracle
 * in the tests. Each key stands for one programme, one round and one use, so that a token can't be taken for another.
 */
import { constants, hkdfSync, privateDecrypt, publicEncrypt, verify } from 'node:crypto'
import {
  CONCERN_KEY_BYTES,
  CONCERN_NONCE_BYTES,
  CONCERN_USES,
  type ConcernKeyList,
  type ConcernToken,
  type ConcernUse,
  concernTokenLabel,
  FairtraceError,
} from '@fairtrace/core'
import { type RsaKeyPair, rsaKeyFrom } from './rsa-key.ts'

const SECRET_BYTES = 32
const SALT_BYTES = 48

export class ConcernKeys {
  readonly #master: Uint8Array
  /** Under programme and round, in the order of `CONCERN_USES`. */
  readonly #rounds = new Map<string, Promise<readonly RsaKeyPair[]>>()

  /** @param seed the portal's own secret, base64url; what is derived here tells nothing of it */
  constructor(seed: string) {
    this.#master = derive(Buffer.from(seed, 'base64url'), 'fairtrace/concern-keys/v1')
  }

  async publicKeys(programme: string, round: string): Promise<ConcernKeyList> {
    return { programme, round, keys: (await this.#of(programme, round)).map(({ modulus }) => modulus) }
  }

  /**
   * Signs one blinded message for each use, in the order of `CONCERN_USES`. The same messages get the same signatures.
   * @throws `BODY_INVALID` if there is another number of them, or one is none
   */
  async blindSign(programme: string, round: string, blinded: readonly string[]): Promise<readonly string[]> {
    const keys = await this.#of(programme, round)
    if (blinded.length !== keys.length) throw new FairtraceError('BODY_INVALID', `blinded: ${keys.length} are expected`)
    return keys.map((key, place) => blindSignOne(key, Buffer.from(blinded[place] ?? '', 'base64url')))
  }

  /** @throws `CONCERN_TOKEN_INVALID` unless it is a token of this programme and round for this use */
  async requireToken(programme: string, round: string, use: ConcernUse, token: ConcernToken): Promise<void> {
    const key = (await this.#of(programme, round))[CONCERN_USES.indexOf(use)]
    const nonce = Buffer.from(token.nonce, 'base64url')
    const signature = Buffer.from(token.signature, 'base64url')
    const isSized = nonce.length === CONCERN_NONCE_BYTES && signature.length === CONCERN_KEY_BYTES
    const message = Buffer.concat([nonce, concernTokenLabel(programme, round, use)])
    const isGenuine =
      key !== undefined &&
      isSized &&
      verify(
        'sha384',
        message,
        { key: key.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT_BYTES },
        signature,
      )
    if (!isGenuine) throw new FairtraceError('CONCERN_TOKEN_INVALID', 'this is no token for it')
  }

  #of(programme: string, round: string): Promise<readonly RsaKeyPair[]> {
    const name = `${programme}\n${round}`
    let keys = this.#rounds.get(name)
    if (keys === undefined) {
      keys = this.#deriveRound(name)
      this.#rounds.set(name, keys)
    }
    return keys
  }

  async #deriveRound(name: string): Promise<readonly RsaKeyPair[]> {
    const keys: RsaKeyPair[] = []
    // One after the other: the thread pool has other work, too.
    for (const use of CONCERN_USES) keys.push(await rsaKeyFrom(derive(this.#master, `${name}\n${use}`)))
    return keys
  }
}

/** `BlindSign` of RFC 9474, section 4.3. */
function blindSignOne({ privateKey, publicKey }: RsaKeyPair, blinded: Buffer): string {
  let signature: Buffer
  try {
    signature = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, blinded)
  } catch (cause) {
    throw new FairtraceError('BODY_INVALID', 'blinded: a number is not below the modulus', { cause })
  }
  // A fault in the computation would give the key away, so no signature leaves unchecked.
  const opened = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, signature)
  if (!opened.equals(blinded)) throw new FairtraceError('INTERNAL', 'a blind signature does not open')
  return signature.toString('base64url')
}

function derive(secret: Uint8Array, label: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', label, SECRET_BYTES))
}
