/**
 * A stand-in for the transit engine of HashiCorp Vault and OpenBao, because no real one can be had here. It is built from the
 * published API documentation (transit: create, configure, read and delete keys, encrypt, decrypt) and answers as that says: with
 * `X-Vault-Token`, associated data, `{"errors":[…]}`, deletion only where the key's configuration allows it.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type KmsFault, SLOW_MS } from './faults.ts'

interface TransitKey {
  readonly key: Buffer
  isDeletable: boolean
}

export interface TransitServer {
  readonly address: string
  readonly token: string
  readonly keys: ReadonlyMap<string, TransitKey>
  fault: KmsFault
  stop(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly body?: unknown
}

export async function startTransitServer(): Promise<TransitServer> {
  const token = `hvs.${randomBytes(18).toString('base64url')}`
  const keys = new Map<string, TransitKey>()
  const state: { fault: KmsFault } = { fault: 'none' }
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    if (state.fault === 'silent') return
    if (state.fault === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS))
    send(response, answer(request, body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  return {
    address: `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`,
    token,
    keys,
    get fault() {
      return state.fault
    },
    set fault(fault) {
      state.fault = fault
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }

  function answer(request: IncomingMessage, body: Record<string, unknown>): Answer {
    if (state.fault === 'denies' || request.headers['x-vault-token'] !== token) return refused(403, 'permission denied')
    const [, place, name = '', config] =
      /^\/v1\/transit\/(keys|encrypt|decrypt)\/([\w-]+)(\/config)?$/.exec(request.url ?? '') ?? []
    if (place === undefined) return refused(404, 'no handler for route')
    if (state.fault === 'babbles' && place !== 'keys') return done({ something: 'else' })
    if (place === 'keys' && config === undefined) return onKey(request.method ?? '', name, body)
    const key = keys.get(name)
    if (place === 'keys') {
      if (key === undefined) return refused(400, `no existing key named ${name} could be found`)
      key.isDeletable = body.deletion_allowed === true
      return done({ name, deletion_allowed: key.isDeletable })
    }
    if (key === undefined) return refused(400, 'encryption key not found')
    return place === 'encrypt' ? encrypt(key, body) : decrypt(key, body)
  }

  function onKey(method: string, name: string, body: Record<string, unknown>): Answer {
    const key = keys.get(name)
    if (method === 'POST') {
      if (body.type !== 'aes256-gcm96') return refused(400, 'unsupported key type')
      // Creating a key that exists changes nothing.
      if (key === undefined) keys.set(name, { key: randomBytes(32), isDeletable: false })
      return done({ name, type: body.type })
    }
    if (method === 'GET') return key === undefined ? { status: 404, body: { errors: [] } } : done({ name })
    if (method !== 'DELETE') return refused(405, 'unsupported operation')
    if (key === undefined) return refused(400, 'could not delete key; not found')
    if (!key.isDeletable) return refused(400, 'deletion is not allowed for this key')
    keys.delete(name)
    return { status: 204 }
  }

  function encrypt({ key }: TransitKey, body: Record<string, unknown>): Answer {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    cipher.setAAD(bytes(body.associated_data))
    const plaintext = bytes(body.plaintext)
    const given = state.fault === 'wraps-another' ? randomBytes(plaintext.length) : plaintext
    const sealed = Buffer.concat([nonce, cipher.update(given), cipher.final(), cipher.getAuthTag()])
    return done({ ciphertext: `vault:v1:${sealed.toString('base64')}`, key_version: 1 })
  }

  function decrypt({ key }: TransitKey, body: Record<string, unknown>): Answer {
    const [, text] = /^vault:v1:(.*)$/.exec(String(body.ciphertext)) ?? []
    if (text === undefined) return refused(400, 'invalid ciphertext: no prefix')
    const sealed = Buffer.from(text, 'base64')
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
      decipher.setAAD(bytes(body.associated_data))
      decipher.setAuthTag(sealed.subarray(-16))
      const plaintext = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])
      const told = state.fault === 'lies' ? randomBytes(plaintext.length) : plaintext
      return done({ plaintext: told.toString('base64') })
    } catch {
      // What it says for a wrong key, other associated data and damage alike.
      return refused(400, 'cipher: message authentication failed')
    }
  }
}

function done(data: unknown): Answer {
  return { status: 200, body: { request_id: randomUUID(), lease_id: '', renewable: false, lease_duration: 0, data } }
}

function refused(status: number, error: string): Answer {
  return { status, body: { errors: [error] } }
}

function bytes(value: unknown): Buffer {
  return Buffer.from(typeof value === 'string' ? value : '', 'base64')
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Uint8Array[] = []
  for await (const part of request) parts.push(part)
  const text = Buffer.concat(parts).toString('utf8')
  return text === '' ? {} : JSON.parse(text)
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(body === undefined ? undefined : JSON.stringify(body))
}
