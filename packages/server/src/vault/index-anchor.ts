/**
 * The anchor: how many segments there are, and the sum over them, kept in the keystore where no database superuser writes.
 *
 * It is moved forward under the lock that no storing transaction holds, so that nothing is half done when it is compared:
 * segments up to its number must add up to its sum; later ones count if their MAC is the vault's. What the vault itself takes
 * away is announced in the keystore first. After a crash, segments of the last moments that somebody removed go unnoticed;
 * everything older shows.
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import type pg from 'pg'
import { z } from 'zod'
import { raiseExposure } from '../runtime/exposures.ts'
import type { OpenDatabase } from '../store/database.ts'
import { requireDrainLock, waitForTransactions } from './drain-lock.ts'
import type { Keystore } from './keystore.ts'
import {
  digestBytes,
  digestValue,
  isSegmentRowGenuine,
  minus,
  type SegmentRow,
  segmentTerm,
  signSegmentRow,
  sum,
  type UnsignedSegmentRow,
} from './segment-index.ts'

const FACT = 'segments'
const anchorSchema = z.strictObject({
  /** The highest number that counts; 0 before the first segment. */
  number: z.int(),
  count: z.int(),
  sum: z.string(),
  /** Segments that a transaction under way may take out. */
  leaving: z.array(z.strictObject({ id: z.string(), term: z.string() })),
})
type Anchor = z.infer<typeof anchorSchema>

export interface IndexState {
  readonly segments: number
  /** Over all of them, hexadecimal; tells nothing without the key. */
  readonly sum: string
}

export class SegmentIndex {
  readonly key: KeyObject
  readonly #database: OpenDatabase
  readonly #keystore: Keystore
  #lastNumber = 0
  /** Committed by this process since the anchor. */
  readonly #recent = new Map<string, number>()

  private constructor(database: OpenDatabase, keystore: Keystore, key: KeyObject) {
    this.#database = database
    this.#keystore = keystore
    this.key = key
  }

  /** @throws `KEY_UNAVAILABLE`, `KMS_UNAVAILABLE` */
  static async open(database: OpenDatabase, keystore: Keystore): Promise<SegmentIndex> {
    return new SegmentIndex(database, keystore, createSecretKey(await keystore.secret('index')))
  }

