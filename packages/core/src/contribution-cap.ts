/**
 * The contribution cap: nobody owns more than a share of any released segment type, over all releases.
 *
 * If at most the share `p` of the segments of a type is one person's, then whoever sees one of them and knows nothing else is right
 * about whose it is with a chance of at most `p`, whatever the guess: `docs/privacy.md` says so at length, and where it ends.
 */

export interface CapSettings {
  /** The share `p`, above 0 and at most 1. */
  readonly shareMax: number
  /** Types of fewer distinct people than this are not released. */
  readonly k: number
}

/** How many segments of one type each person may release at most: as many as possible, and all bounds hold. */
export function capType(
  counts: ReadonlyMap<number, number>,
  previous: ReadonlyMap<number, number>,
  { shareMax, k }: CapSettings,
): Map<number, number> {
  let before = 0
  for (const count of previous.values()) before += count
  const kept = new Map(counts)
  for (;;) {
    let total = 0
    for (const count of kept.values()) total += count
    let changed = false
    for (const [person, count] of kept) {
      // The release alone must hold too: an earlier one may be told apart from it.
      const alone = Math.floor(shareMax * total + ROUNDING)
      const joined = Math.floor(shareMax * (total + before) + ROUNDING) - (previous.get(person) ?? 0)
      const most = Math.max(0, Math.min(alone, joined))
      if (count <= most) continue
      if (most === 0) kept.delete(person)
      else kept.set(person, most)
      changed = true
    }
    if (kept.size < k) return new Map()
    // What is left only shrinks, and holds all bounds when it no longer does: the largest such counts.
    if (!changed) return kept
  }
}

/** A share of a count must not miss a whole number by the last digit. */
const ROUNDING = 1e-9

export interface CapCandidate {
  readonly person: number
  /** Its type: the run of actions that it is, as text or number. */
  readonly type: string
}

/**
 * Which of `segments` may be released, in their order: the first ones of each person and type, so shuffle before with the release's seed.
 * @param previous by type, how many segments of each person earlier releases of the programme hold
 */
export function capContributions<Segment extends CapCandidate>(
  segments: readonly Segment[],
  settings: CapSettings,
  previous: ReadonlyMap<string, ReadonlyMap<number, number>> = new Map(),
): Segment[] {
  const counts = new Map<string, Map<number, number>>()
  for (const { person, type } of segments) {
    const own = counts.get(type) ?? new Map<number, number>()
    own.set(person, (own.get(person) ?? 0) + 1)
    counts.set(type, own)
  }
  const left = new Map([...counts].map(([type, own]) => [type, capType(own, previous.get(type) ?? NOBODY, settings)]))
  return segments.filter(({ person, type }) => {
    const own = left.get(type)
    const count = own?.get(person) ?? 0
    if (count > 0) own?.set(person, count - 1)
    return count > 0
  })
}

const NOBODY: ReadonlyMap<number, number> = new Map()
