/**
 * The participant's side of concerns: tokens that are fetched by everybody alike, and used by nobody in particular.
 *
 * Fetching is done by the device on its own rhythm, with the session, a whole set at a time, whatever the person wants. Using
 * is done without the session, and never on the day of fetching, so that the one doesn't point at the other. What was raised
 * or joined is not written down here: the token of a concern is found by its place, and who looks into this folder learns nothing.
 */
import {
  base64url,
  type Clock,
  CONCERN_KEYS_TYP,
  CONCERN_NONCE_BYTES,
  CONCERN_USES,
  type ConcernKeyList,
  type ConcernToken,
  type ConcernUse,
  canonicalJson,
  concernKeysSchema,
  concernRound,
  concernRoundPattern,
  concernTokenSchema,
  FairtraceError,
  fromBase64url,
  isFairtraceError,
} from '@fairtrace/core'
import { z } from 'zod'
import { blindMessage, openSignature } from './blind-tokens.ts'
import type { Membership } from './membership.ts'
import { type Call, type Fetch, requireAnswer } from './portal-client.ts'
import type { Settings } from './storage.ts'
import { verifyToken } from './tokens.ts'

const concernSchema = z.object({
  concern: z.string(),
  round: z.string(),
  slot: z.int(),
  raisedOn: z.string(),
  text: z.string(),
  state: z.enum(['open', 'in-review', 'answered']),
  supporters: z.int().nullable(),
  reviewDueAtMs: z.number().nullable(),
  isOverdue: z.boolean(),
  hasPaused: z.boolean(),
  answer: z.string().nullable(),
  isJoinable: z.boolean(),
})
export type KnownConcern = z.infer<typeof concernSchema>

const round = z.string().regex(concernRoundPattern)
const digest = z.string()
/** What the device keeps of a round; `elsewhere`: another device of the same person was given the tokens. */
const roundSchema = z.discriminatedUnion('state', [
  z.strictObject({
    state: z.literal('asked'),
    round,
    keys: digest,
    blinded: z.array(z.strictObject({ message: z.string(), blinded: z.string(), inverse: z.string() })),
  }),
  z.strictObject({
    state: z.literal('held'),
    round,
    keys: digest,
    /** A day; the tokens rest until it is over. */
    fetchedOn: z.string(),
    tokens: z.array(concernTokenSchema).length(CONCERN_USES.length),
  }),
  z.strictObject({ state: z.literal('elsewhere'), round, keys: digest }),
])
const keptSchema = z.strictObject({ rounds: z.array(roundSchema), concerns: z.array(concernSchema) })
type Kept = z.infer<typeof keptSchema>
type KeptRound = Kept['rounds'][number]

const listAnswer = z.object({ concerns: z.array(concernSchema) })
const keysAnswer = z.object({ rounds: z.array(z.object({ round, keys: z.string() })) })
const tokensAnswer = z.object({ signatures: z.array(z.string()).length(CONCERN_USES.length) })
const raisedAnswer = z.object({ concern: z.string(), round, slot: z.int() })
const doneAnswer = z.object({ done: z.literal(true) })

const SETTING = 'concerns'

export class DeviceConcerns {
  readonly #fetch: Fetch
  readonly #membership: Membership
  readonly #settings: Settings
  readonly #clock: Clock

  constructor(fetch: Fetch, membership: Membership, settings: Settings, clock: Clock) {
    this.#fetch = fetch
    this.#membership = membership
    this.#settings = settings
    this.#clock = clock
  }

