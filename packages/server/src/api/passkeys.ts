/**
 * Passkeys (WebAuthn level 3): a person's own word, fresh and for one act, where being signed in is not enough.
 *
 * Each challenge belongs to one session and one purpose, lives two minutes and is good once. A second passkey that no
 * present one vouches for works only after 72 hours, so that whoever holds a stolen session can't use one of their own before its owner
 * has seen it.
 */
import { createHash } from 'node:crypto'
import { type Clock, FairtraceError } from '@fairtrace/core'
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import type { Identity } from './identity.ts'
import { type PasskeyPlace, requireClientData } from './passkey-place.ts'
import type { PasskeyStore, StoredPasskey } from './passkey-store.ts'
import { personKey } from './sessions.ts'
import { ShortLived } from './short-lived.ts'
import type { StepUpPurpose } from './step-up.ts'

export const CHALLENGE_MS = 2 * 60_000
export const STEP_UP_MS = 5 * 60_000
export const REENROLMENT_WAIT_MS = 72 * 3_600_000
export const PASSKEYS_PER_PERSON_MAX = 10
const COUNT_MAX = 10_000
/** COSE: EdDSA, ES256, RS256. */
const ALGORITHMS = [-8, -7, -257]

export interface PasskeysOptions {
  readonly store: PasskeyStore
  place(): PasskeyPlace
  readonly clock: Clock
  /** Of a clock that only the passing of time moves, for what lives minutes. */
  nowMs(): number
  /** Whether somebody without a passkey may do everything: only in a demonstration. */
  readonly isDemonstration: boolean
  /** Called when somebody who has a passkey got another: where to tell their devices. */
  onAdded?(who: Identity): void
}

export interface RegistrationAnswer {
  readonly id: string
  readonly response: { readonly clientDataJSON: string; readonly attestationObject: string }
}

export interface AssertionAnswer {
  readonly id: string
  readonly response: {
    readonly clientDataJSON: string
    readonly authenticatorData: string
    readonly signature: string
  }
}

export class Passkeys {
  readonly #options: PasskeysOptions
  readonly #challenges: ShortLived<string>
  readonly #stepUps: ShortLived<true>

  constructor(options: PasskeysOptions) {
    this.#options = options
    const { nowMs } = options
    this.#challenges = new ShortLived({ nowMs, lifeMs: CHALLENGE_MS, countMax: COUNT_MAX })
    this.#stepUps = new ShortLived({ nowMs, lifeMs: STEP_UP_MS, countMax: COUNT_MAX })
  }

  list(who: Identity): Promise<readonly StoredPasskey[]> {
    return this.#options.store.of(personKey(who))
  }

