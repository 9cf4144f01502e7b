/** One stream of bytes, searched while it goes by: markers, pieces and digests of our ciphertext, honey actions, a sealed batch. */
import { createHash, type Hash } from 'node:crypto'
import { ACTION_HINTS, tokensIn } from '../honey/action-token.ts'
import { HoneyRun, type WindowBits } from '../honey/honey-runs.ts'
import { findMarkers, type MarkerTables, PATTERN_BYTES } from './marker-index.ts'

export interface ContentKnowledge {
  readonly tables: MarkerTables
  readonly bits: WindowBits
  /** SHA-256 of whole objects of ours, hex. */
  readonly digests: ReadonlySet<string>
  /** Their sizes: what has another size is not hashed. */
  readonly sizes: ReadonlySet<number>
  /** How every sealed batch of the programme begins; null before there is one. */
  readonly batchHeader: Buffer | null
}

/** What was seen, without any of it. */
export interface ContentHits {
  /** Numbers of honey ids. */
  readonly markers: readonly number[]
  /** Numbers of ciphertext pieces. */
  readonly pieces: readonly number[]
  /** Bits of evidence for actions of honey participants; 0 where there are too few for a finding. */
  readonly actionBits: number
  readonly isWholeCopy: boolean
  readonly hasBatch: boolean
}

/** What may lie across two chunks: a pattern, and an action as text. */
const OVERLAP_BYTES = 1_024

export class ContentScan {
  readonly #known: ContentKnowledge
  readonly #markers = new Set<number>()
  readonly #pieces = new Set<number>()
  readonly #run: HoneyRun
  readonly #hash: Hash | null
  /** Of the whole, after its end; null where its size is none of ours. */
  digest: string | null = null
  #tail: Buffer = Buffer.alloc(0)
  #hasBatch = false

  /** @param size of the whole, where it is known */
  constructor(known: ContentKnowledge, size: number | null) {
    this.#known = known
    this.#run = new HoneyRun(known.bits)
    this.#hash = size !== null && known.sizes.has(size) ? createHash('sha256') : null
  }

  push(bytes: Buffer): void {
    this.#hash?.update(bytes)
    const { tables, batchHeader } = this.#known
    const seam = this.#tail.length === 0 ? null : Buffer.concat([this.#tail, bytes.subarray(0, OVERLAP_BYTES)])
    for (const part of seam === null ? [bytes] : [seam, bytes]) {
      for (const found of findMarkers(tables, part, part.length)) {
        if (found < tables.markers) this.#markers.add(found)
        else this.#pieces.add(found)
      }
      if (batchHeader !== null && part.includes(batchHeader)) this.#hasBatch = true
    }
    if (ACTION_HINTS.some((hint) => bytes.includes(hint))) {
      // One action in a million lies across two chunks; the run bears a miss.
      for (const token of tokensIn(bytes.toString('latin1'))) this.#run.push(token)
    }
    const kept = Math.min(bytes.length, PATTERN_BYTES * 2)
    this.#tail = Buffer.from(bytes.subarray(bytes.length - kept))
  }

  /** Actions that were read out of a table. */
  pushToken(token: string): void {
    this.#run.push(token)
  }

  end(): ContentHits {
    this.digest = this.#hash?.digest('hex') ?? null
    return {
      markers: [...this.#markers],
      pieces: [...this.#pieces],
      actionBits: this.#run.isFound ? Math.floor(this.#run.best) : 0,
      isWholeCopy: this.digest !== null && this.#known.digests.has(this.digest),
      hasBatch: this.#hasBatch,
    }
  }
}

export function isClean(hits: ContentHits): boolean {
  return (
    hits.markers.length === 0 &&
    hits.pieces.length === 0 &&
    hits.actionBits === 0 &&
    !hits.isWholeCopy &&
    !hits.hasBatch
  )
}
