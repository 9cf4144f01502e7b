/** Rows of sealed batches: the bytes as they travel, and the body that they were sealed from. */
import type { DatabaseSync } from 'node:sqlite'
import { type BatchId, digestPattern, FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import type { BatchToStore, WaitingBatch } from './outbox.ts'
import type { SealedValues } from './sealed-values.ts'

const rowSchema = z.object({
  sequence: z.number(),
  id: z.string().regex(digestPattern),
  bytes: z.instanceof(Uint8Array),
})

/** Single statements; who calls decides what is one transaction. */
export class BatchRows {
  readonly #database: DatabaseSync
  readonly #values: SealedValues

  constructor(database: DatabaseSync, values: SealedValues) {
    this.#database = database
    this.#values = values
  }

  /** @returns bytes stored */
  insert(sequence: number, batch: BatchToStore): number {
    const bytes = this.#values.encrypt(bytesOf(sequence), batch.bytes)
    const body = this.#values.encrypt(bodyOf(sequence), batch.body)
    this.#database
      .prepare('insert into batches (sequence, id, bytes, body) values (?, ?, ?, ?)')
      .run(sequence, batch.id, bytes, body)
    return bytes.length + body.length
  }

  list(limit: number, afterSequence: number): readonly WaitingBatch[] {
    return this.#database
      .prepare('select sequence, id, bytes from batches where sequence > ? order by sequence limit ?')
      .all(afterSequence, limit)
      .map((row) => {
        const { sequence, id, bytes } = rowSchema.parse(row)
        return { sequence, id: id as BatchId, bytes: this.#values.decrypt(bytesOf(sequence), bytes) }
      })
  }

  ids(afterSequence: number): readonly BatchId[] {
    return this.#database
      .prepare('select id from batches where sequence > ? order by sequence')
      .all(afterSequence)
      .map(({ id }) => String(id) as BatchId)
  }

  /** @throws `NOT_FOUND` */
  body(sequence: number): Uint8Array {
    const stored = this.#database.prepare('select body from batches where sequence = ?').get(sequence)?.body
    if (!(stored instanceof Uint8Array)) throw new FairtraceError('NOT_FOUND', `no batch ${sequence} waits`)
    return this.#values.decrypt(bodyOf(sequence), stored)
  }

  replaceSealed({ sequence, id, bytes }: WaitingBatch): void {
    this.#database
      .prepare('update batches set id = ?, bytes = ? where sequence = ?')
      .run(id, this.#values.encrypt(bytesOf(sequence), bytes), sequence)
  }

  /** @returns bytes that were stored; 0 if it was gone already */
  remove(id: BatchId): number {
    const row = this.#database
      .prepare('delete from batches where id = ? returning length(bytes) + length(body) as n')
      .get(id)
    return Number(row?.n ?? 0)
  }
}

// Identities of rows, as associated data.
const bytesOf = (sequence: number): string => `batch ${sequence}`
const bodyOf = (sequence: number): string => `body ${sequence}`
