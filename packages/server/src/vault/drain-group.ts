/**
 * Moves one group of batches from the inbox into the vault.
 *
 * The segment is durable before the one transaction that indexes its chunks, quarantines what was refused and empties the
 * inbox. So a crash leaves either nothing but an object that no row names (removed at the next start), or everything.
 */
import { randomBytes } from 'node:crypto'
import type { ErrorCode } from '@fairtrace/core'
import type pg from 'pg'
import type { OpenDatabase } from '../store/database.ts'
import type { FileObjects } from '../store/objects.ts'
import type { BatchFacts, Kept, SealedSegment } from './check-messages.ts'
import type { CheckPool } from './check-pool.ts'
import type { ParticipantPublicKey } from './content-keys.ts'
import { requireDrainLock } from './drain-lock.ts'
import type { SegmentIndex } from './index-anchor.ts'
import { segmentKey } from './segment.ts'
import type { SegmentRow } from './segment-index.ts'

export interface InboxRow {
  readonly id: string
  readonly sealed: Buffer
}

export interface GroupInput {
  /** Who holds the drain lock, from `takeDrainLock`. */
  readonly lockOwner: number
  readonly database: OpenDatabase
  readonly objects: FileObjects
  readonly pool: CheckPool
  readonly index: SegmentIndex
  /** Public keys of participants; those without one are left out, and those whose keys are being made have to wait. */
  publicKeys(pseudonyms: readonly string[]): Promise<ReadonlyMap<string, ParticipantPublicKey | 'waiting'>>
}

export interface GroupCounts {
  readonly stored: number
  /** Batches that were stored before: sent again by a device that missed the acknowledgement. */
  readonly again: number
  readonly quarantined: ReadonlyMap<ErrorCode, number>
}

interface Sorted {
  readonly kept: readonly (Kept & { readonly facts: BatchFacts })[]
  readonly refused: readonly { readonly id: string; readonly code: ErrorCode }[]
  /** Batches that stay in the inbox. */
  readonly waiting: ReadonlySet<string>
}

/**
 * @throws `DISK_FULL`, or what the database says; then the batches are still in the inbox
 */
export async function drainGroup(rows: readonly InboxRow[], input: GroupInput): Promise<GroupCounts> {
  const job = await input.pool.check(rows.map((row) => row.sealed))
  let isHeld = true
  try {
    const valid: { index: number; id: string; facts: BatchFacts }[] = []
    const refused: { id: string; code: ErrorCode }[] = []
    job.answers.forEach((answer, index) => {
      const id = rows[index]?.id ?? ''
      if (answer.ok) valid.push({ index, id, facts: answer.facts })
      else refused.push({ id, code: answer.code })
    })
    const sorted = await sortOut(valid, input)
    const { kept } = sorted
    const segmentId = randomBytes(16).toString('hex')
    isHeld = kept.length === 0
    const segment = kept.length === 0 ? null : await job.seal(segmentId, kept)
    if (segment !== null) await input.objects.put(segmentKey(segmentId), segment.bytes)
    const allRefused = [...refused, ...sorted.refused]
    const settled = rows.filter(({ id }) => !sorted.waiting.has(id))
    let row: SegmentRow | null = null
    try {
      row = await store(input, settled, kept, segmentId, segment, allRefused)
    } catch (error) {
      // Only a broken constraint is sure not to have been committed: any other segment may be named by a row.
      if (segment !== null && isConstraint(error)) await input.objects.delete(segmentKey(segmentId))
      throw error
    }
    if (segment !== null) job.confirm(segment.contentKeys)
    if (row !== null) input.index.committed(row)
    const quarantined = new Map<ErrorCode, number>()
    for (const { code } of allRefused) quarantined.set(code, (quarantined.get(code) ?? 0) + 1)
    return { stored: kept.length, again: settled.length - kept.length - allRefused.length, quarantined }
  } finally {
    if (isHeld) job.drop()
  }
}

