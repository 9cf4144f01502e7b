/**
 * Gets checkpoints cosigned and publishes them. Apart from sequencing, which it never holds up: a witness that is slow or gone costs
 * the publication of checkpoints, and with it every opening that waits for one, but no entry.
 *
 * One checkpoint at a time, so that several witnesses meet on the same one; then the newest.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { ExposureKind } from '@fairtrace/core'
import { consistencyProof } from '@fairtrace/ledger'
import { cosignaturesOf, isSatisfied, openNote, verifyCheckpoint, type WitnessPolicy } from '@fairtrace/verify'
import type { Logger } from 'pino'
import { raiseExposure } from '../runtime/exposures.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readTile } from './tiles.ts'
import { WitnessClient } from './witness-client.ts'
import { PolicyReader } from './witness-policy.ts'

/** A notification that was lost costs this much time. */
const POLL_MS = 500

export interface PublisherSettings {
  readonly database: OpenDatabase
  /** Raw public key of the ledger, base64url. */
  readonly publicKey: string
  readonly log: Logger
  /** Where witnesses are whose address the charter leaves to the installation, by name. */
  readonly addresses: Readonly<Record<string, string>>
  /** A witness has shown, under this ledger's own signature, a state that this one doesn't lead to. */
  onContradicted(reason: string): void
}

interface Target {
  readonly size: number
  readonly note: string
  readonly origin: string
  /** By witness. */
  readonly lines: Map<string, string>
}

export class Publisher {
  readonly #settings: PublisherSettings
  readonly #policies = new PolicyReader()
  readonly #stopping = new AbortController()
  #clients = new Map<string, WitnessClient>()
  #target: Target | null = null
  #isContradicted = false
  #wake: () => void = () => undefined
  #running: Promise<void> | null = null

