/** From what was seen in an item to what is wrong with it. Ids and content stay here; what leaves are counts and a commitment. */
import { createHash } from 'node:crypto'
import type { Finding } from '../../runtime/exposures.ts'
import { isClean } from './content-scan.ts'
import { likeness } from './fingerprints.ts'
import type { ItemResult } from './item.ts'
import type { SweepKnowledge } from './knowledge.ts'
import { shownName } from './places.ts'

/** Of one place; more become one finding that says how many. */
export const FINDINGS_MAX = 50

export function findingsOf(
  place: string,
  item: string,
  { hits, shapes }: ItemResult,
  knowledge: SweepKnowledge,
  looksAtShapes: boolean,
): readonly Finding[] {
  const subject = subjectOf(place, item)
  const found: Finding[] = []
  if (hits !== null && !isClean(hits)) {
    const ids = [...new Set(hits.markers.flatMap((marker) => knowledge.idOf[marker] ?? []))]
    if (ids.length > 0 || hits.actionBits > 0) {
      const detail = { ids: ids.length, actionBits: hits.actionBits, commitment: knowledge.commitment(ids) }
      found.push({ kind: 'marker-seen', subject, detail })
    }
    // In a folder that everybody shares, a device's own outbox may lie.
    const hasBatch = hits.hasBatch && looksAtShapes
    if (hits.pieces.length > 0 || hits.isWholeCopy || hasBatch) {
      const detail = { what: 'ciphertext', pieces: hits.pieces.length, whole: hits.isWholeCopy, batch: hasBatch }
      found.push({ kind: 'copy-found', subject, detail })
    }
  }
  if (looksAtShapes && !found.some(({ kind }) => kind === 'copy-found')) {
    const alike = shapes.flatMap((shape) => likeness(knowledge.shapes, shape) ?? [])
    const best = alike.toSorted((a, b) => b.similarity - a.similarity)[0]
    if (best !== undefined) {
      const detail = {
        what: 'schema',
        like: best.table,
        by: best.by,
        similarity: Math.round(best.similarity * 100) / 100,
      }
      found.push({ kind: 'copy-found', subject, detail })
    }
  }
  return found
}

/** Bounded, and two long names stay two. */
export function subjectOf(place: string, item: string): string {
  const shown = shownName(item)
  if (shown === item) return `place ${place}: ${item}`
  return `place ${place}: ${shown} #${createHash('sha256').update(item).digest('base64url').slice(0, 12)}`
}

/** What is handed over of a place: each finding, or one for each kind if there are very many. */
export function summarised(place: string, all: readonly Finding[]): readonly Finding[] {
  if (all.length <= FINDINGS_MAX) return all
  return [...Map.groupBy(all, ({ kind }) => kind)].map(([kind, own]) => ({
    kind,
    subject: `place ${place}`,
    detail: { items: own.length, first: own[0]?.subject ?? '' },
  }))
}
