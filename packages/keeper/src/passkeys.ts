/**
 * Passkeys of participants: with one a person sees what is stored about them, without anybody's grant.
 *
 * One that is enrolled while nothing can be stored yet works at once; so does one that a present one vouches for. Any other waits 72
 * hours by this keeper's clock, in which the person's devices say so: whoever holds a stolen session gains nothing unseen.
 */
import {
  type Assertion,
  type Charter,
  FairtraceError,
  isAsserted,
  PASSKEY_ENROLMENT_TYP,
  type Passkey,
  passkeyEnrolmentSchema,
  passkeySchema,
  passkeyVoucherChallenge,
} from '@fairtrace/core'
import { verifyJws } from '@fairtrace/verify'
import { verifyPasskey } from './curves.ts'
import type { KeeperStore } from './store.ts'

const PASSKEY_WAIT_MS = 72 * 3_600_000
const PASSKEYS_PER_PERSON_MAX = 10
/** An enrolment is shown to the keeper soon after it happened, or again from the start. */
const ENROLMENT_MS_MAX = 7 * 24 * 3_600_000

export class ParticipantPasskeys {
  readonly #store: KeeperStore

  constructor(store: KeeperStore) {
    this.#store = store
  }

  /**
   * @param enrolment JWS of the portal's
   * @returns from when it works; the same passkey again gives the same
   * @throws `PASSKEY_INVALID`
   */
  add(enrolment: string, vouchedBy: Assertion | null, charter: Charter, nowMs: number): number {
    const payload = verifyJws(PASSKEY_ENROLMENT_TYP, enrolment, charter.keys.issuer, 'PASSKEY_INVALID')
    const parsed = passkeyEnrolmentSchema.safeParse(payload)
    if (!parsed.success || parsed.data.programme !== charter.programme) throw invalid('the enrolment is malformed')
    const { pseudonym, passkey, atMs } = parsed.data
    const rows = this.#of(pseudonym)
    const known = rows.find((row) => row.passkey.credential === passkey.credential)
    if (known !== undefined) return known.usableFromMs
    if (!(nowMs - atMs <= ENROLMENT_MS_MAX)) throw invalid('the enrolment is too old')
    if (rows.length >= PASSKEYS_PER_PERSON_MAX) throw invalid(`the person has ${PASSKEYS_PER_PERSON_MAX}`)
    const challenge = passkeyVoucherChallenge(parsed.data)
    const isVouched =
      vouchedBy !== null &&
      rows.some((row) => row.usableFromMs <= nowMs && this.#isAsserted(vouchedBy, row.passkey, challenge, charter))
    const isFirst = rows.length === 0 && !this.#hasShare(pseudonym)
    const usableFromMs = isVouched || isFirst ? nowMs : nowMs + PASSKEY_WAIT_MS
    this.#store.db
      .prepare('insert into passkeys values (?, ?, ?, ?)')
      .run(pseudonym, passkey.credential, JSON.stringify(passkey), Math.floor(usableFromMs))
    return usableFromMs
  }

  /** @throws `PASSKEY_UNKNOWN`, `PASSKEY_WAITS`, `PASSKEY_INVALID` */
  requireAsserted(pseudonym: string, assertion: Assertion, challenge: string, charter: Charter, nowMs: number): void {
    const row = this.#of(pseudonym).find(({ passkey }) => passkey.credential === assertion.credential)
    if (row === undefined)
      throw new FairtraceError('PASSKEY_UNKNOWN', 'the keeper knows no such passkey of this person')
    if (!(row.usableFromMs <= nowMs)) throw new FairtraceError('PASSKEY_WAITS', 'the passkey does not work yet')
    if (!this.#isAsserted(assertion, row.passkey, challenge, charter)) throw invalid('the assertion does not hold')
  }

  #isAsserted(assertion: Assertion, passkey: Passkey, challenge: string, { passkeys }: Charter): boolean {
    return isAsserted(assertion, passkey, challenge, passkeys.rpId, verifyPasskey)
  }

  /** Something may be stored from the moment on at which there is a key to store it under. */
  #hasShare(pseudonym: string): boolean {
    return this.#store.db.prepare('select 1 from shares where pseudonym = ? limit 1').get(pseudonym) !== undefined
  }

  #of(pseudonym: string): readonly { readonly passkey: Passkey; readonly usableFromMs: number }[] {
    return this.#store.db
      .prepare('select passkey, usable_from_ms from passkeys where pseudonym = ?')
      .all(pseudonym)
      .map((row) => ({
        passkey: passkeySchema.parse(JSON.parse(String(row.passkey))),
        usableFromMs: Number(row.usable_from_ms),
      }))
  }
}

function invalid(message: string): FairtraceError {
  return new FairtraceError('PASSKEY_INVALID', message)
}
