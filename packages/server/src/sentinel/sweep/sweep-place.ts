/**
 * One sweep of one place. What it has done is written down as it goes, so a sweep that was killed goes on where it was, and one that
 * begins anew reads only what changed.
 */
import type { Finding } from '../../runtime/exposures.ts'
import type { OpenDatabase } from '../../store/database.ts'
import { findingsOf } from './findings.ts'
import type { ItemGroup, ItemResult } from './item.ts'
import type { SweepKnowledge } from './knowledge.ts'
import { shownName } from './places.ts'

export interface SweepReport {
  readonly place: string
  readonly at: string
  readonly number: number
  readonly state: 'complete' | 'unreachable'
  readonly startedAtMs: number
  readonly endedAtMs: number
  readonly items: number
  readonly unchanged: number
  readonly bytes: number
  readonly skipped: Readonly<Record<string, number>>
  /** A few names of what was skipped, with the reason. */
  readonly named: readonly string[]
}

export interface PlaceSweep {
  readonly database: OpenDatabase
  readonly place: { readonly name: string; readonly at: string; readonly looksAtShapes: boolean }
  groups(): AsyncIterable<ItemGroup>
  readonly knowledge: SweepKnowledge
  /** Generation of the knowledge with which this place was swept whole before; 0 for none that this process knows of. */
  readonly comparedUpTo: number
  readonly signal: AbortSignal
  /** Told at once of what is new, and at the end of all. */
  onFindings(findings: readonly Finding[], isComplete: boolean): Promise<void>
}

const KEPT_EVERY = 500
const NAMED_MAX = 40
/** So that many of one kind leave room to name another. */
const NAMED_OF_REASON_MAX = 8

interface Known {
  readonly mark: string
  readonly skipped: string | null
  readonly findings: readonly Finding[]
  readonly size: number | null
  readonly digest: string | null
}

