/**
 * Which routes answer whom: every route of the portal's OpenAPI document and intake's, tried by somebody who may do nothing.
 *
 * Nothing is changed by it. Whoever may do nothing is refused before what they sent is looked at; and what is sent is no document of
 * any route, so that one which forgets to ask finds nothing to do. The sentinel holds no session: it tries none, one that is over or
 * was never given, and one of another kind.
 */
import { randomBytes } from 'node:crypto'
import { printableName, type Reader } from '@fairtrace/core'
import { z } from 'zod'
import { OPEN_ROUTES } from '../../api/route-access.ts'
import type { Finding } from '../../runtime/findings.ts'
import type { Observation } from './observation.ts'

export interface RouteSettings {
  readonly portal: string
  /** Undefined until it is known. */
  readonly intake: string | undefined
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const
const documentSchema = z.object({
  paths: z.record(
    z.string(),
    z.record(z.string(), z.object({ security: z.array(z.record(z.string(), z.unknown())).optional() }).loose()),
  ),
})
const refusalSchema = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), advice: z.string() }),
})
const ANSWER_MS_MAX = 5_000
const REFUSAL_BYTES_MAX = 4_096
const ROUTES_MAX = 1_000

/** What somebody without any right might show. */
const CREDENTIALS: readonly { readonly who: string; header(): string | null }[] = [
  { who: 'anybody without a session', header: () => null },
  // Of the form of a real one, as one that is over or another installation's is.
  { who: 'anybody with a session that is over', header: () => `Bearer ${randomBytes(32).toString('base64url')}` },
  { who: 'anybody with a credential of another kind', header: () => `Basic ${randomBytes(12).toString('base64')}` },
]

/** @throws if the document can't be had, or is none */
export async function readRoutes({ portal, intake }: RouteSettings): Promise<Observation> {
  const answer = await fetch(new URL('/api/openapi.json', portal), { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
  const { paths } = documentSchema.parse(await answer.json())
  const declared: Reader[] = []
  const readers: Reader[] = []
  const findings: Finding[] = []
  const routes = Object.entries(paths).flatMap(([path, own]) =>
    METHODS.flatMap((method) =>
      own[method] === undefined ? [] : [{ method: method.toUpperCase(), path, security: own[method].security }],
    ),
  )
  if (routes.length > ROUTES_MAX) throw new RangeError('more routes than anybody wrote')
  for (const { method, path, security } of routes) {
    const name = `${method} ${path}`
    const open = OPEN_ROUTES[name]
    if (open !== undefined && Object.hasOwn(OPEN_ROUTES, name)) {
      const reader = { who: 'anybody', what: `call ${name}`, through: open }
      declared.push(reader)
      readers.push(reader)
      continue
    }
    const subject = `route ${printableRoute(name)}`
    if (security === undefined || security.length === 0) {
      findings.push({ kind: 'route-open', subject, detail: { change: 'declared open' } })
    }
    const tried = await tryRoute(portal, method, path)
    for (const { who, status } of tried.answered) {
      readers.push({ who, what: `call ${printableRoute(name)}`, through: `answer ${status}` })
      findings.push({ kind: 'route-open', subject, detail: { who, status } })
    }
    if (tried.saidMore)
      findings.push({ kind: 'guard-changed', subject, detail: { change: 'a refusal says more than its code' } })
    if (tried.answered.length === 0) {
      const reader = {
        who: 'whoever is signed in and has the role that the route asks for',
        what: `call ${name}`,
        through: 'session',
      }
      declared.push(reader)
      readers.push(reader)
    }
  }
  if (intake !== undefined) {
    const tried = await tryRoute(intake, 'POST', '/batches')
    // Intake judges what is sent before the permit that came with it: any refusal will do, and a batch like this one it never takes.
    for (const { who, status } of tried.answered.filter((one) => one.status < 400 || one.status >= 500)) {
      findings.push({ kind: 'route-open', subject: 'route POST /batches', detail: { who, status } })
    }
  }
  return { declared, readers, findings: onceEach(findings), notShown: NOT_SHOWN }
}

const NOT_SHOWN = [
  'What a session of each role may call is tried by the tests of this build, not here: the sentinel holds no session.',
  'Routes that the portal serves and does not declare, and pages, which refuse by showing the sign-in.',
]

async function tryRoute(
  base: string,
  method: string,
  path: string,
): Promise<{ readonly answered: readonly { who: string; status: number }[]; readonly saidMore: boolean }> {
  const answered: { who: string; status: number }[] = []
  let saidMore = false
  const url = new URL(path.replaceAll(/\{[^}]+\}/g, '0'.repeat(22)), base)
  for (const { who, header } of CREDENTIALS) {
    const authorization = header()
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      headers: {
        ...(authorization === null ? {} : { authorization }),
        ...(method === 'GET' ? {} : { 'content-type': bodyType(path) }),
      },
      ...(method === 'GET' ? {} : { body: '"a look without any right"' }),
    })
    const text = await response.text()
    // Refused for who asks, not for what was sent.
    if (![401, 403].includes(response.status)) answered.push({ who, status: response.status })
    else if (text.length > REFUSAL_BYTES_MAX || !refusalSchema.safeParse(jsonOf(text)).success) saidMore = true
  }
  return { answered, saidMore }
}

function bodyType(path: string): string {
  return path === '/batches' ? 'application/octet-stream' : 'application/json'
}

function onceEach(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((finding) => [`${finding.kind} ${finding.subject}`, finding])).values()]
}

function printableRoute(name: string): string {
  return /^[A-Z]+ [A-Za-z0-9/{}_.-]+$/.test(name) ? name : printableName(name)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // No JSON is no refusal of ours.
    return null
  }
}
