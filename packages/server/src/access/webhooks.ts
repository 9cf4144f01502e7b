/**
 * Notices to the people who have to act, as signed webhooks (Standard Webhooks 1.0: headers `webhook-id`, `webhook-timestamp`,
 * `webhook-signature: v1,<base64 HMAC-SHA256 over id.timestamp.body>`).
 *
 * A notice says that something waits, not what anybody did: ids, a state and a reason, never a recording or who takes part. It is a
 * row first, so that a receiver that is down or slow costs nothing but time.
 */
import { createHmac, randomUUID } from 'node:crypto'
import type { Clock } from '@fairtrace/core'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { OpenDatabase } from '../store/database.ts'

/** DATA/webhooks.json */
export const webhookSettingsSchema = z.array(
  z.strictObject({
    /** Plain HTTP only on this machine itself. */
    url: z.url({ protocol: /^https?$/ }).refine(isPrivateWay, 'https is needed, except on the loopback address'),
    /** base64 of at least 24 random bytes, shared with the receiver. */
    secret: z.string().regex(/^[A-Za-z0-9+/]{32,}={0,2}$/, 'base64 of at least 24 bytes'),
  }),
)
export type WebhookSettings = z.infer<typeof webhookSettingsSchema>

export type NoticeEvent = 'grant.requested' | 'grant.approved' | 'grant.active' | 'grant.refused' | 'grant.ended'

const TIMEOUT_MS = 5_000
const TRIES_MAX = 12
const FIRST_WAIT_MS = 2_000
const AT_ONCE = 20
const CLAIM_MS = 30_000
const KEPT_MS = 7 * 24 * 3_600_000

interface Delivery {
  readonly id: string
  readonly event: string
  readonly body: unknown
  readonly url: string
  readonly tries: number
}

export class Webhooks {
  readonly #database: OpenDatabase
  readonly #settings: WebhookSettings
  readonly #clock: Clock
  readonly #log: Logger

  constructor(database: OpenDatabase, settings: WebhookSettings, clock: Clock, log: Logger) {
    this.#database = database
    this.#settings = settings
    this.#clock = clock
    this.#log = log
  }

  /** Puts a notice in line for every receiver. */
  async announce(event: NoticeEvent, body: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.#settings.length === 0) return
    const rows = this.#settings.map(({ url }) => ({
      id: `msg_${randomUUID()}`,
      event,
      body: JSON.stringify(body),
      url,
      due_at_ms: this.#clock.nowMs(),
    }))
    await this.#database.db.insertInto('access.deliveries').values(rows).execute()
  }

  /** Delivers what is due; what fails is tried again, each time after twice as long. Call from time to time. */
  async deliver(): Promise<void> {
    if (this.#settings.length === 0) return
    const nowMs = this.#clock.nowMs()
    // Claimed by moving it on: another portal doesn't send it too, and if this one dies it is due again.
    const { rows } = await this.#database.pool.query<Delivery>(
      `update access.deliveries set due_at_ms = $1 where id in (
         select id from access.deliveries where due_at_ms <= $2 and url = any($3) order by due_at_ms limit $4
         for update skip locked
       ) returning id, event, body, url, tries`,
      [nowMs + CLAIM_MS, nowMs, this.#settings.map(({ url }) => url), AT_ONCE],
    )
    await Promise.all(rows.map((row) => this.#deliver(row)))
    // What nobody has taken for so long, a receiver that left the settings included, is let go.
    await this.#database.db
      .deleteFrom('access.deliveries')
      .where('due_at_ms', '<', nowMs - KEPT_MS)
      .execute()
  }

  async #deliver(row: Delivery): Promise<void> {
    const { db } = this.#database
    const receiver = this.#settings.find(({ url }) => url === row.url)
    const isDone = receiver !== undefined && (await this.#send(row, receiver.secret))
    if (isDone || row.tries + 1 >= TRIES_MAX) {
      if (!isDone) this.#log.error({ code: 'SERVER_UNREACHABLE', event: row.event }, 'a webhook was given up')
      await db.deleteFrom('access.deliveries').where('id', '=', row.id).execute()
      return
    }
    const due_at_ms = this.#clock.nowMs() + FIRST_WAIT_MS * 2 ** row.tries
    await db
      .updateTable('access.deliveries')
      .set({ tries: row.tries + 1, due_at_ms })
      .where('id', '=', row.id)
      .execute()
  }

  async #send({ id, event, body, url }: Delivery, secret: string): Promise<boolean> {
    const timestamp = Math.floor(this.#clock.nowMs() / 1_000)
    const text = JSON.stringify({ type: event, timestamp: new Date(timestamp * 1_000).toISOString(), data: body })
    const key = Buffer.from(secret, 'base64')
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${text}`).digest('base64')
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': `v1,${signature}`,
        },
        body: text,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      return answer.ok
    } catch {
      // Out of reach or too slow: it is tried again.
      return false
    }
  }
}

function isPrivateWay(text: string): boolean {
  const { protocol, hostname } = new URL(text)
  return protocol === 'https:' || hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
}
