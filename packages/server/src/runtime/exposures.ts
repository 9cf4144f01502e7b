/** Where a role says that it found something readable, or changed, beyond what the charter allows. */
import { canonicalJson, decideResponse, type ExposureKind } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'
import { readProgramme } from './programme.ts'

export interface Finding {
  readonly kind: ExposureKind
  /** What is exposed, and to whom: a surface and a name of it. The same finding has the same subject. */
  readonly subject: string
  /** Ids, counts, sizes, commitments; never content. */
  readonly detail: Readonly<Record<string, string | number | boolean | null>>
}

/**
 * Records an exposure and announces it (`fairtrace_exposures`). The same finding stays one exposure while it is open.
 * @param detail ids, counts and sizes; never content
 */
export async function raiseExposure(
  database: OpenDatabase,
  kind: ExposureKind,
  detail: Finding['detail'],
  subject: string = canonicalJson(detail),
): Promise<void> {
  const charter = (await readProgramme(database, null).catch(() => null))?.charter.exposure ?? null
  const { severity } = decideResponse(charter, kind)
  // By the system's own clock: a demonstration's can be moved, and when something was found must not.
  await database.pool.query(
    `insert into install.exposures (found_at_ms, kind, severity, subject, detail) values ($1, $2, $3, $4, $5)
     on conflict do nothing`,
    [Date.now(), kind, severity, subject, JSON.stringify(detail)],
  )
}
