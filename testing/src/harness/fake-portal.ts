/**
 * A portal and an intake in one small server, for tests of devices: real HTTP, real signatures, no database. What it should
 * refuse or distort, a test says; what it accepted, a test can look at.
 */
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type Charter,
  type Clock,
  charterHash,
  LEASE_MS,
  LEASE_TYP,
  type Lease,
  PERMIT_MS,
  PERMIT_TYP,
} from '@fairtrace/core'
import { aCharter, TEST_SEEDS } from './charter.ts'

const DAY_MS = 86_400_000

export interface FakeAnswer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface FakeRequest {
  readonly path: string
  readonly token: string | null
  readonly bytes: Buffer
}

export interface FakePortal {
  readonly url: string
  /** Programme as it is answered; a test may change it at any time. */
  programme: { state: string; epoch: number; charter: Charter; intake: string | null; vaultKeyIsMissing: boolean }
  /** What the next leases say differently. */
  leaseChanges: Partial<Lease>
  leaseTyp: string
  leaseSeed: string
  consentState: string
  /** Answers a request in place of the server; `null` lets it answer. */
  intercept: (request: FakeRequest) => FakeAnswer | 'hang-up' | null
  /** Every request, in order. */
  readonly requests: FakeRequest[]
  /** What intake accepted: id → bytes. */
  readonly accepted: Map<string, Buffer>
  /** Sign the day's key with another seed, or say another key. */
  dayKey: { privateKey: KeyObject; publicKey: string; keyId: string; seed: string }
  rollDayKey(): void
  stop(): Promise<void>
}

