/** Calls to the portal and to intake: JSON in and out, refusals under the registry's codes. */
import { ERRORS, type ErrorCode, FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { systemTimers } from './timers.ts'

/** How long one call may take before the server counts as out of reach. */
const CALL_MS_MAX = 30_000
/** Characters of a server's message that are passed on. */
const MESSAGE_MAX = 300

export type Fetch = typeof globalThis.fetch

/** What a server answered. A refusal is a value: who calls decides whether it ends anything. */
export type Answer =
  /** `value` is what `text` is as JSON; null where it is none. */
  | { readonly ok: true; readonly value: unknown; readonly text: string }
  | { readonly ok: false; readonly error: FairtraceError; readonly retryAfterMs: number | null }

export interface Call {
  readonly method?: 'GET' | 'POST'
  /** For the `Authorization` header, under `Bearer` where no other scheme is given. */
  readonly token?: string
  readonly scheme?: string
  readonly body?:
    | { readonly type: 'application/json'; readonly value: unknown }
    | { readonly type: 'application/jose'; readonly text: string }
    | { readonly type: 'application/octet-stream'; readonly bytes: Uint8Array }
}

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) })

/**
 * @throws `SERVER_UNREACHABLE`
 */
export async function call(fetch: Fetch, url: string, options: Call = {}): Promise<Answer> {
  let response: Response
  let text: string
  const late = new AbortController()
  // Not `AbortSignal.timeout`: its timer would wake a device that idles, long after the answer.
  const timer = systemTimers.set(CALL_MS_MAX, () => late.abort())
  try {
    response = await fetch(url, {
      method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(options.token === undefined ? {} : { authorization: `${options.scheme ?? 'Bearer'} ${options.token}` }),
        ...(options.body === undefined ? {} : { 'content-type': options.body.type }),
      },
      ...(options.body === undefined ? {} : { body: encode(options.body) }),
      // A redirect could lead a sealed batch or a token to somebody else.
      redirect: 'error',
      signal: late.signal,
    })
    text = await response.text()
  } catch (cause) {
    throw new FairtraceError('SERVER_UNREACHABLE', `${originOf(url)} does not answer`, { cause })
  } finally {
    timer.clear()
  }
  const value = parseJson(text)
  if (response.ok) return { ok: true, value, text }
  return { ok: false, error: refusal(response.status, value), retryAfterMs: retryAfterMs(response) }
}

/**
 * As `call`, for who can do nothing with a refusal.
 * @throws the refusal under its own code, `SERVER_UNREACHABLE`, `SERVER_REFUSED`
 */
export async function requireAnswer<T>(
  fetch: Fetch,
  url: string,
  schema: z.ZodType<T>,
  options: Call = {},
): Promise<T> {
  const answer = await call(fetch, url, options)
  if (!answer.ok) throw answer.error
  return parseAnswer(schema, answer.value, url)
}

/** @throws `SERVER_REFUSED` if the answer has another form */
export function parseAnswer<T>(schema: z.ZodType<T>, value: unknown, url: string): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const field = parsed.error.issues[0]?.path.join('.') || 'the whole answer'
  throw new FairtraceError('SERVER_REFUSED', `${new URL(url).pathname} answered in another form at ${field}`)
}

function encode(body: NonNullable<Call['body']>): string | Uint8Array<ArrayBuffer> {
  switch (body.type) {
    case 'application/json':
      return JSON.stringify(body.value)
    case 'application/jose':
      return body.text
    case 'application/octet-stream':
      return new Uint8Array(body.bytes)
  }
}

function refusal(status: number, value: unknown): FairtraceError {
  const parsed = errorSchema.safeParse(value)
  if (!parsed.success) return new FairtraceError('SERVER_REFUSED', `status ${status} without a code`)
  const { code, message } = parsed.data.error
  if (!isErrorCode(code)) return new FairtraceError('SERVER_REFUSED', `status ${status} with an unknown code`)
  return new FairtraceError(code, message.slice(0, MESSAGE_MAX))
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code)
}

/** Seconds only: a date would need the server's clock. */
function retryAfterMs(response: Response): number | null {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // No JSON fits no schema, so it is refused where the answer is parsed.
    return undefined
  }
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'the address given'
}
