/**
 * Exposure: someone can read, or a process does, more than the charter says. What kinds there are, how grave each is, and
 * what follows from it. The charter may make a kind graver or lighter, and may say that a person is asked before everything locks.
 */

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

/** Closed: each has its own sentence where exposures are shown. A new one is added here, with how grave it is by itself. */
export const EXPOSURE_SEVERITY = {
  /** A stored object is missing, shorter, longer, or not the bytes that were written. */
  'object-damaged': 'high',
  /** An object lies in the store and no row names it. */
  'object-unnamed': 'medium',
  /** A chunk does not open as what its row says: swapped, changed, or another person's. */
  'chunk-damaged': 'high',
  /** Rows of the vault's index are not what the vault wrote. */
  'index-changed': 'high',
  /** Segments that the vault wrote are gone from its index, or came back to it. */
  'index-rolled-back': 'critical',
  /** A witness has seen more of the ledger than this installation holds, and shows it: a backup was restored. */
  'ledger-rolled-back': 'critical',
  /** Epoch, charter or log are older than what the keeper has seen: a backup was restored. */
  'state-rolled-back': 'critical',
  /** A witness has seen another history of the ledger, under this ledger's signature. */
  'ledger-split': 'critical',
  /** Somebody whom the charter doesn't name can read a surface: a table, a file, a bucket, a key. */
  'reader-unexpected': 'critical',
  /** A group of the audience has more members than the charter allows. */
  'audience-too-large': 'critical',
  /** A guard of a surface is off or changed: row-level security, ownership, a policy, `pg_hba`. */
  'guard-changed': 'critical',
  /** An HTTP route answered a credential that it must refuse. */
  'route-open': 'critical',
  /** A honey participant's data, or something made of it, was seen where it must not be. */
  'marker-seen': 'critical',
  /** A place holds bytes of ours, or a schema that looks like ours. */
  'copy-found': 'critical',
  /** Keys were opened without a live grant. */
  'opening-without-grant': 'critical',
  /** More was opened than the grant reaches. */
  'opening-beyond-grant': 'high',
  /** A process holds a connection, a file or a key that its role should not. */
  'process-holds-more': 'high',
  /** Sentinel or scanner is silent: crashed, hung, cut off or switched off. */
  'watch-silent': 'critical',
  /** Something captured is finer than the charter allows: the code has drifted from what was reviewed. */
  'capture-beyond-charter': 'critical',
  /** A process runs a build that the charter does not list. */
  'build-unreviewed': 'critical',
  /** A row of the access table decided something that no signature backs. */
  'rows-forged': 'critical',
} as const satisfies Readonly<Record<string, Severity>>
export type ExposureKind = keyof typeof EXPOSURE_SEVERITY
export const EXPOSURE_KINDS = Object.keys(EXPOSURE_SEVERITY) as readonly ExposureKind[]

/** What a charter says about it, as far as it decides here. */
export interface ExposureRules {
  readonly severity: Readonly<Partial<Record<ExposureKind, Severity>>>
  /** Kinds where a person is asked first; all others lock at once. */
  readonly askFirst: readonly ExposureKind[]
}

export interface ExposureResponse {
  readonly severity: Severity
  readonly action: 'lock' | 'ask'
}

/**
 * What follows from a finding. Without a charter everything is critical and locks.
 * @param reopened how often this exposure came back after it counted as closed; once is enough to lock, whatever the charter says
 */
export function decideResponse(rules: ExposureRules | null, kind: ExposureKind, reopened = 0): ExposureResponse {
  const given = rules?.severity[kind] ?? (rules === null ? 'critical' : EXPOSURE_SEVERITY[kind])
  const severity = SEVERITIES[Math.min(SEVERITIES.length - 1, SEVERITIES.indexOf(given) + reopened)] ?? 'critical'
  const isAsked = rules?.askFirst.includes(kind) === true && reopened === 0
  return { severity, action: isAsked ? 'ask' : 'lock' }
}
