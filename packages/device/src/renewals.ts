/**
 * The device's side of renewing (core/renewal.ts): the key that an answer brought, and the tokens made with it.
 *
 * In memory only. The key came sealed to a one-time key of the request, so that who overhears the answer has nothing.
 */
import {
  type Clock,
  FairtraceError,
  RENEWAL_INFO,
  RENEWAL_KEY_MS_MAX,
  type RenewalPurpose,
  renewalText,
  renewalToken,
} from '@fairtrace/core'
import { base64url as jose } from 'jose'
import { z } from 'zod'
import { batchSuite } from './hpke-suite.ts'

const utf8 = new TextEncoder()
const LEASE_CHARS_MAX = 8_192

/** A portal that knows no renewals answers with the lease alone. */
export const leaseAnswerSchema = z.union([
  z.object({ sealed: z.object({ enc: z.string().max(64), ciphertext: z.string().max(2 * LEASE_CHARS_MAX) }) }),
  z.object({ lease: z.string().max(LEASE_CHARS_MAX) }),
])
type LeaseAnswer = z.infer<typeof leaseAnswerSchema>

const replySchema = z.object({
  lease: z.string().max(LEASE_CHARS_MAX),
  key: z.string().max(64),
  keyEndsAtMs: z.int(),
  nowMs: z.int(),
})

/** One request's key for its answer: the private half never leaves this value. */
export interface ReplyKey {
  /** Raw X25519, base64url. */
  readonly publicKey: string
  /**
   * @param answered SHA-256 of the request, base64url
   * @throws `LEASE_INVALID` for an answer that isn't sealed to this request
   */
  open(answer: LeaseAnswer, answered: string): Promise<{ lease: string; grant: RenewalGrant | null }>
}

interface RenewalGrant {
  readonly key: Uint8Array
  readonly keyEndsAtMs: number
  readonly nowMs: number
}

export async function createReplyKey(): Promise<ReplyKey> {
  const pair = await batchSuite.kem.generateKeyPair()
  const publicKey = jose.encode(new Uint8Array(await batchSuite.kem.serializePublicKey(pair.publicKey)))
  return {
    publicKey,
    async open(answer, answered) {
      if ('lease' in answer) return { lease: answer.lease, grant: null }
      try {
        const opened = await batchSuite.open(
          {
            recipientKey: pair,
            enc: bufferOf(jose.decode(answer.sealed.enc)),
            info: bufferOf(utf8.encode(RENEWAL_INFO)),
          },
          bufferOf(jose.decode(answer.sealed.ciphertext)),
          bufferOf(utf8.encode(answered)),
        )
        const { lease, key, keyEndsAtMs, nowMs } = replySchema.parse(JSON.parse(new TextDecoder().decode(opened)))
        return { lease, grant: { key: jose.decode(key), keyEndsAtMs, nowMs } }
      } catch (cause) {
        throw new FairtraceError('LEASE_INVALID', 'the answer is not sealed to this request', { cause })
      }
    },
  }
}

/** Makes tokens for as long as its key is good. */
export class Renewals {
  readonly #device: string
  readonly #clock: Clock
  readonly #key: Uint8Array
  readonly #endsAtMs: number
  /** The portal's clock less ours. */
  readonly #aheadMs: number
  #lastAtMs = 0

  constructor(device: string, clock: Clock, { key, keyEndsAtMs, nowMs }: RenewalGrant) {
    this.#device = device
    this.#clock = clock
    this.#key = key
    this.#endsAtMs = keyEndsAtMs
    this.#aheadMs = nowMs - clock.nowMs()
  }

  /** Whether the key is good now. A key that says it lasts longer than any does is not. */
  isAlive(): boolean {
    const nowMs = this.#portalMs()
    return nowMs < this.#endsAtMs && this.#endsAtMs <= nowMs + 2 * RENEWAL_KEY_MS_MAX
  }

  /** @returns the token, and its MAC, which the lease that answers it repeats */
  async token(purpose: RenewalPurpose): Promise<{ token: string; mac: string }> {
    // No two of the same millisecond: the second would count as the first one, sent again.
    this.#lastAtMs = Math.max(this.#portalMs(), this.#lastAtMs + 1)
    const claims = { device: this.#device, keyEndsAtMs: this.#endsAtMs, atMs: this.#lastAtMs }
    const key = await crypto.subtle.importKey('raw', bufferOf(this.#key), { name: 'HMAC', hash: 'SHA-256' }, false, [
      'sign',
    ])
    const signed = await crypto.subtle.sign('HMAC', key, utf8.encode(renewalText(purpose, claims)))
    const mac = jose.encode(new Uint8Array(signed))
    return { token: renewalToken(claims, mac), mac }
  }

  #portalMs(): number {
    return Math.round(this.#clock.nowMs() + this.#aheadMs)
  }
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
