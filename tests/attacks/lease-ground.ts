/** A device that speaks the renewal protocol by hand, written apart from the device package, and a wire that can be cut. */
import { createHash, createHmac } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import {
  LEASE_TYP,
  type Lease,
  leaseSchema,
  RENEWAL_INFO,
  type RenewalClaims,
  type RenewalPurpose,
  renewalText,
  renewalToken,
} from '@fairtrace/core'
import { ed25519PublicKey, signJws, verifyJws } from '@fairtrace/server/runtime/jws'
import { generateX25519, hpkeOpen } from '@fairtrace/server/vault/hpke'
import { TEST_PUBLIC_KEYS } from '@fairtrace/testing/harness'
import type { Answer, PortalGround, TestDevice } from '../portal-ground.ts'

const issuerKey = ed25519PublicKey(TEST_PUBLIC_KEYS.issuer)

/** What a device holds after it has shown its own key once. */
export interface RenewalHolder {
  readonly device: string
  readonly key: Buffer
  readonly keyEndsAtMs: number
  readonly lease: Lease
  /** The request that brought it, as somebody on the way would have seen it. */
  readonly overheard: string
}

export async function authenticate(ground: PortalGround, { device, key }: TestDevice): Promise<RenewalHolder> {
  const pair = generateX25519()
  const payload = { device, atMs: ground.nowMs(), replyKey: pair.publicKeyRaw.toString('base64url') }
  const token = signJws('ft-lease-request+jwt', payload, key)
  const { body } = await ground.call('/api/leases', { body: token })
  const { enc, ciphertext } = body.sealed as { enc: string; ciphertext: string }
  const opened = hpkeOpen({
    ...pair,
    enc: Buffer.from(enc, 'base64url'),
    info: RENEWAL_INFO,
    aad: Buffer.from(createHash('sha256').update(token).digest('base64url')),
    ciphertext: Buffer.from(ciphertext, 'base64url'),
  })
  const reply = JSON.parse(opened.toString())
  return {
    device,
    key: Buffer.from(reply.key, 'base64url'),
    keyEndsAtMs: reply.keyEndsAtMs,
    lease: parseLease(reply.lease),
    overheard: token,
  }
}

export function parseLease(jws: string): Lease {
  return leaseSchema.parse(verifyJws(LEASE_TYP, jws, issuerKey, 'LEASE_INVALID'))
}

let lastAtMs = 0

export function aToken(
  ground: PortalGround,
  holder: RenewalHolder,
  purpose: RenewalPurpose = 'lease',
  change: Partial<RenewalClaims> = {},
): string {
  lastAtMs = Math.max(ground.nowMs(), lastAtMs + 1)
  const claims = { device: holder.device, keyEndsAtMs: holder.keyEndsAtMs, atMs: lastAtMs, ...change }
  return renewalToken(claims, createHmac('sha256', holder.key).update(renewalText(purpose, claims)).digest('base64url'))
}

export function renewWith(ground: PortalGround, token: string): Promise<Answer> {
  return ground.call('/api/leases/renew', { method: 'POST', headers: { authorization: `Renewal ${token}` } })
}

/** A stream of revocations, as a list that grows. */
export interface Stream {
  readonly status: number
  readonly texts: string[]
  isEnded(): boolean
  revocations(): number
  close(): void
}

export async function listen(url: string, token: string): Promise<Stream> {
  const aborted = new AbortController()
  const response = await fetch(`${url}/api/devices/events`, {
    headers: { authorization: `Renewal ${token}` },
    signal: aborted.signal,
  })
  const texts: string[] = []
  let isEnded = false
  void (async () => {
    try {
      const decoder = new TextDecoder()
      for await (const chunk of response.body ?? []) texts.push(decoder.decode(chunk))
    } catch {
      // Cut by the server or by the test: either way it has ended.
    }
    isEnded = true
  })()
  return {
    status: response.status,
    texts,
    isEnded: () => isEnded,
    revocations: () => texts.join('').split('event: revoke').length - 1,
    close: () => aborted.abort(),
  }
}

/** A wire between devices and a portal. Cut, it swallows everything in both directions and says nothing. */
export interface Wire {
  readonly url: string
  cut(): void
  stop(): Promise<void>
}

export async function startWire(portalUrl: string): Promise<Wire> {
  const { hostname, port } = new URL(portalUrl)
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (data) => isCut || to.write(data))
      from.on('close', () => isCut || to.destroy())
      from.on('error', () => from.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    cut: () => {
      isCut = true
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
