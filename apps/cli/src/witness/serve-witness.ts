/** A witness over HTTP: `POST /add-checkpoint`, and what it has cosigned for monitors (C2SP tlog-witness). */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FairtraceError } from '@fairtrace/core'
import type { Witness, WitnessStorage } from '@fairtrace/verify'

const BODY_BYTES_MAX = 64 * 1024
const REQUEST_MS_MAX = 10_000

export interface ServedWitness {
  readonly address: string
  stop(): Promise<void>
}

/** @throws `PORT_IN_USE` */
export async function serveWitness(
  witness: Witness,
  storage: WitnessStorage,
  origins: readonly string[],
  listen: { readonly host: string; readonly port: number },
): Promise<ServedWitness> {
  const byHash = new Map(origins.map((origin) => [createHash('sha256').update(origin).digest('hex'), origin]))
  const server = createServer({ requestTimeout: REQUEST_MS_MAX }, (request, response) => {
    answer(request, response).catch(() => send(response, 500, 'text/plain', 'the witness could not answer\n'))
  })
  server.listen(listen.port, listen.host)
  await Promise.race([
    once(server, 'listening'),
    once(server, 'error').then(([cause]) => {
      throw new FairtraceError('PORT_IN_USE', `port ${listen.port} is not free`, { cause })
    }),
  ])
  const { address, port } = server.address() as AddressInfo
  return {
    address: `http://${address.includes(':') ? `[${address}]` : address}:${port}`,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '' } = request
    if (method === 'GET' && url === '/healthz') return send(response, 200, 'application/json', '{"state":"ready"}\n')
    const origin = byHash.get(/^\/([0-9a-f]{64})\/checkpoint$/.exec(url)?.[1] ?? '')
    if (method === 'GET' && origin !== undefined) {
      const state = await storage.read(origin)
      if (state !== null) return send(response, 200, 'text/plain; charset=utf-8', state.note)
    }
    if (url !== '/add-checkpoint') return send(response, 404, 'text/plain', 'not found\n')
    if (method !== 'POST') return send(response, 405, 'text/plain', 'POST it\n')
    const body = await bodyOf(request)
    if (body === null) return send(response, 400, 'text/plain', 'too long\n')
    const answered = await witness.addCheckpoint(body)
    if (answered.status === 200) return send(response, 200, 'text/plain; charset=utf-8', answered.cosignatures)
    const type = answered.status === 409 ? 'text/x.tlog.size' : 'text/plain; charset=utf-8'
    send(response, answered.status, type, answered.body)
  }
}

async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request) {
    length += part.length
    if (length > BODY_BYTES_MAX) return null
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
}