  constructor(settings: PublisherSettings) {
    this.#settings = settings
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** A checkpoint was signed. */
  told(): void {
    this.#wake()
  }

  /** One look at every witness, before anything new is signed: a restored backup is found out here. */
  async greet(): Promise<void> {
    await this.#round(true).catch((error: unknown) => this.#failed(error))
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      const progressed = await this.#round().catch((error: unknown) => this.#failed(error))
      if (!progressed)
        await Promise.race([woken, sleep(POLL_MS, undefined, { signal: this.#stopping.signal })]).catch(() => undefined)
    }
  }

  #failed(error: unknown): false {
    this.#settings.log.warn(
      { error: error instanceof Error ? error.message : 'unknown' },
      'no checkpoint was published',
    )
    return false
  }

  /** @returns whether there may be more to do at once */
  async #round(isGreeting = false): Promise<boolean> {
    const { database } = this.#settings
    // What a witness has refuted is not shown to the others either.
    if (this.#isContradicted) return false
    const policy = await this.#policies.read(database.pool)
    // Without witnesses the sequencer publishes what it signs, in the same transaction.
    if (policy === null || policy.witnesses.length === 0) return policy !== null && (await this.#publishUnwitnessed())
    this.#target ??= await this.#next(policy, isGreeting)
    const target = this.#target
    if (target === null) return false
    const waiting = this.#witnesses(policy).filter(({ key, isResting }) => !target.lines.has(key.name) && !isResting)
    await Promise.all(waiting.map((client) => this.#ask(client, target, policy)))
    const isComplete = policy.witnesses.every(({ key }) => target.lines.has(key.name))
    const newest = await this.#newest()
    const isOutgrown = newest !== null && newest.size > target.size && this.#satisfies(policy, target)
    if (isComplete || isOutgrown || (newest !== null && newest.size < target.size)) this.#target = null
    return this.#target === null && newest !== null && newest.size !== target.size
  }

  /** @param isAgain asks witnesses too that have cosigned the newest checkpoint already */
  async #next(policy: WitnessPolicy, isAgain: boolean): Promise<Target | null> {
    const newest = await this.#newest()
    if (newest === null) return null
    const lines = new Map<string, string>()
    if (newest.published !== null && !isAgain) {
      const keys = policy.witnesses.map(({ key }) => key)
      for (const { witness, line } of cosignaturesOf(openNote(newest.published), keys)) lines.set(witness, line)
      if (lines.size === keys.length) return null
    }
    const origin = newest.note.slice(0, newest.note.indexOf('\n'))
    return { size: newest.size, note: newest.note, origin, lines }
  }

  async #ask(client: WitnessClient, target: Target, policy: WitnessPolicy): Promise<void> {
    const { signal } = this.#stopping
    for (let attempts = 0; attempts < 2; attempts++) {
      const reply = await client.ask(target.note, await this.#proof(client.size, target.size), signal)
      if (reply.kind === 'cosigned') {
        client.size = target.size
        target.lines.set(client.key.name, reply.line)
        await this.#publish(target, policy)
        return
      }
      if (reply.kind === 'has' && reply.size <= target.size && reply.size !== client.size) {
        client.size = reply.size
        continue
      }
      if (reply.kind === 'has' && reply.size > target.size) await this.#judgeAhead(client, target, reply.size)
      if (reply.kind === 'refused') await this.#judgeRefusal(client, target)
      client.rest()
      return
    }
    client.rest()
  }

  /** As many cosignatures as there are, as soon as they suffice. */
  async #publish(target: Target, policy: WitnessPolicy): Promise<void> {
    if (!this.#satisfies(policy, target)) return
    const { pool } = this.#settings.database
    const note = `${target.note}${[...target.lines.values()].map((line) => `${line}\n`).join('')}`
    await pool.query('update ledger.checkpoints set published = $2 where size = $1', [target.size, note])
    await pool.query(`select pg_notify('fairtrace_checkpoint', $1)`, [String(target.size)])
  }

  /** What was signed while the charter asked for witnesses, or couldn't be read, and now asks for none. */
  async #publishUnwitnessed(): Promise<boolean> {
    const { pool } = this.#settings.database
    const { rowCount } = await pool.query(
      `update ledger.checkpoints set published = note
       where published is null and size = (select max(size) from ledger.checkpoints)`,
    )
    if (rowCount) await pool.query(`select pg_notify('fairtrace_checkpoint', '')`)
    return false
  }

  /** It says that it has seen a longer log than this one. Its word alone stops nothing; our own signature under it does. */
  async #judgeAhead(client: WitnessClient, target: Target, size: number): Promise<void> {
    const newest = await this.#newest()
    if (newest !== null && size <= newest.size) return
    const shown = await this.#shown(client, target)
    if (shown !== null && shown.size > (newest?.size ?? 0)) {
      await this.#contradicted('ledger-rolled-back', client, newest?.size ?? 0, shown.size)
    } else
      this.#settings.log.error({ witness: client.key.name, size }, 'a witness claims a longer log and does not show it')
  }

  async #judgeRefusal(client: WitnessClient, target: Target): Promise<void> {
    const shown = await this.#shown(client, target)
    if (shown === null || shown.size > target.size) return
    const { rows } = await this.#settings.database.pool.query<{ note: string }>(
      'select note from ledger.checkpoints where size = $1',
      [shown.size],
    )
    const ours = rows[0] === undefined ? null : verifyCheckpoint(rows[0].note, this.#settings.publicKey, target.origin)
    // A size that this log never signed, under its signature, is another history just as another root is.
    if (ours === null || !Buffer.from(ours.root).equals(shown.root)) {
      await this.#contradicted('ledger-split', client, target.size, shown.size)
    }
  }

  async #shown(client: WitnessClient, { origin }: Target) {
    const note = await client.newest(origin, this.#stopping.signal)
    try {
      return note === null ? null : verifyCheckpoint(note, this.#settings.publicKey, origin)
    } catch {
      // Not signed by this ledger: it shows nothing.
      return null
    }
  }

  async #contradicted(kind: ExposureKind, client: WitnessClient, ours: number, seen: number): Promise<void> {
    const detail = { witness: client.key.name, ours, seen }
    this.#settings.log.fatal(detail, 'a witness shows another ledger than this one')
    this.#isContradicted = true
    this.#settings.onContradicted(kind)
    await raiseExposure(this.#settings.database, kind, detail)
  }

  async #newest(): Promise<{ size: number; note: string; published: string | null } | null> {
    const { rows } = await this.#settings.database.pool.query<{ size: number; note: string; published: string | null }>(
      'select size, note, published from ledger.checkpoints order by size desc limit 1',
    )
    return rows[0] ?? null
  }

  async #proof(oldSize: number, size: number): Promise<readonly string[]> {
    if (oldSize === 0 || oldSize >= size) return []
    const read = (level: number, index: number, width: number) => readTile(this.#settings.database, level, index, width)
    return (await consistencyProof(oldSize, size, read)).map((each) => Buffer.from(each).toString('base64'))
  }

  #satisfies(policy: WitnessPolicy, { lines }: Target): boolean {
    return isSatisfied(
      policy,
      [...lines].map(([witness, line]) => ({ witness, line, atMs: 0 })),
    )
  }

  #witnesses(policy: WitnessPolicy): readonly WitnessClient[] {
    const clients = policy.witnesses.flatMap(({ key, url }) => {
      const address = this.#settings.addresses[key.name] ?? url
      if (address === null) return []
      const known = this.#clients.get(key.name)
      const isSame = known?.url === address.replace(/\/+$/, '') && Buffer.from(known.key.id).equals(key.id)
      return [isSame ? known : new WitnessClient(key, address)]
    })
    this.#clients = new Map(clients.map((client) => [client.key.name, client]))
    return clients
  }
}
