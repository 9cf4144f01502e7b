/** The newest audience, as the sentinel writes it and portal and command line read it. */
import {
  type AudienceRow,
  compareReaders,
  type Surface,
  type SurfaceReading,
  surfaceReadingSchema,
} from '@fairtrace/core'
import type { OpenDatabase } from '../../store/database.ts'
import type { Observation } from '../surfaces/observation.ts'

/** An unchanged surface is written down again that often, so that people see how old a look is. */
const SEEN_EVERY_MS = 10_000

export class AudienceTable {
  readonly #database: OpenDatabase
  readonly #rows = new Map<Surface, readonly AudienceRow[]>()
  readonly #written = new Map<Surface, { readonly text: string; readonly atMs: number }>()

  constructor(database: OpenDatabase) {
    this.#database = database
  }

  /** What an earlier process saw, so that "since when" outlives a restart. A row that isn't one counts for nothing. */
  async restore(): Promise<void> {
    for (const reading of await readAudience(this.#database)) this.#rows.set(reading.surface, reading.rows)
  }

  /** @returns the rows, with since when each stands there */
  async seen(surface: Surface, observation: Observation, nowMs: number): Promise<readonly AudienceRow[]> {
    const { declared, readers, notShown } = observation
    const rows = compareReaders(declared, readers, this.#rows.get(surface) ?? [], nowMs)
    this.#rows.set(surface, rows)
    await this.#write(surface, null, rows, notShown, nowMs)
    return rows
  }

  /** The last rows stay, with the reason why they may no longer be true. */
  async unread(surface: Surface, reason: string, nowMs: number): Promise<void> {
    await this.#write(surface, reason, this.#rows.get(surface) ?? [], [], nowMs)
  }

  async #write(
    surface: Surface,
    unread: string | null,
    rows: readonly AudienceRow[],
    notShown: readonly string[],
    nowMs: number,
  ): Promise<void> {
    const text = JSON.stringify([unread, rows, notShown])
    const written = this.#written.get(surface)
    if (written?.text === text) {
      if (nowMs - written.atMs < SEEN_EVERY_MS) return
      await this.#database.pool.query('update sentinel.audience set seen_at_ms = $2 where surface = $1', [
        surface,
        nowMs,
      ])
    } else {
      await this.#database.pool.query(
        `insert into sentinel.audience (surface, seen_at_ms, unread, rows, not_shown) values ($1, $2, $3, $4, $5)
         on conflict (surface) do update set seen_at_ms = $2, unread = $3, rows = $4, not_shown = $5`,
        [surface, nowMs, unread, JSON.stringify(rows), JSON.stringify(notShown)],
      )
    }
    this.#written.set(surface, { text, atMs: nowMs })
  }
}

/** Every surface that was ever looked at; rows that aren't ours are left out. */
export async function readAudience(database: OpenDatabase): Promise<readonly SurfaceReading[]> {
  const { rows } = await database.pool.query(
    `select surface, seen_at_ms as "seenAtMs", unread, rows, not_shown as "notShown" from sentinel.audience order by surface`,
  )
  return rows.flatMap((row) => {
    const parsed = surfaceReadingSchema.safeParse(row)
    return parsed.success ? [parsed.data] : []
  })
}
