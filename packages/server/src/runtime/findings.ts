/**
 * What a finder sees is wrong, and what follows from it. The finder hands over everything that is wrong now in one scope; what is new
 * becomes an exposure and locks, what is gone is closed after two probes in a row missed it, is looked at again at growing intervals,
 * and if it comes back, it is graver.
 */
import { decideResponse, EXPOSURE_KINDS, type ExposureKind, SEVERITIES } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'
import { announceLock, LOCK_MS_MAX, lockProgramme, logLock } from './lockdown.ts'
import { readProgramme } from './programme.ts'

export interface Finding {
  readonly kind: ExposureKind
  /** What is exposed, and to whom: a surface and a name of it. The same finding has the same subject. */
  readonly subject: string
  /** Ids, counts, sizes, commitments; never content. */
  readonly detail: Readonly<Record<string, string | number | boolean | null>>
}

export interface Findings {
  /** Who looks, in one word. */
  readonly finder: string
  /** What this look covered; an exposure belongs to the scope in which it was found. */
  readonly scope: string
  /** All of them: what is missing here counts as gone, if the look was complete. */
  readonly findings: readonly Finding[]
  readonly complete: boolean
}

export interface Reported {
  readonly raised: number
  readonly closed: number
  readonly reopened: number
  /** Whether this report locked the programme. */
  readonly locked: boolean
}

/** Exposure and lockdown are one transaction. If it can't be made in time, everything is locked without it. */
export async function reportFindings(database: OpenDatabase, report: Findings): Promise<Reported> {
  const rules = (await within(readProgramme(database, null)).catch(() => null))?.charter.exposure ?? null
  const findings = report.findings.map(({ kind, subject, detail }) => ({
    ...{ kind, subject, detail },
    severities: SEVERITIES.map((_severity, reopened) => decideResponse(rules, kind, reopened).severity),
    asks: decideResponse(rules, kind).action === 'ask',
  }))
  // By the system's own clock: a demonstration's can be moved, and when something was found must not.
  const values = [report.finder, report.scope, report.complete, JSON.stringify(findings), Date.now()]
  const told = database.pool.query<{ raised: number; closed: number; reopened: number; epoch: number | null }>(
    'select raised, closed, reopened, epoch from install.report($1, $2, $3, $4, $5)',
    values,
  )
  const row = await within(told).then(
    ({ rows }) => rows[0],
    async (error: unknown) => {
      // Fails closed: it may be written down later, and it locks now.
      const grave = findings.find(({ asks }) => !asks)
      if (grave !== undefined) await lockProgramme(database, `An exposure was found: ${grave.kind}.`)
      throw error
    },
  )
  if (row === undefined) return { raised: 0, closed: 0, reopened: 0, locked: false }
  const { epoch, ...counts } = row
  if (epoch !== null) {
    await announceLock(database)
    void logLock(database, 'An exposure was found.', epoch)
  }
  return { ...counts, locked: epoch !== null }
}

export interface DueProbe {
  readonly kind: ExposureKind
  readonly subject: string
  readonly scope: string
  readonly state: 'open' | 'contained' | 'closed' | 'false-alarm'
  /** Negative if it should have been looked at already. */
  readonly dueInMs: number
}

/** What this process's role has to look at again, soonest first: every second until closed, then 2 s, 4 s … 1 h. */
export async function dueProbes(database: OpenDatabase, finder: string): Promise<readonly DueProbe[]> {
  const { rows } = await database.pool.query<Omit<DueProbe, 'dueInMs'> & { due_in_ms: number }>(
    'select kind, subject, scope, state, due_in_ms from install.probes($1)',
    [finder],
  )
  return rows
    .filter(({ kind }) => EXPOSURE_KINDS.includes(kind))
    .map(({ due_in_ms: dueInMs, ...probe }) => ({ ...probe, dueInMs }))
}

/** A database that hangs must not hang the finder with it. */
function within<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined)
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${LOCK_MS_MAX} ms`)), LOCK_MS_MAX)
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer))
}
