/**
 * [vault.read] What a release reads: index, objects, decryption, inflating, parsing, on one core. In MB of the actions' JSON. The peer
 * is the limit: `node:crypto` alone, decrypting the same chunks out of memory, in MB of the same JSON, and doing nothing else.
 */
import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { parseCharter } from '@fairtrace/core'
import { readRecordings } from '@fairtrace/server/builder/read-recordings'
import { openDatabase } from '@fairtrace/server/store/database'
import { FileObjects } from '@fairtrace/server/store/objects'
import {
  type ChunkFacts,
  chunkAad,
  openChunk,
  packSegment,
  sealChunk,
  segmentKey,
} from '@fairtrace/server/vault/segment'
import { CHARTER_YAML, someActions, startTestDatabase } from '@fairtrace/testing/harness'
import pg from 'pg'
import type { Benchmark, Runs } from './benchmark.ts'

const PEOPLE = 2_000
const BATCHES_EACH = 8
const PEOPLE_A_SEGMENT = 32
const RUNS = 3
const MB = 1_000_000

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'vault.read',
    unit: 'MB/s',
    better: 'higher',
    target: 300,
    peerName: 'node:crypto alone',
    run: measure,
  },
]

interface Stored {
  readonly aad: string
  readonly bytes: Buffer
}

async function measure(): Promise<Runs> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-read-'))
  const test = await startTestDatabase()
  const database = openDatabase(test.url('builder'))
  try {
    const objects = new FileObjects(folder)
    const contentKey = randomBytes(32)
    const { stored, jsonBytes } = await fill(test.superuserUrl, objects, contentKey)
    const ours: number[] = []
    const peer: number[] = []
    for (let run = 0; run < RUNS; run++) {
      const startedAt = performance.now()
      let actions = 0
      const parts = readRecordings({
        database,
        objects,
        contentKeys: new Map([['the-key', contentKey]]),
        charters: new Set(['the-charter']),
        signal: new AbortController().signal,
        onProgress: () => undefined,
        onUsed: () => undefined,
      })
      for await (const part of parts) actions += part.actions.length
      if (actions !== stored.length * 100) throw new RangeError('not everything was read')
      ours.push(jsonBytes / MB / ((performance.now() - startedAt) / 1_000))
      peer.push(jsonBytes / MB / decryptAlone(stored, contentKey))
    }
    return { ours, peer }
  } finally {
    await database.close()
    await test.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @returns seconds */
function decryptAlone(stored: readonly Stored[], contentKey: Buffer): number {
  const key = createSecretKey(contentKey)
  const startedAt = performance.now()
  for (const { aad, bytes } of stored) openChunk(aad, key, bytes)
  return (performance.now() - startedAt) / 1_000
}

/** As the vault lays it out: one person's batches side by side. Rows are written by the superuser; reading looks at AADs alone. */
async function fill(url: string, objects: FileObjects, contentKey: Buffer) {
  const sql = new pg.Pool({ connectionString: url, max: 1 })
  sql.on('error', () => undefined)
  const key = createSecretKey(contentKey)
  const charter = parseCharter(CHARTER_YAML, 'charter.yaml')
  const stored: Stored[] = []
  let jsonBytes = 0
  for (let person = 0; person < PEOPLE; person += PEOPLE_A_SEGMENT) {
    const id = randomBytes(16).toString('hex')
    const facts: ChunkFacts[] = []
    const chunks: Buffer[] = []
    for (let i = 0; i < PEOPLE_A_SEGMENT * BATCHES_EACH; i++) {
      const chunk = factsOf(person + Math.floor(i / BATCHES_EACH), i % BATCHES_EACH)
      const json = JSON.stringify(someActions(charter, stored.length))
      jsonBytes += json.length
      const bytes = sealChunk(chunkAad(chunk), key, deflateRawSync(json, { level: 3 }))
      facts.push(chunk)
      chunks.push(bytes)
      stored.push({ aad: chunkAad(chunk), bytes })
    }
    const { bytes, places } = packSegment(id, chunks)
    await objects.put(segmentKey(id), bytes)
    await sql.query(
      `insert into vault.chunks select t.batch, $1, t.at, t.length, 'the-key', t.person, t.person, t.part, 'the-recording', t.part, true,
         null, null, 'the-charter', 1, 100
       from unnest($2::text[], $3::bigint[], $4::int[], $5::text[], $6::int[]) as t(batch, at, length, person, part)`,
      [
        id,
        facts.map(({ batchId }) => batchId),
        places.map(({ offset }) => offset),
        places.map(({ length }) => length),
        facts.map(({ pseudonym }) => pseudonym),
        facts.map(({ part }) => part),
      ],
    )
  }
  await sql.query('analyze vault.chunks')
  await sql.end()
  return { stored, jsonBytes }
}

function factsOf(person: number, part: number): ChunkFacts {
  const pseudonym = `person-${String(person).padStart(6, '0')}`
  return {
    batchId: `${pseudonym}-${part}`,
    contentKeyId: 'the-key',
    pseudonym,
    device: pseudonym,
    sequence: part,
    recording: 'the-recording',
    part,
    last: true,
    task: null,
    outcome: null,
    charterHash: 'the-charter',
    consentVersion: 1,
    actions: 100,
  }
}
