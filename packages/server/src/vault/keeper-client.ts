/**
 * The vault's line to the keeper: signed requests, signed answers. What comes back without the keeper's signature over this very
 * request is nobody's word.
 */
import { randomBytes } from 'node:crypto'
import {
  type Clock,
  ERRORS,
  type ErrorCode,
  FairtraceError,
  KEEPER_ANSWER_TYP,
  KEEPER_REQUEST_TYP,
  type KeeperCall,
  type KeeperResult,
  keeperAnswerSchema,
  keeperResultSchemas,
} from '@fairtrace/core'
import { z } from 'zod'
import { ed25519PublicKey, type Signer, signJws, verifyJws } from '../runtime/jws.ts'

/** Slices of thousands of agreements take their time. */
const ANSWER_MS_MAX = 30_000
const CHECKPOINT_MS_MAX = 10_000
/** What the keeper says without a signature, because it knows nobody whom it would say it to. */
const UNSIGNED_CODES: readonly string[] = ['KEEPER_REQUEST_INVALID', 'KEEPER_CLOCK_BACK']
const unsignedSchema = z.object({ error: z.object({ code: z.string() }) })

export interface KeeperPlace {
  /** Such as `https://keeper.union.example`. */
  readonly url: string
  /** Raw Ed25519 public key, base64url: the one that the charter names. */
  readonly key: string
}

export interface KeeperClient {
  readonly place: KeeperPlace
  /**
   * @returns with the answer as the keeper signed it, for whoever is to believe it without asking
   * @throws `KEEPER_UNREACHABLE`, `KEEPER_UNTRUSTED`, or the code under which the keeper refused
   */
  call<Name extends KeeperCall['call']>(
    call: Extract<KeeperCall, { call: Name }>,
  ): Promise<{ readonly result: KeeperResult<Name>; readonly nonce: string; readonly signed: string }>
  /** As a witness. @param body of C2SP's `add-checkpoint` @throws `KEEPER_UNREACHABLE` */
  addCheckpoint(body: string): Promise<{ readonly status: number; readonly body: string }>
}

export function openKeeperClient(place: KeeperPlace, signer: Signer, clock: Clock): KeeperClient {
  const publicKey = ed25519PublicKey(place.key)
  return {
    place,
    async call(call) {
      const nonce = randomBytes(16).toString('base64url')
      const token = signJws(KEEPER_REQUEST_TYP, { nonce, atMs: clock.nowMs(), call }, signer)
      const { status, body } = await post(place, '/v1', token, ANSWER_MS_MAX)
      if (status !== 200) throw unsigned(status, body)
      const payload = verifyJws(KEEPER_ANSWER_TYP, body, publicKey, 'KEEPER_UNTRUSTED')
      const answer = keeperAnswerSchema.safeParse(payload)
      if (!answer.success || answer.data.nonce !== nonce) throw untrusted('the answer is to another request')
      if ('refused' in answer.data) throw refusal(answer.data.refused)
      const result = keeperResultSchemas[call.call].safeParse(answer.data.result)
      if (!result.success) throw untrusted('the answer is malformed')
      return { result: result.data as KeeperResult<typeof call.call>, nonce, signed: body }
    },
    addCheckpoint: (body) => post(place, '/add-checkpoint', body, CHECKPOINT_MS_MAX),
  }
}

async function post(
  { url }: KeeperPlace,
  path: string,
  body: string,
  msMax: number,
): Promise<{ readonly status: number; readonly body: string }> {
  try {
    const response = await fetch(new URL(path, url), {
      method: 'POST',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(msMax),
    })
    return { status: response.status, body: await response.text() }
  } catch (cause) {
    throw new FairtraceError('KEEPER_UNREACHABLE', 'the keeper does not answer', { cause })
  }
}

function unsigned(status: number, body: string): FairtraceError {
  const code = unsignedSchema.safeParse(parsed(body)).data?.error.code ?? ''
  if (UNSIGNED_CODES.includes(code)) return refusal({ code, message: 'the keeper takes no request now' })
  return new FairtraceError('KEEPER_UNREACHABLE', `the keeper's address answers with status ${status}`)
}

function refusal({ code, message }: { readonly code: string; readonly message: string }): FairtraceError {
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'KEEPER_REFUSED'
  return new FairtraceError(known, `the keeper refuses: ${message}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whatever answers there is no keeper of ours.
    return null
  }
}

function untrusted(message: string): FairtraceError {
  return new FairtraceError('KEEPER_UNTRUSTED', message)
}
