/** Rows of the outbox that aren't recordings: what the device is, the next sequence number, the marks, the notes. */
import type { DatabaseSync } from 'node:sqlite'
import { FairtraceError } from '@fairtrace/core'
import type { HighestSeen, LocalNote } from './outbox.ts'
import { blob } from './outbox-database.ts'
import { highestSchema, NOTES_MAX, noteSchema, STORAGE_CHECK } from './recording-info.ts'
import type { SealedValues } from './sealed-values.ts'

/** Single statements; who calls decides what is one transaction. */
export class MetaRows {
  readonly #database: DatabaseSync
  readonly #values: SealedValues

  constructor(database: DatabaseSync, values: SealedValues) {
    this.#database = database
    this.#values = values
  }

  /**
   * Writes the check value into a new outbox, and reads it in an old one.
   * @throws `OUTBOX_CORRUPT` if the key is not the one that the outbox was made with
   */
  requireKey(): void {
    if (this.#database.prepare('select count(*) as n from meta').get()?.n === 0) {
      this.put('check', STORAGE_CHECK)
      this.put('sequence', 0)
    }
    if (this.get('check') !== STORAGE_CHECK) throw new FairtraceError('OUTBOX_CORRUPT', 'the outbox has no check value')
  }

  nextSequence(): number {
    const next = this.get('sequence')
    if (!Number.isSafeInteger(next)) throw new FairtraceError('OUTBOX_CORRUPT', 'the next sequence number is missing')
    return Number(next)
  }

  putNextSequence(next: number): void {
    this.put('sequence', next)
  }

  highestSeen(): HighestSeen {
    return highestSchema.parse(this.get('highest') ?? { epoch: 0, consentVersion: 0 })
  }

  raiseHighestSeen(seen: HighestSeen): void {
    const held = this.highestSeen()
    this.put('highest', {
      epoch: Math.max(seen.epoch, held.epoch),
      consentVersion: Math.max(seen.consentVersion, held.consentVersion),
    })
  }

  addNote(note: LocalNote): void {
    this.#database.prepare('insert into notes (value) values (?)').run(this.#values.encryptJson('note', note))
    this.#database.prepare('delete from notes where position <= (select max(position) from notes) - ?').run(NOTES_MAX)
  }

  notes(): readonly LocalNote[] {
    return this.#database
      .prepare('select value from notes order by position')
      .all()
      .map(({ value }) => noteSchema.parse(this.#values.decryptJson('note', blob(value))))
  }

  /** Null where there is no such value. */
  get(name: string): unknown {
    const value = this.#database.prepare('select value from meta where name = ?').get(name)?.value
    return value === undefined ? null : this.#values.decryptJson(`meta ${name}`, blob(value))
  }

  put(name: string, value: unknown): void {
    this.#database
      .prepare('insert into meta (name, value) values (?, ?) on conflict (name) do update set value = excluded.value')
      .run(name, this.#values.encryptJson(`meta ${name}`, value))
  }

  remove(name: string): void {
    this.#database.prepare('delete from meta where name = ?').run(name)
  }
}
