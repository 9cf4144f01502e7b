/**
 * Parquet as Hugging Face `datasets` lays it out: `data/train-00000-of-0000N.parquet`, one row for each action.
 *
 * DuckDB writes it, in memory, on its own thread, while the next rows are gathered here: coded numbers go in, and the names are
 * put in their place when a shard is written. It reaches no network, loads no extension, and no path but the release's folder.
 */
import {
  BIGINT,
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBVector,
  SMALLINT,
} from '@duckdb/node-api'
import { LENGTH_CLASSES, NAMED_KEYS, ROLES, TEXT_KINDS } from '@fairtrace/core'
import { BUTTONS, DIRECTIONS, FIELD, FIELDS, KINDS, TARGET_FIELD } from './coded-action.ts'
import { DuckDbPipe } from './duckdb-pipe.ts'
import type { Segment } from './episodes.ts'
import type { ReleaseFiles, ShardWriter } from './release-files.ts'
import { ABSENT, type Vocabulary } from './vocabulary.ts'

/** A column of the release: its name, its meaning in the card, and the SQL that makes it from the coded fields. */
export interface Column {
  readonly name: string
  readonly type: 'text' | 'integer'
  readonly meaning: string
  readonly sql: string
}

const named = (field: string, names: readonly string[]): string =>
  `[${names.map((name) => `'${name}'`).join(',')}][${field}+1]`
const number = (field: string): string => `nullif(${field},-1)`

function targetColumns(prefix: string, at: number, what: string): Column[] {
  const field = (offset: number) => `f${at + offset}`
  const box = [
    ['x', 'left edge', TARGET_FIELD.x],
    ['y', 'upper edge', TARGET_FIELD.y],
    ['width', 'width', TARGET_FIELD.width],
    ['height', 'height', TARGET_FIELD.height],
  ] as const
  return [
    {
      name: `${prefix}role`,
      type: 'text',
      meaning: `Role of ${what}, where it was known.`,
      sql: named(field(0), ROLES),
    },
    {
      name: `${prefix}label`,
      type: 'text',
      meaning: `Label of ${what}, if it is in the charter's catalogue and at least k people used it.`,
      sql: `case when ${field(1)} >= 0 then getvariable('labels')[getvariable('offsets')[app+1]+${field(1)}+1] end`,
    },
    ...box.map(
      ([name, edge, offset]): Column => ({
        name: `${prefix}${name}`,
        type: 'integer',
        meaning: `Box of ${what} on the schematic of 1280 × 800: ${edge}.`,
        sql: number(field(offset)),
      }),
    ),
    {
      name: `${prefix}cell`,
      type: 'integer',
      meaning: `Cell of ${what} in the 8 × 8 grid, row × 8 + column, where no box was known.`,
      sql: number(field(TARGET_FIELD.cell)),
    },
  ]
}

export const COLUMNS: readonly Column[] = [
  {
    name: 'segment',
    type: 'text',
    meaning: 'Random name of the segment; two segments of one person share nothing.',
    sql: "printf('%016x%016x', hi, lo)",
  },
  { name: 'step', type: 'integer', meaning: 'Position of the action in its segment, from 0.', sql: 'step' },
  { name: 'kind', type: 'text', meaning: `One of ${KINDS.join(', ')}.`, sql: named(`f${FIELD.kind}`, KINDS) },
  {
    name: 'app',
    type: 'text',
    meaning: 'App or origin, as the charter lists it.',
    sql: "nullif(getvariable('apps')[app+1],'')",
  },
  { name: 'button', type: 'text', meaning: 'Mouse button.', sql: named(`f${FIELD.button}`, BUTTONS) },
  { name: 'count', type: 'integer', meaning: 'Clicks: 1, 2 or 3.', sql: number(`f${FIELD.count}`) },
  ...targetColumns('', FIELD.target, 'the target'),
  ...targetColumns('to_', FIELD.toTarget, 'the target where a drag ended'),
  { name: 'direction', type: 'text', meaning: 'Where a scroll went.', sql: named(`f${FIELD.direction}`, DIRECTIONS) },
  {
    name: 'amount',
    type: 'integer',
    meaning: 'Notches of a scroll, rounded up to a power of two.',
    sql: number(`f${FIELD.amount}`),
  },
  { name: 'key', type: 'text', meaning: 'Named key of a press.', sql: named(`f${FIELD.key}`, NAMED_KEYS) },
  {
    name: 'keys',
    type: 'text',
    meaning: 'Keys of a shortcut, joined by +.',
    sql: `case when f${FIELD.keys} >= 0 then getvariable('shortcuts')[f${FIELD.keys}+1] end`,
  },
  {
    name: 'text_kind',
    type: 'text',
    meaning: 'What was typed, never the text.',
    sql: named(`f${FIELD.text}`, TEXT_KINDS),
  },
  {
    name: 'length',
    type: 'text',
    meaning: 'Length class of the final text.',
    sql: named(`f${FIELD.length}`, LENGTH_CLASSES),
  },
  {
    name: 'task',
    type: 'text',
    meaning: "The charter's task that the person chose to show.",
    sql: "case when task >= 0 then getvariable('tasks')[task+1] end",
  },
  {
    name: 'instruction',
    type: 'text',
    meaning: 'Instruction text of that task.',
    sql: "case when task >= 0 then getvariable('instructions')[task+1] end",
  },
  {
    name: 'outcome',
    type: 'text',
    meaning: 'How the task ended, done or not-done, where the segment ends with it; else it is an excerpt.',
    sql: "[null,'done','not-done'][ending+1]",
  },
]

