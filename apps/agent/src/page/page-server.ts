/**
 * The review page's server: this computer only, one address, one person.
 *
 * Refused before anything else: a `Host` that isn't exactly ours (a name that was pointed at this computer), a request that
 * another page sent (`Origin`, `Sec-Fetch-Site`), a form without its session's value. There is no request to anybody else.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Clock, FairtraceError, isFairtraceError } from '@fairtrace/core'
import { drawRecording } from '@fairtrace/device'
import type { Ask } from '../control/answers.ts'
import { asFairtraceError } from '../terminal.ts'
import { type Asset, readAssets } from './assets.ts'
import { formAction } from './form-actions.ts'
import { isSame, type PageSession, PageSessions } from './page-sessions.ts'
import { renderEnter, renderHome, renderRecording, renderRefusal } from './pages.ts'

const HOST = '127.0.0.1'
const BODY_BYTES_MAX = 256 * 1024
const COOKIE = 'fairtrace-review'

export interface ReviewPage {
  /** @returns an address with a token in its fragment that works once, for two minutes */
  mint(): string
  stop(): Promise<void>
}

interface Reply {
  readonly status: number
  readonly type?: string
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export async function startReviewPage({
  ask,
  clock,
}: {
  readonly ask: Ask
  readonly clock: Clock
}): Promise<ReviewPage> {
  const sessions = new PageSessions(clock)
  const assets = readAssets()
  const server = createServer((request, response) => {
    reply({ request, ask, clock, sessions, assets, origin }).then(
      (answer) => send(response, answer),
      (cause: unknown) => send(response, refused(cause)),
    )
  })
  server.requestTimeout = 10_000
  server.maxConnections = 64
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, HOST, resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new FairtraceError('INTERNAL', 'the review page has no port')
  const origin = `http://${HOST}:${address.port}`
  return {
    mint: () => `${origin}/#${sessions.mint()}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Context {
  readonly request: IncomingMessage
  readonly ask: Ask
  readonly clock: Clock
  readonly sessions: PageSessions
  readonly assets: ReadonlyMap<string, Asset>
  readonly origin: string
}

async function reply(context: Context): Promise<Reply> {
  const { request, assets, origin } = context
  requireOurs(request, origin)
  const url = new URL(`${origin}${request.url ?? '/'}`)
  const asset = assets.get(url.pathname)
  if (request.method === 'GET' && asset !== undefined) return { status: 200, type: asset.type, body: asset.body }
  // Without a session there is nothing here but the way in.
  if (request.method === 'GET' && url.pathname === '/') return page(renderEnter())
  if (request.method === 'POST' && url.pathname === '/enter') return enter(context)
  const [, first = '', ...rest] = url.pathname.split('/')
  const session = context.sessions.find(first, cookieOf(request))
  if (session === null)
    throw new FairtraceError('SESSION_REQUIRED', 'this page is closed: open it again with `fairtrace-agent open`')
  if (request.method === 'GET') return show(context, session, rest.join('/'), url.searchParams)
  if (request.method === 'POST') return act(context, session, rest.join('/'))
  throw new FairtraceError('NOT_FOUND', 'there is no such page')
}

function requireOurs({ headers, method, url }: IncomingMessage, origin: string): void {
  if (headers.host !== new URL(origin).host)
    throw new FairtraceError('ORIGIN_REFUSED', 'this is not the name of this page')
  const site = headers['sec-fetch-site']
  const isSent = headers.origin !== undefined || method !== 'GET'
  if (isSent && headers.origin !== origin) throw new FairtraceError('ORIGIN_REFUSED', 'another page sent this')
  // Also a link of another page. Only the way in, which shows nothing, is open to whoever leads there: the file that `open` makes.
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && url !== '/') {
    throw new FairtraceError('ORIGIN_REFUSED', 'another page sent this')
  }
}

async function enter({ request, sessions }: Context): Promise<Reply> {
  const session = sessions.enter(await readBody(request))
  if (session === null) {
    throw new FairtraceError(
      'SESSION_REQUIRED',
      'this address was used before, or is too old: `fairtrace-agent open` makes a new one',
    )
  }
  return {
    status: 200,
    type: 'text/plain; charset=utf-8',
    body: `/${session.path}/`,
    headers: { 'set-cookie': `${COOKIE}=${session.cookie}; Path=/${session.path}/; HttpOnly; SameSite=Strict` },
  }
}

async function show({ ask }: Context, session: PageSession, path: string, query: URLSearchParams): Promise<Reply> {
  const done = query.get('done')
  if (path === '')
    return page(
      renderHome({ session, status: await ask({ ask: 'status' }), review: await ask({ ask: 'review' }), done }),
    )
  const [, id, drawing] = /^recordings\/([A-Za-z0-9_-]{22})(\/drawing\.svg)?$/.exec(path) ?? []
  const review = await ask({ ask: 'review' })
  const recording = review.recordings.find((one) => one.id === id)
  if (recording === undefined) throw new FairtraceError('NOT_FOUND', 'this recording is gone')
  if (drawing === undefined) return page(renderRecording({ session, recording, nowMs: review.nowMs, done }))
  return {
    status: 200,
    type: 'image/svg+xml',
    body: drawRecording(recording.actions),
    headers: { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'" },
  }
}

async function act({ request, ask }: Context, session: PageSession, path: string): Promise<Reply> {
  const form = new URLSearchParams(await readBody(request))
  if (!isSame(session.form, form.get('form') ?? ''))
    throw new FairtraceError('ORIGIN_REFUSED', 'this form is not of this page')
  const { to, done } = await formAction(ask, path, form)
  return { status: 303, headers: { location: `/${session.path}/${to}?done=${done}` } }
}

function cookieOf({ headers }: IncomingMessage): string | null {
  for (const part of (headers.cookie ?? '').split('; ')) {
    const [name, value] = part.split('=', 2)
    if (name === COOKIE && value !== undefined) return value
  }
  return null
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new FairtraceError('BODY_INVALID', 'the body is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function page(body: string): Reply {
  return { status: 200, type: 'text/html; charset=utf-8', body }
}

function refused(cause: unknown): Reply {
  const error = isFairtraceError(cause) ? cause : asFairtraceError(cause)
  return { status: error.status, type: 'text/html; charset=utf-8', body: renderRefusal(error) }
}

function send(response: ServerResponse, { status, type, body = '', headers = {} }: Reply): void {
  response.writeHead(status, {
    'content-security-policy':
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    // `no-referrer` would make the browser hide where a form comes from, from us too.
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    // What waits here is nobody's to keep: not even the browser's on the disk.
    'cache-control': 'no-store',
    ...(type === undefined ? {} : { 'content-type': type }),
    ...headers,
  })
  response.end(body)
}