export async function startFakePortal(clock: Clock): Promise<FakePortal> {
  const devices = new Map<string, { key: string; build: string }>()
  const server = createServer((request, response) => {
    void readBody(request).then((bytes) => {
      const token = request.headers.authorization?.replace(/^Bearer /, '') ?? null
      const seen = { path: request.url ?? '', token, bytes }
      portal.requests.push(seen)
      const answer = portal.intercept(seen) ?? route(seen)
      if (answer === 'hang-up') {
        request.socket.destroy()
        return
      }
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      response.end(JSON.stringify(answer.body ?? {}))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  function route({ path, token, bytes }: FakeRequest): FakeAnswer {
    switch (path) {
      case '/api/programme':
        return { status: 200, body: describeProgramme() }
      case '/api/join': {
        const { version, text, reflection } = portal.programme.charter.notice
        const reflectionEndsAtMs = clock.nowMs() + reflection
        return {
          status: 200,
          body: { session: 'a-session', pseudonym: PSEUDONYM, notice: { version, text }, reflectionEndsAtMs },
        }
      }
      case '/api/consent':
        return bytes.length > 0
          ? { status: 200, body: { receipt: 'a.receipt.jws' } }
          : { status: 200, body: { state: portal.consentState, version: 1, history: [] } }
      case '/api/consent/withdraw':
        portal.consentState = 'withdrawn'
        return { status: 200, body: { receipt: 'a.receipt.jws' } }
      case '/api/devices': {
        const { publicKey, build } = JSON.parse(bytes.toString())
        const device = randomBytes(16).toString('base64url')
        devices.set(device, { key: publicKey, build })
        return { status: 200, body: { device } }
      }
      case '/api/leases':
        return { status: 200, body: { lease: makeLease(payloadOf(bytes).device, bytes) } }
      case '/api/permits':
        return { status: 200, body: { permits: payloadOf(bytes).batches.map(makePermit) } }
      case '/batches':
        return accept(token, bytes)
      default:
        return fakeRefusal(404, 'NOT_FOUND')
    }
  }

  function describeProgramme(): unknown {
    const { charter, state, epoch, intake, vaultKeyIsMissing } = portal.programme
    const nowMs = clock.nowMs()
    const opensAtMs = nowMs - (nowMs % DAY_MS)
    const closesAtMs = opensAtMs + DAY_MS
    const { publicKey, keyId, seed } = portal.dayKey
    const text = `fairtrace/day-key/v1\n${charter.programme}\n${keyId}\n${publicKey}\n${opensAtMs}\n${closesAtMs}\n`
    const signature = sign(null, Buffer.from(text), privateKey(seed)).toString('base64url')
    return {
      programme: charter.programme,
      state,
      epoch,
      title: charter.title,
      charterHash: charterHash(charter),
      charter,
      vaultKey: vaultKeyIsMissing ? null : { keyId, publicKey, opensAtMs, closesAtMs, signature },
      intake,
      nowMs,
    }
  }

  function makeLease(device: string, request: Buffer): string {
    const { charter, epoch } = portal.programme
    const enrolled = devices.get(device)
    const lease: Lease = {
      programme: charter.programme,
      epoch,
      charter: charterHash(charter),
      noticeVersion: 1,
      consentVersion: 1,
      pseudonym: PSEUDONYM,
      device,
      deviceKey: enrolled?.key ?? '',
      build: enrolled?.build ?? '',
      categories: ['pointer', 'keyboard', 'switches'],
      apps: charter.capture.apps.map(({ id }) => id),
      startsAtMs: clock.nowMs(),
      endsAtMs: clock.nowMs() + LEASE_MS,
      request: createHash('sha256').update(request).digest('base64url'),
      ...portal.leaseChanges,
    }
    return fakeJws(portal.leaseTyp, lease, portal.leaseSeed)
  }

  function makePermit(batch: string): string {
    const { charter, epoch } = portal.programme
    const startsAtMs = clock.nowMs()
    const permit = { programme: charter.programme, epoch, batch, startsAtMs, endsAtMs: startsAtMs + PERMIT_MS }
    return fakeJws(PERMIT_TYP, permit, TEST_SEEDS.issuer)
  }

  function accept(token: string | null, bytes: Buffer): FakeAnswer {
    const id = createHash('sha256').update(bytes).digest('base64url')
    const permit = token === null ? null : JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    if (permit?.batch !== id) return fakeRefusal(400, 'BATCH_ID_MISMATCH')
    portal.accepted.set(id, bytes)
    return { status: 200, body: { batch: id } }
  }

  const portal: FakePortal = {
    url,
    programme: { state: 'running', epoch: 1, charter: aCharter(), intake: url, vaultKeyIsMissing: false },
    leaseChanges: {},
    leaseTyp: LEASE_TYP,
    leaseSeed: TEST_SEEDS.issuer,
    consentState: 'given',
    intercept: () => null,
    requests: [],
    accepted: new Map(),
    dayKey: makeDayKey(),
    rollDayKey() {
      portal.dayKey = makeDayKey()
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return portal
}

export function fakeRefusal(status: number, code: string, headers: Readonly<Record<string, string>> = {}): FakeAnswer {
  return { status, body: { error: { code, message: 'refused by the test', advice: '' } }, headers }
}

/** Compact JWS with exactly the header of the programme's tokens. */
export function fakeJws(typ: string, payload: unknown, seed: string): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = `${encode({ alg: 'EdDSA', typ })}.${encode(payload)}`
  return `${head}.${sign(null, Buffer.from(head), privateKey(seed)).toString('base64url')}`
}

const PSEUDONYM = 'p'.repeat(22)

function makeDayKey(): FakePortal['dayKey'] {
  const pair = generateKeyPairSync('x25519')
  const raw = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const keyId = createHash('sha256').update(raw).digest('hex').slice(0, 16)
  return { privateKey: pair.privateKey, publicKey: raw.toString('base64url'), keyId, seed: TEST_SEEDS.vault }
}

function privateKey(seed: string): KeyObject {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seed, 'base64url')])
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
}

function payloadOf(token: Buffer): { device: string; batches: string[] } {
  return JSON.parse(Buffer.from(token.toString().split('.')[1] ?? '', 'base64url').toString())
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}
