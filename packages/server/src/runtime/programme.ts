/** The programme in force, as every role sees it: cached, and refreshed within two seconds of a change at the latest. */
import { type Charter, type CharterHash, charterHash, type ProgrammeId, parseCharter } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'
import type { ProgrammeState } from '../store/tables.ts'
import { isLockdownEnd } from './lockdown-end.ts'
import { listen } from './notifications.ts'

const POLL_MS = 2_000
/** A programme that could not be read for this long counts as none: a pause may have happened meanwhile. */
export const STALE_MS = 10_000

export interface Programme {
  readonly id: ProgrammeId
  readonly state: ProgrammeState
  readonly epoch: number
  /** Of the charter in force. */
  readonly charterHash: CharterHash
  readonly charter: Charter
  /** Every charter that was ever in force, and the terms of people who have not agreed to the one in force yet. */
  readonly charters: ReadonlyMap<CharterHash, Charter>
  /** The newest lockdown that holds; null if none does. While there is one, `state` is `locked`, whatever the row says. */
  readonly lockdown: Lockdown | null
  /** Lockdowns up to this number have ended, by the issuer's signed word. */
  readonly endedUpTo: number
}

export interface Lockdown {
  readonly number: number
  readonly epoch: number
  readonly atMs: number
  /** Of what was before it; permits of that epoch are of batches that were on their way. */
  readonly epochBefore: number
}

export interface ProgrammeWatch {
  /** `null` if there is no programme yet, or if what the database says can't be trusted any more: then nothing is allowed. */
  current(): Programme | null
  /** Whether the database was heard lately; without it `current` is `null`. */
  isFresh(): boolean
  /** Reads again now, for who has just changed it or waits for it. */
  refresh(): Promise<void>
  /** Calls back after every look that brought another state, epoch or charter, and once for what is known now. */
  onChange(heard: (programme: Programme | null) => void): void
  stop(): Promise<void>
}

/** Resolves after the first look. */
export async function watchProgramme(database: OpenDatabase): Promise<ProgrammeWatch> {
  let programme: Programme | null = null
  let readAt = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | null = null
  let isStopped = false
  const hearers: ((programme: Programme | null) => void)[] = []

  await refresh()
  const listener = listen(database, 'fairtrace_programme', () => void refreshAfresh())
  const timer = setInterval(() => void refresh(), POLL_MS)
  timer.unref()

  return {
    current: () => (isFresh() ? programme : null),
    isFresh,
    refresh: refreshAfresh,
    onChange(heard) {
      hearers.push(heard)
      heard(programme)
    },
    async stop() {
      isStopped = true
      clearInterval(timer)
      await listener.stop()
      await reading
    },
  }

  /** A read under way may have begun before the change: only one that begins now is sure to see it. */
  async function refreshAfresh(): Promise<void> {
    await reading
    await refresh()
  }

  function isFresh(): boolean {
    return performance.now() - readAt < STALE_MS
  }

  function refresh(): Promise<void> {
    reading ??= read().finally(() => {
      reading = null
    })
    return reading
  }

  async function read(): Promise<void> {
    if (isStopped) return
    const startedAt = performance.now()
    try {
      const before = programme
      programme = await readProgramme(database, programme)
      readAt = startedAt
      if (!isSame(before, programme)) for (const heard of hearers) heard(programme)
    } catch {
      // Fails closed: what was read last counts until it is stale, then there is no programme.
    }
  }
}

function isSame(a: Programme | null, b: Programme | null): boolean {
  if (a === null || b === null) return a === b
  const isSameLock = a.lockdown?.number === b.lockdown?.number
  return a.state === b.state && a.epoch === b.epoch && a.charterHash === b.charterHash && isSameLock
}

interface LockdownRow {
  readonly number: number
  readonly epoch: number
  readonly at_ms: number
  readonly epoch_before: number
  readonly ended: unknown
}

