/**
 * What drills plant, written down before it is planted: whatever ends the runner, `fairtrace drill clean` takes it away again.
 *
 * The list lies in the data directory, one JSON document, newest last, and is synced before a plant stands.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import type { DataDir } from '@fairtrace/server'
import type pg from 'pg'
import { z } from 'zod'

const undoSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sql'), statement: z.string(), values: z.array(z.union([z.string(), z.number()])) }),
  z.strictObject({ kind: z.literal('remove'), path: z.string() }),
  z.strictObject({ kind: z.literal('mode'), path: z.string(), mode: z.int() }),
])
export type Undo = z.infer<typeof undoSchema>
const plantsSchema = z.array(z.strictObject({ run: z.string(), undo: undoSchema }))

export class Plants {
  readonly #file: string
  readonly #sql: pg.Pool

  constructor(dir: DataDir, sql: pg.Pool) {
    mkdirSync(dir.path('drill'), { recursive: true, mode: 0o700 })
    this.#file = dir.path('drill/plants.json')
    this.#sql = sql
  }

  list(): z.infer<typeof plantsSchema> {
    return existsSync(this.#file) ? plantsSchema.parse(JSON.parse(readFileSync(this.#file, 'utf8'))) : []
  }

  /** Called before the plant: undoing what was not planted does nothing. */
  add(run: string, undo: Undo): void {
    this.#write([...this.list(), { run, undo }])
  }

  /**
   * Newest first.
   * @param run of one drill; left out, of every drill that ever ran here
   * @returns how many were undone
   */
  async removeAll(run?: string): Promise<number> {
    const plants = this.list().filter((plant) => run === undefined || plant.run === run)
    for (const plant of plants.toReversed()) {
      await this.#undo(plant.undo)
      // Another drill may have planted meanwhile.
      const text = JSON.stringify(plant)
      const left = this.list()
      const at = left.findLastIndex((one) => JSON.stringify(one) === text)
      this.#write(left.filter((_, i) => i !== at))
    }
    return plants.length
  }

  async #undo(undo: Undo): Promise<void> {
    if (undo.kind === 'sql') await this.#sql.query(undo.statement, undo.values)
    else if (undo.kind === 'remove') rmSync(undo.path, { recursive: true, force: true })
    else if (existsSync(undo.path)) chmodSync(undo.path, undo.mode)
  }

  #write(plants: z.infer<typeof plantsSchema>): void {
    const file = openSync(`${this.#file}.next`, 'w', 0o600)
    writeSync(file, JSON.stringify(plants))
    fsyncSync(file)
    closeSync(file)
    renameSync(`${this.#file}.next`, this.#file)
  }
}