function signedRow(index: SegmentIndex, id: string, { bytes, sha256, places, digest }: SealedSegment): SegmentRow {
  return index.sign({
    id,
    number: index.nextNumber(),
    bytes: bytes.length,
    sha256,
    chunks: places.length,
    live_bytes: places.reduce((total, { length }) => total + length, 0),
    digest: Buffer.from(digest),
  })
}

/** A person's key was destroyed between our look and our transaction. */
class KeyErased extends Error {}

/**
 * A lost race: another group stored the same sequence number between our look and our transaction, or a key was destroyed
 * there. Nothing was committed; try the group again.
 */
export function isConstraint(error: unknown): boolean {
  if (error instanceof KeyErased) return true
  return error instanceof Error && 'code' in error && String(error.code).startsWith('23')
}

/** Leaves out what is stored already, and refuses what claims a sequence number that another batch has. */
async function sortOut(
  valid: readonly { readonly index: number; readonly id: string; readonly facts: BatchFacts }[],
  input: GroupInput,
): Promise<Sorted> {
  if (valid.length === 0) return { kept: [], refused: [], waiting: new Set() }
  const { rows: known } = await input.database.pool.query<{ batch_id: string; device: string; sequence: number }>({
    name: 'vault-known',
    text: `select batch_id, device, sequence from vault.chunks where batch_id = any($1)
      union select c.batch_id, c.device, c.sequence from unnest($2::text[], $3::bigint[]) as t(device, sequence)
      join vault.chunks c on c.device = t.device and c.sequence = t.sequence`,
    values: [
      valid.map(({ id }) => id),
      valid.map(({ facts }) => facts.device),
      valid.map(({ facts }) => facts.sequence),
    ],
  })
  const stored = new Set(known.map((row) => row.batch_id))
  const taken = new Set(known.map(({ device, sequence }) => sequenceKey(device, sequence)))
  const keys = await input.publicKeys([...new Set(valid.map(({ facts }) => facts.pseudonym))])
  const kept: (Kept & { readonly facts: BatchFacts })[] = []
  const refused: { id: string; code: ErrorCode }[] = []
  const waiting = new Set<string>()
  for (const { index, id, facts } of valid) {
    if (stored.has(id)) continue
    const participant = keys.get(facts.pseudonym)
    const sequence = sequenceKey(facts.device, facts.sequence)
    if (taken.has(sequence)) refused.push({ id, code: 'BATCH_REPLAYED' })
    else if (participant === undefined) refused.push({ id, code: 'KEY_UNAVAILABLE' })
    else if (participant === 'waiting') waiting.add(id)
    // Captured under a consent that was withdrawn since; a later yes doesn't bring it back.
    else if (facts.consentVersion < participant.generation) refused.push({ id, code: 'CONSENT_REQUIRED' })
    else {
      taken.add(sequence)
      kept.push({ index, batchId: id, participant, facts })
    }
  }
  return { kept, refused, waiting }
}

async function store(
  { database, lockOwner, index }: GroupInput,
  rows: readonly InboxRow[],
  kept: Sorted['kept'],
  segmentId: string,
  segment: SealedSegment | null,
  refused: Sorted['refused'],
): Promise<SegmentRow | null> {
  const client = await database.pool.connect()
  let isBroken = true
  try {
    await client.query('begin')
    await requireDrainLock(client, lockOwner)
    // Numbered under the lock: whoever holds off all transactions knows that every number given is stored or never will be.
    const row = segment === null ? null : signedRow(index, segmentId, segment)
    if (segment !== null && row !== null) {
      await requireKeys(client, kept)
      await insertSegment(client, kept, row, segment)
    }
    if (refused.length > 0) {
      await client.query(
        `insert into vault.quarantine (batch_id, code, sealed)
          select b.id, q.code, b.sealed from json_to_recordset($1) as q(id text, code text) join inbox.batches b on b.id = q.id
          on conflict (batch_id) do nothing`,
        [JSON.stringify(refused)],
      )
    }
    await client.query({
      name: 'vault-drained',
      text: 'delete from inbox.batches where id = any($1)',
      values: [rows.map((row) => row.id)],
    })
    await client.query('commit')
    isBroken = false
    return row
  } catch (error) {
    // If even this fails the connection is gone, and with it the transaction.
    await client.query('rollback').then(
      () => {
        isBroken = false
      },
      () => undefined,
    )
    throw error
  } finally {
    client.release(isBroken)
  }
}

