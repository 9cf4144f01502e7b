/** One of thousands of devices in one process: its keys, its lease, its stream, and whether it would capture now. */
import { createHash, createHmac, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import {
  decideCapture,
  type Lease,
  leaseSchema,
  RENEWAL_INFO,
  RENEWAL_SCHEME,
  type RenewalPurpose,
  renewalText,
  renewalToken,
} from '@fairtrace/core'
import { generateX25519, hpkeOpen } from '@fairtrace/server/vault/hpke'
import type { LightConnection } from './light-client.ts'

/** What the ground hands over. */
export interface EnrolledDevice {
  readonly device: string
  /** PKCS #8 in base64. */
  readonly privateKey: string
}

const BATCH = 'B'.repeat(43)

export class SimulatedDevice {
  readonly device: string
  readonly #privateKey: KeyObject
  #key = Buffer.alloc(0)
  #keyEndsAtMs = 0
  #lastAtMs = 0
  #lease: Lease | null = null
  #stream: Socket | null = null
  /** When it last captured an event, in Unix milliseconds. */
  lastCaptureAtMs = 0
  revocations = 0

  constructor({ device, privateKey }: EnrolledDevice) {
    this.device = device
    this.#privateKey = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' })
  }

  async authenticate(connection: LightConnection): Promise<void> {
    const pair = generateX25519()
    const payload = { device: this.device, atMs: this.#atMs(), replyKey: pair.publicKeyRaw.toString('base64url') }
    const token = this.#sign('ft-lease-request+jwt', payload)
    const answer = await connection.post('/api/leases', 'content-type: application/jose\r\n', token)
    if (answer.status !== 200) throw new RangeError(`no lease: ${answer.status} ${answer.body}`)
    const { sealed } = JSON.parse(answer.body)
    const opened = hpkeOpen({
      ...pair,
      enc: Buffer.from(sealed.enc, 'base64url'),
      info: RENEWAL_INFO,
      aad: Buffer.from(createHash('sha256').update(token).digest('base64url')),
      ciphertext: Buffer.from(sealed.ciphertext, 'base64url'),
    })
    const reply = JSON.parse(opened.toString())
    this.#key = Buffer.from(reply.key, 'base64url')
    this.#keyEndsAtMs = reply.keyEndsAtMs
    this.#hold(reply.lease)
  }

  /** @returns whether it got a lease */
  async renew(connection: LightConnection): Promise<boolean> {
    const answer = await connection.post('/api/leases/renew', this.#authorization('lease'), '')
    if (answer.status !== 200) return false
    this.#hold(JSON.parse(answer.body).lease)
    return true
  }

  /** @returns whether it got a permit for a batch */
  async isPermitted(connection: LightConnection): Promise<boolean> {
    const token = this.#sign('ft-permit-request+jwt', { device: this.device, atMs: this.#atMs(), batches: [BATCH] })
    const answer = await connection.post('/api/permits', 'content-type: application/jose\r\n', token)
    return answer.status === 200
  }

  get isListening(): boolean {
    return this.#stream !== null
  }

  /** Resolves when the portal has answered. */
  listen(url: string): Promise<void> {
    const { hostname, port, host } = new URL(url)
    const stream = connect(Number(port), hostname)
    this.#stream = stream
    return new Promise((resolve, reject) => {
      stream.on('connect', () =>
        stream.write(`GET /api/devices/events HTTP/1.1\r\nhost: ${host}\r\n${this.#authorization('events')}\r\n`),
      )
      stream.on('data', (data) => {
        const text = data.toString('latin1')
        if (text.startsWith('HTTP/1.1 200')) resolve()
        else if (text.startsWith('HTTP/1.1')) reject(new RangeError(text.slice(0, 12)))
        if (!text.includes('event: revoke')) return
        this.revocations++
        this.#lease = null
      })
      stream.on('error', reject)
    })
  }

  /** An event of now: captured or not, as every source decides it. */
  event(nowMs: number): void {
    const seen = { atMs: nowMs, category: 'pointer', app: 'desktop:orders' } as const
    if (decideCapture(this.#lease, seen).allow) this.lastCaptureAtMs = nowMs
  }

  close(): void {
    this.#stream?.destroy()
  }

  #hold(jws: string): void {
    this.#lease = leaseSchema.parse(JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()))
  }

  #authorization(purpose: RenewalPurpose): string {
    const claims = { device: this.device, keyEndsAtMs: this.#keyEndsAtMs, atMs: this.#atMs() }
    const mac = createHmac('sha256', this.#key).update(renewalText(purpose, claims)).digest('base64url')
    return `authorization: ${RENEWAL_SCHEME} ${renewalToken(claims, mac)}\r\n`
  }

  #sign(typ: string, payload: unknown): string {
    const head = [{ alg: 'EdDSA', typ }, payload]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    return `${head}.${sign(null, Buffer.from(head), this.#privateKey).toString('base64url')}`
  }

  #atMs(): number {
    this.#lastAtMs = Math.max(Date.now(), this.#lastAtMs + 1)
    return this.#lastAtMs
  }
}