const CHUNK_ROWS = 2_048
const TABLE_COLUMNS = [
  'hi bigint',
  'lo bigint',
  'step smallint',
  'app smallint',
  'task smallint',
  'ending smallint',
  ...Array.from({ length: FIELDS }, (_, i) => `f${i} smallint`),
]
const OWN_COLUMNS = TABLE_COLUMNS.length - FIELDS

/** The 128 random bits of a segment's name, as two signed halves; its text is their hexadecimal digits. */
export interface SegmentName {
  readonly hi: bigint
  readonly lo: bigint
}

export class ParquetWriter {
  readonly #files: ReleaseFiles
  readonly #rowsMax: number
  readonly #instance: DuckDBInstance
  readonly #append: DuckDBConnection
  readonly #copy: DuckDBConnection
  readonly #chunk: DuckDBDataChunk
  #vectors: DuckDBVector[] = []
  #filled = 0
  #appender: DuckDBAppender | null = null
  #rows = 0
  #copying: Promise<void> = Promise.resolve()
  readonly #shards: { readonly parquet: ShardWriter; readonly csv: ShardWriter; readonly rows: number }[] = []
  readonly #pipe: DuckDbPipe

  private constructor(
    files: ReleaseFiles,
    rowsMax: number,
    instance: DuckDBInstance,
    append: DuckDBConnection,
    copy: DuckDBConnection,
    pipe: DuckDbPipe,
  ) {
    this.#pipe = pipe
    this.#files = files
    this.#rowsMax = rowsMax
    this.#instance = instance
    this.#append = append
    this.#copy = copy
    this.#chunk = DuckDBDataChunk.create(
      TABLE_COLUMNS.map((column) => (column.endsWith(' bigint') ? BIGINT : SMALLINT)),
    )
  }

  /** @param rowsMax a shard ends with the segment that reaches so many rows */
  static async open(
    files: ReleaseFiles,
    vocabulary: Vocabulary,
    shortcuts: readonly (readonly string[])[],
    rowsMax: number,
  ): Promise<ParquetWriter> {
    // One thread, so that the same rows become the same bytes.
    const instance = await DuckDBInstance.create(':memory:', {
      threads: '1',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    })
    const copy = await instance.connect()
    const append = await instance.connect()
    const pipe = await DuckDbPipe.create()
    await copy.run(`set temp_directory=''; set allowed_directories=[${quoted(pipe.folder)}]`)
    await copy.run('set enable_external_access=false; set lock_configuration=true')
    const lists: readonly (readonly [string, string])[] = [
      ['apps', textList(vocabulary.apps)],
      ['labels', textList(vocabulary.labels)],
      ['offsets', `[${vocabulary.labelOffsets.join(',')}]`],
      ['shortcuts', textList(shortcuts.map((keys) => keys.join('+')))],
      ['tasks', textList(vocabulary.tasks.map((task) => task.id))],
      ['instructions', textList(vocabulary.tasks.map((task) => task.instruction))],
    ]
    for (const [name, list] of lists) await copy.run(`set variable ${name} = ${list}`)
    return new ParquetWriter(files, rowsMax, instance, append, copy, pipe)
  }

  async write(name: SegmentName, task: number, end: number, segment: Segment): Promise<void> {
    const { actions } = segment
    for (let at = 0, step = 0; at < actions.length; at += FIELDS, step++) {
      if (this.#vectors.length === 0) this.#beginChunk()
      const vectors = this.#vectors
      const row = this.#filled
      vectors[0]?.setItem(row, name.hi)
      vectors[1]?.setItem(row, name.lo)
      vectors[2]?.setItem(row, step)
      vectors[3]?.setItem(row, segment.app)
      vectors[4]?.setItem(row, task)
      vectors[5]?.setItem(row, end)
      for (let field = 0; field < FIELDS; field++)
        vectors[OWN_COLUMNS + field]?.setItem(row, actions[at + field] ?? ABSENT)
      this.#filled++
      if (this.#filled === CHUNK_ROWS) await this.#endChunk()
    }
    if (this.#rows + this.#filled >= this.#rowsMax) await this.#endShard()
  }

  /** Finishes the last shard and gives all of them their names. */
  async end(): Promise<void> {
    await this.#endShard()
    await this.#copying
    const count = number5(this.#shards.length)
    for (const [i, shard] of this.#shards.entries()) {
      const name = `train-${number5(i)}-of-${count}`
      await this.#files.adopt(shard.parquet, `data/${name}.parquet`, shard.rows)
      await this.#files.adopt(shard.csv, `csv/${name}.csv`, shard.rows)
    }
  }

  /** Also after a failure. */
  async close(): Promise<void> {
    // Whoever awaited the copy has its error; here it only must be over before its connection goes.
    await this.#copying.catch(() => undefined)
    for (const { parquet, csv } of this.#shards) {
      await parquet.close()
      await csv.close()
    }
    this.#append.closeSync()
    this.#copy.closeSync()
    this.#instance.closeSync()
    await this.#pipe.close()
  }

  #beginChunk(): void {
    this.#chunk.reset()
    this.#chunk.rowCount = CHUNK_ROWS
    this.#vectors = TABLE_COLUMNS.map((_, i) => this.#chunk.getColumnVector(i))
  }

  async #endChunk(): Promise<void> {
    if (this.#filled === 0) return
    for (const vector of this.#vectors) vector.flush()
    this.#chunk.rowCount = this.#filled
    if (this.#appender === null) {
      await this.#append.run(`create table shard${this.#shards.length} (${TABLE_COLUMNS.join(', ')})`)
      this.#appender = await this.#append.createAppender(`shard${this.#shards.length}`)
    }
    this.#appender.appendDataChunk(this.#chunk)
    this.#rows += this.#filled
    this.#filled = 0
    this.#vectors = []
  }

  async #endShard(): Promise<void> {
    await this.#endChunk()
    if (this.#appender === null) return
    this.#appender.closeSync()
    this.#appender = null
    // One shard is written while the next is gathered, never two: that bounds the memory.
    await this.#copying
    const table = `shard${this.#shards.length}`
    const name = `train-${number5(this.#shards.length)}`
    const shard = {
      parquet: await this.#files.openShard(`data/${name}.parquet`),
      csv: await this.#files.openShard(`csv/${name}.csv`),
      rows: this.#rows,
    }
    this.#shards.push(shard)
    this.#rows = 0
    this.#copying = this.#write(table, shard)
    // A failure is met where the copy is awaited, not as an unhandled rejection before.
    this.#copying.catch(() => undefined)
  }

  async #write(table: string, { parquet, csv }: { parquet: ShardWriter; csv: ShardWriter }): Promise<void> {
    const columns = COLUMNS.map((column) => `${column.sql} as "${column.name}"`).join(', ')
    const copy = (path: string, format: string) =>
      this.#copy.run(`copy (select ${columns} from ${table}) to ${quoted(path)} (${format}, use_tmp_file false)`)
    await this.#pipe.into(parquet, (path) => copy(path, 'format parquet, compression snappy, row_group_size 122880'))
    await this.#pipe.into(csv, (path) => copy(path, 'format csv, header'))
    await this.#copy.run(`drop table ${table}`)
  }
}

const number5 = (value: number): string => String(value).padStart(5, '0')

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function textList(values: readonly string[]): string {
  return values.length === 0 ? '[]::varchar[]' : `[${values.map(quoted).join(',')}]`
}
