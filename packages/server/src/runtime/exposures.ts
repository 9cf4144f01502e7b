/** Where a role says that it came upon something readable, or changed, beyond what the charter allows. */
import { canonicalJson, type ExposureKind } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'
import { type Finding, reportFindings } from './findings.ts'

export type { Finding } from './findings.ts'

/** Nobody looks for it again by itself: two people say when it is mended. */
const ONCE = 'once'

/**
 * Records an exposure, announces it (`fairtrace_exposures`), and locks unless the charter has a person asked first. The same finding
 * stays one exposure while it is open.
 * @param detail ids, counts and sizes; never content
 */
export async function raiseExposure(
  database: OpenDatabase,
  kind: ExposureKind,
  detail: Finding['detail'],
  subject: string = canonicalJson(detail),
): Promise<void> {
  await reportFindings(database, {
    finder: ONCE,
    scope: '',
    findings: [{ kind, subject, detail }],
    complete: false,
  })
}
