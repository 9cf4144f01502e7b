/**
 * The effective audience: who can read, or change, what, and through which path, as it was observed; and what was declared.
 *
 * Declared comes from the charter and from the schema's own rights; observed, from looking at the surface itself. What was
 * observed and not declared is an exposure. So is a guard (a flag, a policy, a mode, an owner) that is not as it was declared.
 */
import { z } from 'zod'

/** Where somebody could read. Closed: a new one is looked at by the sentinel, or it isn't there. */
export const SURFACES = ['policies', 'database', 'files', 'buckets', 'keys', 'routes'] as const
export type Surface = (typeof SURFACES)[number]

/** One way in. All texts are shown to people: names that others chose are `printableName`s. */
export interface Reader {
  /** A role, a group, an account of the operating system, "anybody". */
  readonly who: string
  /** What they can do, with what: `select on table vault.chunks`. */
  readonly what: string
  /** By what right: `grant`, `owner`, `grant to PUBLIC`, the id of a policy. */
  readonly through: string
}

export interface AudienceRow extends Reader {
  readonly expected: boolean
  /** Since when it was observed like this, Unix ms. */
  readonly sinceMs: number
}

/** Something that keeps readers out, and how it stands. */
export interface Guard {
  /** `table ledger.inbox`, `policy own on ledger.inbox`, `file secrets/vault.json`. */
  readonly subject: string
  readonly state: string
}

/** A guard that isn't as it was declared. `null`: not declared, or no longer there. */
export interface ChangedGuard {
  readonly subject: string
  readonly declared: string | null
  readonly observed: string | null
}

const rowSchema = z.object({
  who: z.string(),
  what: z.string(),
  through: z.string(),
  expected: z.boolean(),
  sinceMs: z.int(),
})

/** What the sentinel last saw of one surface. */
export const surfaceReadingSchema = z.object({
  surface: z.enum(SURFACES),
  /** When it was last looked at, Unix ms; whether that worked says `unread`. */
  seenAtMs: z.int(),
  /** Why it could not be read; null if it was. */
  unread: z.string().nullable(),
  rows: z.array(rowSchema),
  /** Parts of it that nobody can see from here, each in a sentence. */
  notShown: z.array(z.string()),
})
export type SurfaceReading = z.infer<typeof surfaceReadingSchema>

/**
 * Which of the observed readers were declared, and since when each stands there.
 *
 * Exact: a reader was declared by who, what and through together. Somebody who may read through a grant and now does as owner is a
 * reader that nobody declared.
 * @param before the rows of the last look, for `sinceMs`
 */
export function compareReaders(
  declared: Iterable<Reader>,
  observed: Iterable<Reader>,
  before: readonly AudienceRow[],
  nowMs: number,
): readonly AudienceRow[] {
  const isDeclared = new Set<string>()
  for (const reader of declared) isDeclared.add(readerKey(reader))
  const since = new Map(before.map((row) => [readerKey(row) + row.expected, row.sinceMs]))
  const rows = new Map<string, AudienceRow>()
  for (const { who, what, through } of observed) {
    const key = readerKey({ who, what, through })
    const expected = isDeclared.has(key)
    rows.set(key, { who, what, through, expected, sinceMs: since.get(key + expected) ?? nowMs })
  }
  return [...rows.values()]
}

/** Guards that are gone, new, or not as they were declared. A guard that nobody declared is one that somebody put there. */
export function compareGuards(declared: Iterable<Guard>, observed: Iterable<Guard>): readonly ChangedGuard[] {
  const wanted = new Map<string, string>()
  for (const { subject, state } of declared) wanted.set(subject, state)
  const changed: ChangedGuard[] = []
  const seen = new Set<string>()
  for (const { subject, state } of observed) {
    seen.add(subject)
    const before = wanted.get(subject) ?? null
    if (before !== state) changed.push({ subject, declared: before, observed: state })
  }
  for (const [subject, state] of wanted) {
    if (!seen.has(subject)) changed.push({ subject, declared: state, observed: null })
  }
  return changed
}

export function readerKey({ who, what, through }: Reader): string {
  return JSON.stringify([who, what, through])
}

/**
 * A name that somebody else chose, so that it can stand in a line of text: plain names as they are, all others in quotes with
 * everything but printable ASCII escaped. No two names look the same, and none can pretend to be a line, a column or another name.
 */
export function printableName(name: string): string {
  if (/^[a-z_][a-z0-9_$]*$/.test(name)) return name
  const escaped = [...name].map((character) => {
    if (character === '"' || character === '\\') return `\\${character}`
    const code = character.codePointAt(0) ?? 0
    return code >= 0x20 && code <= 0x7e ? character : `\\u{${code.toString(16)}}`
  })
  return `"${escaped.join('')}"`
}