/**
 * Reads the programme now. Its charters are read only when another one came in force, because only then do any come.
 *
 * What is known is believed in what must never go back: an epoch that was seen is not lowered by a row, and a lockdown that was seen
 * holds until the issuer's word ends it, though its row were gone.
 * @param known what was read last
 * @returns null if there is none, or if the row isn't one that the portal wrote
 */
export async function readProgramme(database: OpenDatabase, known: Programme | null): Promise<Programme | null> {
  const query = database.db.selectFrom('install.programme')
  const [now, lockdowns] = await Promise.all([
    query.select(['id', 'state', 'epoch', 'charter_hash']).executeTakeFirst(),
    database.db
      .selectFrom('install.lockdowns')
      .select(['number', 'epoch', 'at_ms', 'epoch_before', 'ended'])
      .where('number', '>', known?.endedUpTo ?? 0)
      .orderBy('number')
      .execute(),
  ])
  if (now === undefined) return null
  if (known !== null && known.id === now.id && known.charterHash === now.charter_hash) {
    return withLockdowns({ ...known, state: now.state, epoch: now.epoch }, known, lockdowns)
  }
  const row = await query.selectAll().executeTakeFirst()
  if (row === undefined) return null
  const charter = parseCharter(row.charter_yaml, 'charter')
  const hash = charterHash(charter)
  // Fails closed: a row whose hash isn't that of its charter was written past the portal.
  if (hash !== row.charter_hash || charter.programme !== row.id) return null
  const charters = new Map(await readCharters(database, row.id, known?.charters ?? new Map()))
  charters.set(hash, charter)
  const id = row.id as ProgrammeId
  const { state, epoch } = row
  const read = { id, state, epoch, charterHash: hash, charter, charters, lockdown: null, endedUpTo: 0 }
  return withLockdowns(read, known?.id === id ? known : null, lockdowns)
}

function withLockdowns(read: Programme, known: Programme | null, rows: readonly LockdownRow[]): Programme {
  const issuers = new Set([read.charter, ...read.charters.values()].map(({ keys }) => keys.issuer))
  let endedUpTo = known?.endedUpTo ?? 0
  let lockdown: Lockdown | null = null
  for (const { number, epoch, at_ms: atMs, epoch_before: epochBefore, ended } of rows) {
    const isEnded = [...issuers].some((issuer) => isLockdownEnd(ended, { programme: read.id, number, epoch }, issuer))
    if (!isEnded) lockdown = { number, epoch, atMs, epochBefore }
    else if (lockdown === null) endedUpTo = number
  }
  const lost = known?.lockdown ?? null
  if (lost !== null && lost.number > endedUpTo && !rows.some(({ number }) => number === lost.number)) {
    // Somebody took the row away. What was locked stays locked.
    lockdown = lockdown !== null && lockdown.number > lost.number ? lockdown : lost
  }
  const epoch = Math.max(read.epoch, known?.epoch ?? 0, ...rows.map((row) => row.epoch))
  const state = lockdown !== null && read.state !== 'closed' ? 'locked' : read.state
  return { ...read, state, epoch, lockdown, endedUpTo }
}

async function readCharters(
  database: OpenDatabase,
  programme: string,
  known: ReadonlyMap<CharterHash, Charter>,
): Promise<ReadonlyMap<CharterHash, Charter>> {
  const rows = await database.db
    .selectFrom('install.charters')
    .select(['hash', 'yaml'])
    .where('programme', '=', programme)
    .$if(known.size > 0, (query) => query.where('hash', 'not in', [...known.keys()]))
    .execute()
  const charters = new Map(known)
  for (const { hash, yaml } of rows) {
    const charter = parseCharter(yaml, 'charter')
    // One that isn't what its hash says binds nobody; whoever consented to it is asked again.
    if (charterHash(charter) === hash) charters.set(hash as CharterHash, charter)
  }
  return charters
}