  /** When the passkey of theirs begins to work that waits longest; null if none waits. */
  async waitsUntilMs(who: Identity): Promise<number | null> {
    const waiting = (await this.list(who)).filter((passkey) => !this.#isUsable(passkey))
    return waiting.length === 0 ? null : Math.max(...waiting.map(({ usableFromMs }) => usableFromMs))
  }

  /** What a browser's `navigator.credentials.create` takes, in JSON. */
  async registrationOptions(who: Identity) {
    const known = await this.list(who)
    const options = await generateRegistrationOptions({
      rpName: 'Fairtrace',
      rpID: this.#options.place().rpId,
      userName: who.name,
      // Stays on the person's authenticator; a digest, so that it names nobody there.
      userID: new Uint8Array(
        createHash('sha256')
          .update(`fairtrace/passkey/v1\n${personKey(who)}`)
          .digest(),
      ),
      timeout: CHALLENGE_MS,
      attestationType: 'none',
      excludeCredentials: known.map(({ id }) => ({ id })),
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
      supportedAlgorithmIDs: ALGORITHMS,
    })
    this.#challenges.put(keyOf(who, 'register'), options.challenge)
    return options
  }

  /**
   * Adds a passkey. The first of a person works at once, and so does one that a present one vouched for
   * (`change-passkeys`); any other after 72 hours.
   * @throws `PASSKEY_CHALLENGE_OVER`, `PASSKEY_ORIGIN_WRONG`, `PASSKEY_INVALID`
   */
  async register(who: Identity, answer: RegistrationAnswer): Promise<{ readonly usableFromMs: number }> {
    const place = this.#options.place()
    const challenge = this.#challenges.take(keyOf(who, 'register'))
    requireClientData(answer.response.clientDataJSON, { type: 'webauthn.create', challenge, origin: place.origin })
    const { id, publicKey, counter } = await verifiedRegistration(answer, challenge ?? '', place)
    const isVouched = this.#stepUps.take(keyOf(who, 'change-passkeys')) !== null
    const nowMs = this.#options.clock.nowMs()
    const owner = personKey(who)
    const added = await this.#options.store.add(owner, { id, publicKey, counter }, (count) => {
      if (count >= PASSKEYS_PER_PERSON_MAX) return null
      return count === 0 || isVouched ? nowMs : nowMs + REENROLMENT_WAIT_MS
    })
    if (added === null) {
      throw new FairtraceError('PASSKEY_INVALID', `it is known already, or you have ${PASSKEYS_PER_PERSON_MAX}`)
    }
    if (added.countBefore > 0) this.#options.onAdded?.(who)
    return added
  }

  /**
   * What a browser's `navigator.credentials.get` takes, in JSON; null if the person has no passkey.
   * @throws `PASSKEY_WAITS` if none of theirs works yet
   */
  async stepUpOptions(who: Identity, purpose: StepUpPurpose) {
    const known = await this.list(who)
    if (known.length === 0) return null
    const usable = known.filter((passkey) => this.#isUsable(passkey))
    if (usable.length === 0) throw waits()
    const options = await generateAuthenticationOptions({
      rpID: this.#options.place().rpId,
      timeout: CHALLENGE_MS,
      allowCredentials: usable.map(({ id }) => ({ id })),
      userVerification: 'required',
    })
    this.#challenges.put(keyOf(who, purpose), options.challenge)
    return options
  }

  /**
   * Takes a passkey's word for the next act of this purpose in this session, within five minutes.
   * @throws `PASSKEY_CHALLENGE_OVER`, `PASSKEY_ORIGIN_WRONG`, `PASSKEY_UNKNOWN`, `PASSKEY_WAITS`, `PASSKEY_INVALID`,
   *   `PASSKEY_CLONED`
   */
  async stepUp(who: Identity, purpose: StepUpPurpose, answer: AssertionAnswer): Promise<void> {
    const place = this.#options.place()
    // Gone with the first answer, right or wrong.
    const challenge = this.#challenges.take(keyOf(who, purpose))
    requireClientData(answer.response.clientDataJSON, { type: 'webauthn.get', challenge, origin: place.origin })
    const passkey = (await this.list(who)).find(({ id }) => id === answer.id)
    if (passkey === undefined) throw new FairtraceError('PASSKEY_UNKNOWN', 'this is no passkey of yours')
    if (!this.#isUsable(passkey)) throw waits()
    const counter = await verifiedCounter(answer, challenge ?? '', place, passkey)
    if (!(await this.#options.store.moveCounter(personKey(who), passkey.id, counter))) {
      throw new FairtraceError('PASSKEY_CLONED', 'the passkey’s counter did not move on')
    }
    this.#stepUps.put(keyOf(who, purpose), true)
  }

  /**
   * Lets one act pass after `stepUp` for it, and uses that up. In a demonstration people who have no passkey pass without.
   * @throws `STEP_UP_REQUIRED`
   */
  async requireStepUp(who: Identity, purpose: StepUpPurpose): Promise<void> {
    if (this.#stepUps.take(keyOf(who, purpose)) !== null) return
    const hasPasskey = (await this.list(who)).length > 0
    if (!hasPasskey && this.#options.isDemonstration) return
    throw new FairtraceError(
      'STEP_UP_REQUIRED',
      hasPasskey
        ? 'this needs your passkey’s word, not older than five minutes'
        : 'this needs a passkey, and you have none',
    )
  }

  /** @throws `PASSKEY_UNKNOWN` if it isn't theirs; `STEP_UP_REQUIRED` without a present passkey's word */
  async remove(who: Identity, id: string): Promise<void> {
    await this.requireStepUp(who, 'change-passkeys')
    if (!(await this.#options.store.remove(personKey(who), id))) {
      throw new FairtraceError('PASSKEY_UNKNOWN', 'this is no passkey of yours')
    }
  }

  #isUsable({ usableFromMs }: StoredPasskey): boolean {
    return usableFromMs <= this.#options.clock.nowMs()
  }
}

async function verifiedRegistration({ id, response }: RegistrationAnswer, challenge: string, place: PasskeyPlace) {
  const registration = await verifyRegistrationResponse({
    response: { id, rawId: id, type: 'public-key', response, clientExtensionResults: {} },
    expectedChallenge: challenge,
    expectedOrigin: place.origin,
    expectedRPID: place.rpId,
    requireUserVerification: true,
    supportedAlgorithmIDs: ALGORITHMS,
  }).catch(refused)
  if (!registration.verified) throw invalid()
  return registration.registrationInfo.credential
}

async function verifiedCounter(
  { id, response }: AssertionAnswer,
  challenge: string,
  place: PasskeyPlace,
  { publicKey }: StoredPasskey,
): Promise<number> {
  const assertion = await verifyAuthenticationResponse({
    response: { id, rawId: id, type: 'public-key', response, clientExtensionResults: {} },
    expectedChallenge: challenge,
    expectedOrigin: place.origin,
    expectedRPID: place.rpId,
    requireUserVerification: true,
    // The counter is compared where it is stored, so that two answers at once can't both pass.
    credential: { id, publicKey, counter: 0 },
  }).catch(refused)
  if (!assertion.verified) throw invalid()
  return assertion.authenticationInfo.newCounter
}

/** Denies whatever the library could not check; its message may repeat what was sent. */
function refused(cause: unknown): never {
  throw new FairtraceError('PASSKEY_INVALID', 'the passkey’s answer did not hold', { cause })
}

function invalid(): FairtraceError {
  return new FairtraceError('PASSKEY_INVALID', 'the passkey’s answer did not hold')
}

function waits(): FairtraceError {
  return new FairtraceError('PASSKEY_WAITS', 'the passkey was added without another’s word and does not work yet')
}

function keyOf({ session }: Identity, purpose: StepUpPurpose | 'register'): string {
  return `${purpose}\n${session}`
}