/**
 * Holds the keys that were encrypted to until the transaction ends: an erasure either came before, and then the group is tried
 * again without them, or it waits and then finds the chunks.
 * @throws `KeyErased`
 */
async function requireKeys(client: pg.PoolClient, kept: Sorted['kept']): Promise<void> {
  const people = new Map(kept.map(({ facts, participant }) => [facts.pseudonym, participant.generation]))
  const { rowCount } = await client.query({
    name: 'vault-keys-held',
    text: `select 1 from unnest($1::text[], $2::int[]) as t(pseudonym, generation)
      join vault.participant_keys k on k.pseudonym = t.pseudonym and k.generation = t.generation
      order by k.pseudonym for key share of k`,
    values: [[...people.keys()], [...people.values()]],
  })
  if (rowCount !== people.size) throw new KeyErased('a participant was erased meanwhile')
}

async function insertSegment(
  client: pg.PoolClient,
  kept: Sorted['kept'],
  row: SegmentRow,
  segment: SealedSegment,
): Promise<void> {
  await insertSegmentRow(client, row)
  const contentKeys = segment.contentKeys
    .map(({ id, pseudonym, generation, enc, sealed, period }) => ({
      id,
      pseudonym,
      generation,
      enc: hex(enc),
      sealed: hex(sealed),
      period,
    }))
    // In one order, so that two groups that store the same keys don't wait for each other in a circle.
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  await client.query({
    name: 'vault-content-keys',
    text: `insert into vault.content_keys (id, pseudonym, generation, enc, sealed, period)
      select id, pseudonym, generation, decode(enc, 'hex'), decode(sealed, 'hex'), period
      from json_to_recordset($1) as k(id text, pseudonym text, generation int, enc text, sealed text, period text)
      on conflict (id) do nothing`,
    values: [JSON.stringify(contentKeys)],
  })
  const chunks = kept.map(({ batchId, facts }, i) => ({
    batch_id: batchId,
    at_offset: segment.places[i]?.offset,
    length: segment.places[i]?.length,
    content_key_id: segment.contentKeyIds[i],
    pseudonym: facts.pseudonym,
    device: facts.device,
    sequence: facts.sequence,
    recording: facts.recording,
    part: facts.part,
    last: facts.last,
    task: facts.task,
    outcome: facts.outcome,
    charter_hash: facts.charterHash,
    consent_version: facts.consentVersion,
    actions: facts.actions,
  }))
  await client.query({
    name: 'vault-chunks',
    text: `insert into vault.chunks (batch_id, segment_id, at_offset, length, content_key_id, pseudonym, device, sequence,
        recording, part, last, task, outcome, charter_hash, consent_version, actions)
      select batch_id, $2, at_offset, length, content_key_id, pseudonym, device, sequence,
        recording, part, last, task, outcome, charter_hash, consent_version, actions
      from json_to_recordset($1) as c(batch_id text, at_offset bigint, length int, content_key_id text, pseudonym text,
        device text, sequence bigint, recording text, part int, last boolean, task text, outcome text, charter_hash text,
        consent_version int, actions int)`,
    values: [JSON.stringify(chunks), row.id],
  })
}

export async function insertSegmentRow(client: pg.PoolClient, row: SegmentRow): Promise<void> {
  await client.query({
    name: 'vault-segment',
    text: `insert into vault.segments (id, number, bytes, sha256, chunks, live_bytes, digest, mac)
      values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    values: [row.id, row.number, row.bytes, row.sha256, row.chunks, row.live_bytes, row.digest, row.mac],
  })
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

function sequenceKey(device: string, sequence: number): string {
  return `${device} ${sequence}`
}