/** Resolves with null if it was ended before it was through. */
export async function sweepPlace(sweep: PlaceSweep): Promise<SweepReport | null> {
  const { database, place, knowledge, signal } = sweep
  const { number, startedAtMs } = await begin(database, place)
  const known = await readKnown(database, place.name)
  const counts = { items: 0, unchanged: 0, bytes: 0 }
  const skipped = new Map<string, number>()
  const named: string[] = []
  const all: Finding[] = []
  let kept: ({ item: string } & Known)[] = []
  let same: string[] = []
  let keptAtMs = performance.now()
  try {
    for await (const group of sweep.groups()) {
      if (signal.aborted) return null
      const fresh = group.items.filter(({ item, mark }) => needsReading(known.get(item), mark))
      const results =
        fresh.length === 0 ? new Map<string, ItemResult>() : await group.read(fresh.map(({ item }) => item))
      const found: Finding[] = []
      for (const { item, mark } of group.items) {
        counts.items++
        const before = known.get(item)
        const result = results.get(item)
        if (result === undefined) {
          if (before === undefined) continue
          counts.unchanged++
          same.push(item)
          skip(before.skipped, item)
          all.push(...before.findings)
          continue
        }
        counts.bytes += result.bytes
        skip(result.skipped, item)
        const own = findingsOf(place.name, item, result, knowledge, place.looksAtShapes)
        found.push(...own)
        // What could not be read is looked at again next time.
        const again = result.skipped === 'unreadable' || result.skipped === 'too-slow'
        kept.push({
          item,
          mark: again ? `again ${number}` : mark,
          skipped: result.skipped,
          findings: own,
          size: result.size ?? null,
          digest: result.digest ?? null,
        })
      }
      all.push(...found)
      if (found.length > 0) await sweep.onFindings(all, false)
      if (kept.length + same.length >= KEPT_EVERY || performance.now() - keptAtMs > 2_000) await keep()
    }
    await keep()
    await database.pool.query('delete from scanner.swept where place = $1 and number < $2', [place.name, number])
    await sweep.onFindings(all, true)
    return await end('complete')
  } catch (error) {
    await keep()
    if (signal.aborted) return null
    // The place, or its credentials, don't answer: said, and tried again. The message could name what isn't ours to name.
    named.push(`${place.name}: ${error instanceof Error && 'code' in error ? String(error.code) : 'unreachable'}`)
    return await end('unreachable')
  }

  function needsReading(before: Known | undefined, mark: string): boolean {
    if (before?.mark !== mark) return true
    return before.size !== null && knowledge.isNewSince(sweep.comparedUpTo, before.size, before.digest)
  }

  function skip(reason: string | null, item: string): void {
    if (reason === null) return
    const count = (skipped.get(reason) ?? 0) + 1
    skipped.set(reason, count)
    if (count <= NAMED_OF_REASON_MAX && named.length < NAMED_MAX) named.push(`${reason}: ${shownName(item)}`)
  }

  async function keep(): Promise<void> {
    keptAtMs = performance.now()
    const rows = kept
    const unchanged = same
    kept = []
    same = []
    const { pool } = database
    if (rows.length > 0) {
      await pool.query(
        `insert into scanner.swept (place, item, mark, number, skipped, findings, size, digest)
         select $1, x.item, x.mark, $2, x.skipped, x.findings, x.size, x.digest
         from jsonb_to_recordset($3::jsonb)
           as x(item text, mark text, skipped text, findings jsonb, size bigint, digest text)
         on conflict (place, item) do update
           set mark = excluded.mark, number = excluded.number, skipped = excluded.skipped, findings = excluded.findings,
             size = excluded.size, digest = excluded.digest`,
        [place.name, number, JSON.stringify(rows.map((row) => ({ ...row, item: storable(row.item) })))],
      )
    }
    if (unchanged.length > 0) {
      await pool.query('update scanner.swept set number = $2 where place = $1 and item = any ($3)', [
        place.name,
        number,
        unchanged.map(storable),
      ])
    }
    await pool.query('update scanner.sweeps set items = $2, unchanged = $3, bytes = $4 where place = $1', [
      place.name,
      counts.items,
      counts.unchanged,
      counts.bytes,
    ])
  }

  async function end(state: 'complete' | 'unreachable'): Promise<SweepReport> {
    const report: SweepReport = {
      place: place.name,
      at: place.at,
      number,
      state,
      startedAtMs,
      endedAtMs: Date.now(),
      ...counts,
      skipped: Object.fromEntries(skipped),
      named,
    }
    await database.pool.query(
      `update scanner.sweeps set state = $2, ended_at_ms = $3, skipped = $4,
         complete = case when $2 = 'complete' then $5::jsonb else complete end where place = $1`,
      [place.name, state, report.endedAtMs, JSON.stringify({ ...report.skipped, named }), JSON.stringify(report)],
    )
    return report
  }
}

/** A sweep that was cut short goes on under its number; one that was only announced begins. By the system's clock: a demonstration's can be moved. */
async function begin(
  { pool }: OpenDatabase,
  { name, at }: PlaceSweep['place'],
): Promise<{ number: number; startedAtMs: number }> {
  const { rows } = await pool.query<{ number: number; started: number }>(
    `insert into scanner.sweeps as s (place, at, started_at_ms) values ($1, $2, $3)
     on conflict (place) do update set at = excluded.at, state = 'running',
       number = case when s.state = 'running' then s.number else s.number + 1 end,
       started_at_ms = case when s.state = 'running' and s.started_at_ms > 0 then s.started_at_ms else excluded.started_at_ms end
     returning number, started_at_ms as started`,
    [name, at, Date.now()],
  )
  return { number: rows[0]?.number ?? 1, startedAtMs: rows[0]?.started ?? Date.now() }
}

async function readKnown({ pool }: OpenDatabase, place: string): Promise<ReadonlyMap<string, Known>> {
  const { rows } = await pool.query<{ item: string } & Known>(
    'select item, mark, skipped, findings, size, digest from scanner.swept where place = $1',
    [place],
  )
  return new Map(rows.map(({ item, ...known }) => [item, known]))
}

/** PostgreSQL's text holds no NUL; no name of a file has one, but a key of a bucket may. */
function storable(item: string): string {
  return item.replaceAll('\0', '�')
}
