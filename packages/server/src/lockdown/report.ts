/** What a lockdown reached: who has stopped and said so, who has not, and by when those have lost what they could still serve. */
import { LEASE_MS } from '@fairtrace/core'
import { acknowledgementsOf, livePoints, type PointRole, type Served } from '../runtime/points.ts'
import { STALE_MS } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'

export interface LockdownReport {
  readonly epoch: number
  readonly atMs: number
  /** Each time that somebody locked, the first one first. */
  readonly causes: readonly {
    readonly number: number
    readonly atMs: number
    readonly by: string
    readonly reason: string
    readonly exposure: string | null
    readonly drill: string | null
  }[]
  readonly acknowledged: readonly {
    readonly point: string
    readonly role: PointRole
    /** From the lockdown until the database had the point's word, by the database's clock. */
    readonly afterMs: number
    /** Since the second in which the lockdown began. */
    readonly served: Served
  }[]
  /** Showed a sign of life in the minute before, or does now, and has not said that it stopped. What it served nobody knows. */
  readonly missing: readonly { readonly point: string; readonly role: string; readonly isLive: boolean }[]
  /** A number, as the portals counted them when they stopped; null if none has said so. */
  readonly devicesConnected: number | null
  /** Whoever has not acknowledged refuses by itself from here on: it can't know the programme any more, and the last lease is over. */
  readonly overByMs: number
  readonly endedAtMs: number | null
}

/** @returns null if nothing was locked under this epoch */
export async function lockdownReport(database: OpenDatabase, epoch: number): Promise<LockdownReport | null> {
  const rows = await database.db
    .selectFrom('install.lockdowns')
    .selectAll()
    .where('epoch', '=', epoch)
    .orderBy('number')
    .execute()
  const [first] = rows
  if (first === undefined) return null
  const said = await acknowledgementsOf(database, epoch)
  const live = await livePoints(database)
  const has = (point: string) => said.some((one) => one.point === point)
  const known = new Map([...first.points, ...live].map(({ point, role }) => [point, role]))
  const portals = said.flatMap(({ served }) => served.devicesConnected ?? [])
  return {
    epoch,
    atMs: first.at_ms,
    causes: rows.map(({ number, at_ms: atMs, by, reason, exposure, drill }) => ({
      ...{ number, atMs, by, reason, exposure, drill },
    })),
    acknowledged: said.map(({ point, role, atMs, served }) => ({ point, role, afterMs: atMs - first.at_ms, served })),
    missing: [...known]
      .filter(([point]) => !has(point))
      .map(([point, role]) => ({ point, role, isLive: live.some((one) => one.point === point) })),
    devicesConnected: portals.length === 0 ? null : portals.reduce((sum, count) => sum + count, 0),
    overByMs: first.at_ms + STALE_MS + LEASE_MS,
    endedAtMs: rows.at(-1)?.ended_at_ms ?? null,
  }
}

/** The epoch of the newest lockdown, whether it holds or has ended; null if there was none. */
export async function newestLockdown({ db }: OpenDatabase): Promise<number | null> {
  const row = await db
    .selectFrom('install.lockdowns')
    .select('epoch')
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.epoch ?? null
}
