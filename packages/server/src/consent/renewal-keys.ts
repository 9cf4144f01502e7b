/**
 * Renewal keys: derived for each request from a secret of this process, and kept nowhere.
 *
 *     key = HMAC-SHA-256(secret of its hour, "fairtrace/renewal-key/v1\n<device>\n<deviceKey>\n<epoch>\n<keyEndsAtMs>\n")
 *
 * So a key ends with its hour, with the epoch, with the enrolment, and with the process; another portal on the same database
 * knows nothing of it. The secrets are random, in memory only, and forgotten when the last key from them is over.
 */
import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import {
  FairtraceError,
  parseRenewalToken,
  RENEWAL_INFO,
  RENEWAL_KEY_MS_MAX,
  RENEWAL_SKEW_MS_MAX,
  type RenewalClaims,
  type RenewalPurpose,
  renewalText,
} from '@fairtrace/core'
import { Once } from './once.ts'

const SECRET_BYTES = 32
/** Keys end at different times, so that devices which began together don't come back together. */
const SPREAD_MS = 15 * 60_000

/** Whom a key belongs to; it is worth nothing for anybody else. */
export interface KeyHolder {
  readonly device: string
  /** Raw Ed25519, base64url. */
  readonly publicKey: string
  readonly epoch: number
}

export interface RenewalKey {
  readonly key: Buffer
  /** Exclusive. */
  readonly endsAtMs: number
}

export type Renewal = RenewalClaims & { readonly mac: string }

export class RenewalKeys {
  /** Under the hour in which keys from it end. */
  readonly #secrets = new Map<number, Buffer>()
  readonly #used = new Once(2 * RENEWAL_SKEW_MS_MAX)

  issue(holder: KeyHolder, nowMs: number): RenewalKey {
    const endsAtMs = nowMs + RENEWAL_KEY_MS_MAX - randomInt(SPREAD_MS)
    const hour = hourOf(endsAtMs)
    for (const past of this.#secrets.keys()) if (past < hourOf(nowMs)) this.#secrets.delete(past)
    const secret = this.#secrets.get(hour) ?? randomBytes(SECRET_BYTES)
    this.#secrets.set(hour, secret)
    return { key: derive(secret, holder, endsAtMs), endsAtMs }
  }

  /**
   * Reads a token and refuses what can't be good, before anybody is looked up.
   * @throws `RENEWAL_OVER`
   */
  parse(token: string, nowMs: number): Renewal {
    const renewal = parseRenewalToken(token)
    if (renewal === null) throw new FairtraceError('RENEWAL_OVER', 'this is no renewal')
    const { atMs, keyEndsAtMs } = renewal
    // Stated as what we accept, so that a clock that says NaN ends every key.
    const isNow = Math.abs(atMs - nowMs) <= RENEWAL_SKEW_MS_MAX
    const isAlive = nowMs < keyEndsAtMs && keyEndsAtMs <= nowMs + RENEWAL_KEY_MS_MAX
    if (!isNow || !isAlive) throw new FairtraceError('RENEWAL_OVER', 'the renewal or its key is not for now')
    return renewal
  }

  /**
   * Takes a renewal, once.
   * @throws `RENEWAL_OVER` for a key of another process or hour, `REQUEST_FORGED`, `REQUEST_REPLAYED`
   */
  take(purpose: RenewalPurpose, renewal: Renewal, holder: KeyHolder, nowMs: number): void {
    const secret = this.#secrets.get(hourOf(renewal.keyEndsAtMs))
    if (secret === undefined) throw new FairtraceError('RENEWAL_OVER', 'the key was not made here')
    const key = derive(secret, holder, renewal.keyEndsAtMs)
    const mac = createHmac('sha256', key).update(renewalText(purpose, renewal)).digest()
    if (!timingSafeEqual(mac, Buffer.from(renewal.mac, 'base64url'))) {
      throw new FairtraceError('REQUEST_FORGED', 'the renewal is not by this device')
    }
    // Of the bytes, not of the text: base64url has more than one spelling for the last character.
    if (!this.#used.take(mac.toString('latin1'), nowMs)) {
      throw new FairtraceError('REQUEST_REPLAYED', 'this renewal was used before')
    }
  }
}

function derive(secret: Buffer, { device, publicKey, epoch }: KeyHolder, endsAtMs: number): Buffer {
  return createHmac('sha256', secret)
    .update(`${RENEWAL_INFO}\n${device}\n${publicKey}\n${epoch}\n${endsAtMs}\n`)
    .digest()
}

function hourOf(ms: number): number {
  return Math.floor(ms / RENEWAL_KEY_MS_MAX)
}
