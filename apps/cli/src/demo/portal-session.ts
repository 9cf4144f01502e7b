/** A signed-in member of staff, or a participant, speaking to the portal as the demonstration's people would. */
import { ERRORS, type ErrorCode, FairtraceError } from '@fairtrace/core'
import { z } from 'zod'

const refusalSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) })

export class PortalSession {
  readonly #portalUrl: string
  readonly #headers: Readonly<Record<string, string>>

  private constructor(portalUrl: string, headers: Readonly<Record<string, string>>) {
    this.#portalUrl = portalUrl
    this.#headers = headers
  }

  static anonymous(portalUrl: string): PortalSession {
    return new PortalSession(portalUrl, {})
  }

  /** @param session the bearer that a participant got when joining */
  static participant(portalUrl: string, session: string): PortalSession {
    return new PortalSession(portalUrl, { authorization: `Bearer ${session}` })
  }

  static async signIn(portalUrl: string, name: string, password: string): Promise<PortalSession> {
    const response = await send(portalUrl, '/api/sign-in', { origin: portalUrl }, { name, password })
    const cookie = response.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ')
    return new PortalSession(portalUrl, { cookie, origin: portalUrl })
  }

  async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return schema.parse(await (await send(this.#portalUrl, path, this.#headers)).json())
  }

  async bytes(path: string): Promise<Uint8Array> {
    return new Uint8Array(await (await send(this.#portalUrl, path, this.#headers)).arrayBuffer())
  }

  /** @throws the refusal under its own code */
  async post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    return schema.parse(await (await send(this.#portalUrl, path, this.#headers, body)).json())
  }
}

async function send(
  portalUrl: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: unknown,
): Promise<Response> {
  const response = await fetch(new URL(path, portalUrl), {
    method: body === undefined ? 'GET' : 'POST',
    headers: body === undefined ? { ...headers } : { ...headers, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    redirect: 'manual',
  }).catch((cause: unknown) => {
    throw new FairtraceError('SERVER_UNREACHABLE', 'the portal does not answer', { cause })
  })
  if (response.ok) return response
  const refusal = refusalSchema.safeParse(await response.json().catch(() => null)).data
  const code =
    refusal && Object.hasOwn(ERRORS, refusal.error.code) ? (refusal.error.code as ErrorCode) : 'SERVER_REFUSED'
  throw new FairtraceError(code, `${path}: ${refusal?.error.message ?? `status ${response.status}`}`)
}
