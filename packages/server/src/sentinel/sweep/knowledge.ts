/** What the scanner searches for: ids of honey participants, pieces and digests of our ciphertext, the shapes of our tables. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { OpenDatabase } from '../../store/database.ts'
import { schemaSql } from '../../store/schema.ts'
import { segmentKey } from '../../vault/segment.ts'
import { allHoneyIds, honeyMac } from '../honey/honey-ids.ts'
import { windowKeyOf } from '../honey/honey-runs.ts'
import type { TableShape } from './fingerprints.ts'
import { buildMarkerTables, formsOfId, PATTERN_BYTES } from './marker-index.ts'
import type { WorkerKnowledge } from './scan-worker.ts'

export interface SweepKnowledge extends WorkerKnowledge {
  /** Honey id of each marker's number; the ids never leave this process. */
  readonly idOf: readonly string[]
  readonly shapes: readonly TableShape[]
  /** Rises with every reading. */
  readonly generation: number
  /** Whether a file of this size and digest could be ciphertext that became known after that generation. */
  isNewSince(generation: number, size: number, digest: string | null): boolean
  /** For a finding: says to whoever has the key what was found, and nothing to anybody else. */
  commitment(ids: readonly string[]): string
}

/** One piece for so many bytes of ciphertext: a part of a segment of twice that is found wherever it lies. */
export const PIECE_EVERY_BYTES = 16_384
/** 4 GiB of segments, the newest; older ones are known by their digests alone. */
const PIECES_MAX = 262_144
const DIGESTS_MAX = 1_000_000
/** Tables that belong where they are; any other one in our own database does not. */
export const OUR_TABLES: readonly string[] = [
  ...schemaSql.matchAll(/^create (?:unlogged )?(?:table|view) (\w+\.\w+)/gm),
].map(([, name = '']) => name)
/** Those whose copy would show somebody's data or part in it. */
const TELLING = ['access', 'consent', 'inbox', 'vault']

/** Reads what there is to know now; pieces of segments that were read before are kept. */
export class KnowledgeReader {
  readonly #database: OpenDatabase
  readonly #objectsDir: string
  readonly #honeyKey: string
  readonly #pieces = new Map<string, readonly Uint8Array[]>()
  #generation = 0
  /** Since which generation a segment, or the digest of a batch, is known. */
  #segmentsSince = new Map<string, number>()
  #digestsSince = new Map<string, number>()

  constructor(database: OpenDatabase, objectsDir: string, honeyKey: string) {
    this.#database = database
    this.#objectsDir = objectsDir
    this.#honeyKey = honeyKey
  }

  async read(): Promise<SweepKnowledge> {
    const ids: string[] = []
    const markers: Uint8Array[] = []
    for (const id of allHoneyIds(this.#honeyKey).keys()) {
      for (const form of formsOfId(id)) {
        ids.push(id)
        markers.push(form)
      }
    }
    const segments = await this.#segments()
    const { pool } = this.#database
    const batches = await pool.query<{ id: string }>(`select batch_id as id from vault.chunks limit ${DIGESTS_MAX}`)
    const batchDigests = batches.rows.map(({ id }) => Buffer.from(id, 'base64url').toString('hex'))
    const generation = ++this.#generation
    // Two segments of one size: the newer one counts.
    const [sizesSince, digestsSince] = [new Map<number, number>(), new Map<string, number>()]
    const segmentsSince = this.#segmentsSince
    this.#segmentsSince = new Map(segments.map(({ id }) => [id, segmentsSince.get(id) ?? generation]))
    for (const { id, bytes } of segments) {
      sizesSince.set(bytes, Math.max(sizesSince.get(bytes) ?? 0, this.#segmentsSince.get(id) ?? generation))
    }
    for (const digest of batchDigests) digestsSince.set(digest, this.#digestsSince.get(digest) ?? generation)
    this.#digestsSince = digestsSince
    const programme = await pool.query<{ id: string }>('select id from install.programme')
    return {
      tables: buildMarkerTables(markers, await this.#allPieces(segments.map(({ id }) => id))),
      windowKey: windowKeyOf(this.#honeyKey),
      digests: [
        ...segments.map(({ sha256 }) =>
          Buffer.from(sha256, sha256.length === 64 ? 'hex' : 'base64url').toString('hex'),
        ),
        ...batchDigests,
      ],
      sizes: [4_096, 16_384, 65_536, 262_144, ...segments.map(({ bytes }) => bytes)],
      batchHeader: headerOf(programme.rows[0]?.id),
      idOf: ids,
      shapes: await this.#shapes(),
      generation,
      isNewSince: (known, size, digest) =>
        (sizesSince.get(size) ?? 0) > known || (digest !== null && (digestsSince.get(digest) ?? 0) > known),
      commitment: (found) =>
        honeyMac(this.#honeyKey, `evidence\n${[...found].sort().join('\n')}`).toString('base64url'),
    }
  }

  async #segments(): Promise<readonly { id: string; bytes: number; sha256: string }[]> {
    const { rows } = await this.#database.pool.query<{ id: string; bytes: number; sha256: string }>(
      'select id, bytes, sha256 from vault.segments',
    )
    return rows
  }

  async #allPieces(segments: readonly string[]): Promise<readonly Uint8Array[]> {
    const all: Uint8Array[] = []
    for (const id of segments.toReversed()) {
      const pieces = this.#pieces.get(id) ?? (await piecesOf(join(this.#objectsDir, segmentKey(id))))
      this.#pieces.set(id, pieces)
      all.push(...pieces)
      if (all.length >= PIECES_MAX) break
    }
    const kept = new Set(segments)
    for (const id of this.#pieces.keys()) if (!kept.has(id)) this.#pieces.delete(id)
    return all.slice(0, PIECES_MAX)
  }

  async #shapes(): Promise<readonly TableShape[]> {
    const { rows } = await this.#database.pool.query<{ name: string; names: string[]; types: number[] }>(
      `select n.nspname || '.' || c.relname as name, array_agg(a.attname::text order by a.attnum) as names,
         array_agg(a.atttypid::bigint order by a.attnum) as types
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       where c.relkind = 'r' and n.nspname = any ($1) group by 1`,
      [TELLING],
    )
    return rows.map(({ name, names, types }) => ({
      name,
      columns: names.map((column, i) => ({ name: column, type: String(types[i]) })),
    }))
  }
}

/** "FTB1" ‖ length ‖ programme, as core/envelope.ts has it. */
function headerOf(programme: string | undefined): Uint8Array | null {
  if (programme === undefined) return null
  return Buffer.concat([Buffer.from('FTB1'), Buffer.from([programme.length]), Buffer.from(programme, 'latin1')])
}

async function piecesOf(path: string): Promise<readonly Uint8Array[]> {
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      const pieces: Uint8Array[] = []
      for (let at = Math.min(1_024, size >> 1); at + PATTERN_BYTES <= size; at += PIECE_EVERY_BYTES) {
        const piece = Buffer.alloc(PATTERN_BYTES)
        await file.read(piece, 0, PATTERN_BYTES, at)
        // Padding is no fingerprint of anything.
        if (new Set(piece).size >= 12) pieces.push(piece)
      }
      return pieces
    } finally {
      await file.close()
    }
  } catch {
    // Compacted away meanwhile, or a store that this process can't read: then its digest alone is known.
    return []
  }
}
