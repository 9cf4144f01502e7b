/**
 * RSA keys of 2048 bits that follow from a secret, so that they are the same at every portal and after every start, and
 * stand on no disk.
 *
 * Primes are the first ones that a keystream (AES-256-CTR under a derived key) offers: random odd numbers of 1024 bits whose
 * two highest bits are set, tested by OpenSSL. Each candidate is fresh, as in FIPS 186-5, A.1.3.
 */
import { checkPrime, createCipheriv, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

const PRIME_BYTES = 128
const EXPONENT = 65_537n
const isPrime = promisify<NodeJS.ArrayBufferView, boolean>(checkPrime)

export interface RsaKeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** Base64url of 256 bytes. */
  readonly modulus: string
}

/** @param secret 32 bytes that nothing else is derived from */
export async function rsaKeyFrom(secret: Uint8Array): Promise<RsaKeyPair> {
  const stream = createCipheriv('aes-256-ctr', secret, Buffer.alloc(16))
  const p = await nextPrime(stream)
  const q = await nextPrime(stream)
  const d = inverse(EXPONENT, (p - 1n) * (q - 1n))
  const jwk = {
    kty: 'RSA',
    n: encode(p * q),
    e: 'AQAB',
    d: encode(d),
    p: encode(p),
    q: encode(q),
    dp: encode(d % (p - 1n)),
    dq: encode(d % (q - 1n)),
    qi: encode(inverse(q, p)),
  }
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  return { privateKey, publicKey: createPublicKey(privateKey), modulus: jwk.n }
}

async function nextPrime(stream: ReturnType<typeof createCipheriv>): Promise<bigint> {
  for (;;) {
    const candidate = stream.update(Buffer.alloc(PRIME_BYTES))
    // Two high bits, so that the product of two has all its bits; the lowest, because a prime is odd.
    candidate[0] = (candidate[0] ?? 0) | 0xc0
    candidate[PRIME_BYTES - 1] = (candidate[PRIME_BYTES - 1] ?? 0) | 1
    const value = BigInt(`0x${candidate.toString('hex')}`)
    // Or the exponent would have no inverse.
    if (value % EXPONENT === 1n) continue
    // Off the event loop: a portal answers devices meanwhile.
    if (await isPrime(candidate)) return value
  }
}

/** x with `value * x = 1` modulo `modulus`; the two have no common factor here. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [r, nextR] = [modulus, value % modulus]
  let [t, nextT] = [0n, 1n]
  while (nextR !== 0n) {
    const quotient = r / nextR
    ;[r, nextR] = [nextR, r - quotient * nextR]
    ;[t, nextT] = [nextT, t - quotient * nextT]
  }
  return t < 0n ? t + modulus : t
}

function encode(value: bigint): string {
  const hex = value.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url')
}