  /** Once the drain lock is held: numbers go on after the highest that was ever given. */
  async resume(): Promise<void> {
    const { rows } = await this.#database.pool.query<{ number: number }>(
      'select coalesce(max(number), 0)::bigint as number from vault.segments',
    )
    this.#lastNumber = Math.max(this.#lastNumber, rows[0]?.number ?? 0, this.#anchor().number)
    this.#recent.clear()
  }

  /** Only inside a transaction that holds the lock of `requireDrainLock`: a number in flight is one that an anchor could pass by. */
  nextNumber(): number {
    return ++this.#lastNumber
  }

  sign(row: UnsignedSegmentRow): SegmentRow {
    return signSegmentRow(this.key, row)
  }

  /** After the commit. */
  committed(row: UnsignedSegmentRow): void {
    this.#recent.set(row.id, row.number)
  }

  /** Before the transaction that takes segments out. */
  announceLeaving(rows: readonly UnsignedSegmentRow[]): void {
    const anchor = this.#anchor()
    const known = new Set(anchor.leaving.map(({ id }) => id))
    const leaving = rows
      .filter(({ id, number }) => !known.has(id) && number <= anchor.number)
      .map((row) => ({ id: row.id, term: termOf(this.key, row) }))
    if (leaving.length > 0) this.#keep({ ...anchor, leaving: [...anchor.leaving, ...leaving] })
    for (const { id } of rows) this.#recent.delete(id)
  }

  /**
   * Compares the index with the anchor and moves the anchor forward.
   * @param isWhole reads all segments; otherwise only those after the anchor
   * @param lockOwner who holds the drain lock
   * @returns what is wrong; each was raised as an exposure, and the anchor stays where it was as long as it is so
   */
  async check(
    isWhole: boolean,
    lockOwner: number,
  ): Promise<readonly { readonly kind: string; readonly segment: string }[]> {
    const client = await this.#database.pool.connect()
    let isBroken = true
    try {
      await client.query('begin')
      await waitForTransactions(client)
      await requireDrainLock(client, lockOwner)
      const findings = await this.#compare(client, isWhole)
      await client.query('commit')
      isBroken = false
      for (const { kind, segment, detail } of findings) {
        await raiseExposure(this.#database, kind, segment === '' ? detail : { segment, ...detail })
      }
      return findings
    } finally {
      client.release(isBroken)
    }
  }

  /** For the daily entry in the ledger. */
  state(): IndexState {
    const { count, sum: total } = this.#anchor()
    return { segments: count, sum: total }
  }

  async #compare(client: pg.PoolClient, isWhole: boolean): Promise<readonly Finding[]> {
    const anchor = this.#anchor()
    const { rows } = await client.query<SegmentRow>(
      `select id, number, bytes, sha256, chunks, live_bytes, digest, mac from vault.segments where number > $1`,
      [isWhole ? 0 : anchor.number],
    )
    const findings: Finding[] = []
    const present = new Set(rows.map(({ id }) => id))
    const genuine = rows.filter((row) => {
      if (isSegmentRowGenuine(this.key, row)) return true
      findings.push({ kind: 'index-changed', segment: row.id, detail: {} })
      return false
    })
    const settled = await this.#settleLeaving(client, anchor)
    if (isWhole) {
      const old = genuine.filter(({ number }) => number <= anchor.number)
      const found = sum(old.map((row) => segmentTerm(this.key, row)))
      if (old.length !== settled.count || found !== digestValue(Buffer.from(settled.sum, 'hex'))) {
        const detail = { expected: settled.count, found: old.length, upTo: anchor.number }
        findings.push({ kind: 'index-rolled-back', segment: '', detail })
      }
    }
    for (const [id, number] of this.#recent) {
      if (number > anchor.number && !present.has(id)) {
        findings.push({ kind: 'index-rolled-back', segment: id, detail: {} })
      }
    }
    if (findings.length > 0) return findings
    const fresh = genuine.filter(({ number }) => number > anchor.number)
    const next: Anchor = {
      number: Math.max(this.#lastNumber, anchor.number, ...fresh.map(({ number }) => number)),
      count: settled.count + fresh.length,
      sum: digestBytes(
        sum([digestValue(Buffer.from(settled.sum, 'hex')), ...fresh.map((row) => segmentTerm(this.key, row))]),
      ).toString('hex'),
      leaving: [],
    }
    if (JSON.stringify(next) !== JSON.stringify(anchor)) this.#keep(next)
    this.#lastNumber = Math.max(this.#lastNumber, next.number)
    this.#recent.clear()
    return findings
  }

  /** No transaction is under way: what was to leave has left, or stays. */
  async #settleLeaving(
    client: pg.PoolClient,
    anchor: Anchor,
  ): Promise<{ readonly count: number; readonly sum: string }> {
    if (anchor.leaving.length === 0) return anchor
    const { rows } = await client.query<{ id: string }>('select id from vault.segments where id = any($1)', [
      anchor.leaving.map(({ id }) => id),
    ])
    const there = new Set(rows.map(({ id }) => id))
    const gone = anchor.leaving.filter(({ id }) => !there.has(id))
    const total = gone.reduce(
      (value, { term }) => minus(value, digestValue(Buffer.from(term, 'hex'))),
      digestValue(Buffer.from(anchor.sum, 'hex')),
    )
    return { count: anchor.count - gone.length, sum: digestBytes(total).toString('hex') }
  }

  #anchor(): Anchor {
    const text = this.#keystore.fact(FACT)
    if (text === null) return { number: 0, count: 0, sum: digestBytes(0n).toString('hex'), leaving: [] }
    return anchorSchema.parse(JSON.parse(text))
  }

  #keep(anchor: Anchor): void {
    this.#keystore.keepFact(FACT, JSON.stringify(anchor))
  }
}

interface Finding {
  readonly kind: 'index-changed' | 'index-rolled-back'
  readonly segment: string
  readonly detail: Readonly<Record<string, number>>
}

function termOf(key: KeyObject, row: UnsignedSegmentRow): string {
  return digestBytes(segmentTerm(key, row)).toString('hex')
}