  /** The concerns as they were when the device last looked. Asks nobody. */
  async list(): Promise<readonly KnownConcern[]> {
    return (await this.#kept()).concerns
  }

  /**
   * What everybody can compare: a portal that gave one person keys of their own would show another digest here.
   * @returns round → SHA-256 of its key list, base64url
   */
  async keyDigests(): Promise<ReadonlyMap<string, string>> {
    return new Map((await this.#kept()).rounds.map(({ round: name, keys }) => [name, keys]))
  }

  /**
   * Reads the list and fetches the tokens of every round that this device has none of. To be called on the device's own
   * rhythm, never because somebody wants to raise or join.
   * @throws `SIGNATURE_INVALID` if the keys are not the issuer's, or not those that it gave for the same round before
   */
  async sync(): Promise<void> {
    const { session } = this.#membership
    const { concerns } = await this.#ask('/api/concerns', listAnswer, { token: session })
    // Without the session: keys for one person alone would make their tokens known again.
    const live = await this.#ask('/api/concerns/keys', keysAnswer)
    const lists: ConcernKeyList[] = []
    for (const said of live.rounds) lists.push(await this.#checkKeys(said.round, said.keys))
    const known = (await this.#kept()).rounds.filter(({ round: name }) => lists.some((list) => list.round === name))
    await this.#keep({ rounds: known, concerns })
    for (const list of lists) await this.#fetchTokens(list)
  }

  /**
   * Raises a concern, and joins it. Others read the text.
   * @throws `CONCERN_TOKENS_MISSING`, `CONCERN_TOKENS_ISSUED`, `CONCERN_TOKEN_INVALID` if one was raised this month
   */
  async raise(text: string): Promise<string> {
    const current = concernRound(this.#clock.nowMs())
    const raised = await this.#ask('/api/concerns', raisedAnswer, {
      body: { type: 'application/json', value: { round: current, text, token: await this.#token(current, 'raise') } },
    })
    const token = await this.#token(raised.round, raised.slot)
    await this.#send('join', raised.concern, token)
    return raised.concern
  }

  /** @throws `NOT_FOUND` if this device hasn't heard of it; `CONCERN_TOKENS_MISSING`, `CONCERN_TOKENS_ISSUED` */
  async join(concern: string): Promise<void> {
    await this.#send('join', concern, await this.#tokenFor(concern))
  }

  /** @throws as `join` */
  async leave(concern: string): Promise<void> {
    await this.#send('leave', concern, await this.#tokenFor(concern))
  }

  async #fetchTokens(list: ConcernKeyList): Promise<void> {
    const name = list.round
    const keys = await digestOf(list)
    let kept = (await this.#kept()).rounds.find((one) => one.round === name)
    if (kept !== undefined && kept.keys !== keys) {
      throw new FairtraceError('SIGNATURE_INVALID', `the portal gave other keys for ${name} before; compare them`)
    }
    if (kept === undefined) {
      const blinded = []
      for (const [place, use] of CONCERN_USES.entries()) {
        blinded.push(await blindMessage(list.keys[place] ?? '', list.programme, name, use))
      }
      kept = { state: 'asked', round: name, keys, blinded }
      // Kept before it is sent: an answer that gets lost is fetched again with the same messages.
      await this.#keepRound(kept)
    }
    if (kept.state !== 'asked') return
    const { blinded } = kept
    const signatures = await this.#askForSet(name, blinded)
    if (signatures === null) {
      await this.#keepRound({ state: 'elsewhere', round: name, keys })
      return
    }
    const tokens: ConcernToken[] = []
    for (const [place, one] of blinded.entries()) {
      const signature = await openSignature(list.keys[place] ?? '', one, signatures[place] ?? '')
      tokens.push({ nonce: nonceOf(one.message), signature })
    }
    await this.#keepRound({ state: 'held', round: name, keys, fetchedOn: dayOf(this.#clock.nowMs()), tokens })
  }

  /** @returns null if another device of this person was given the set */
  async #askForSet(name: string, blinded: readonly { readonly blinded: string }[]): Promise<readonly string[] | null> {
    try {
      const { signatures } = await this.#ask('/api/concerns/tokens', tokensAnswer, {
        token: this.#membership.session,
        body: { type: 'application/json', value: { round: name, blinded: blinded.map((one) => one.blinded) } },
      })
      return signatures
    } catch (cause) {
      if (isFairtraceError(cause) && cause.code === 'CONCERN_TOKENS_ISSUED') return null
      throw cause
    }
  }

  async #checkKeys(name: string, jws: string): Promise<ConcernKeyList> {
    const { issuer, programme } = this.#membership.pins
    const said = await verifyToken(CONCERN_KEYS_TYP, jws, issuer, 'SIGNATURE_INVALID')
    const list = concernKeysSchema.safeParse(said).data
    if (list === undefined || list.programme !== programme || list.round !== name) {
      throw new FairtraceError('SIGNATURE_INVALID', 'the keys are of another programme or round')
    }
    return list
  }

  async #tokenFor(concern: string): Promise<ConcernToken> {
    const known = (await this.list()).find((one) => one.concern === concern)
    if (known === undefined) throw new FairtraceError('NOT_FOUND', 'this device has not heard of such a concern yet')
    return this.#token(known.round, known.slot)
  }

  async #token(name: string, use: ConcernUse): Promise<ConcernToken> {
    const kept = (await this.#kept()).rounds.find((one) => one.round === name)
    if (kept?.state === 'elsewhere') {
      throw new FairtraceError('CONCERN_TOKENS_ISSUED', `the tokens of ${name} are on another device`)
    }
    const today = dayOf(this.#clock.nowMs())
    const token = kept?.state === 'held' && kept.fetchedOn < today ? kept.tokens[CONCERN_USES.indexOf(use)] : undefined
    if (token === undefined) {
      throw new FairtraceError('CONCERN_TOKENS_MISSING', `there is no token of ${name} here that has rested a day`)
    }
    return token
  }

  async #send(what: 'join' | 'leave', concern: string, token: ConcernToken): Promise<void> {
    await this.#ask(`/api/concerns/${what}`, doneAnswer, {
      body: { type: 'application/json', value: { concern, token } },
    })
  }

  #ask<T>(path: string, schema: z.ZodType<T>, options: Call = {}): Promise<T> {
    return requireAnswer(this.#fetch, new URL(path, this.#membership.serverUrl).href, schema, options)
  }

  async #kept(): Promise<Kept> {
    const kept = await this.#settings.readSetting(SETTING)
    return kept === null ? { rounds: [], concerns: [] } : keptSchema.parse(kept)
  }

  async #keep(kept: Kept): Promise<void> {
    await this.#settings.writeSetting(SETTING, kept)
  }

  async #keepRound(changed: KeptRound): Promise<void> {
    const { rounds, concerns } = await this.#kept()
    await this.#keep({ rounds: [...rounds.filter((one) => one.round !== changed.round), changed], concerns })
  }
}

async function digestOf(list: ConcernKeyList): Promise<string> {
  const bytes = new TextEncoder().encode(canonicalJson(list))
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

function dayOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 'yyyy-mm-dd'.length)
}

function nonceOf(message: string): string {
  const bytes = fromBase64url(message)
  if (bytes === null) throw new FairtraceError('OUTBOX_CORRUPT', 'a kept message has another form')
  return base64url(bytes.subarray(0, CONCERN_NONCE_BYTES))
}
