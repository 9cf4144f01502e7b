/**
 * The closed list of names that a release can hold: the apps, labels and tasks of the charter in force, by number.
 *
 * What the charter doesn't list has no number, so it can't be written down: a recording made under an older, wider charter
 * loses what the present one no longer allows.
 */
import type { Charter } from '@fairtrace/core'

/** Fits the 16 bits of a coded field; the charter's own bounds (200 apps, 1,000 tasks) stay far below. */
export const ABSENT = -1

export interface Vocabulary {
  /** Index 0 is the app that a source could not name. */
  readonly apps: readonly string[]
  readonly appIds: ReadonlyMap<string, number>
  /** For each app the numbers of its labels, from 0. */
  readonly labelIds: readonly ReadonlyMap<string, number>[]
  /** All labels in one list: label `l` of app `a` stands at `labelOffsets[a] + l`. */
  readonly labels: readonly string[]
  readonly labelOffsets: readonly number[]
  readonly tasks: readonly { readonly id: string; readonly instruction: string }[]
  readonly taskIds: ReadonlyMap<string, number>
}

export const UNNAMED_APP = 0

export function vocabularyOf(charter: Charter): Vocabulary {
  const listed = charter.capture.apps
  const catalogue = charter.shield.labels === 'catalogue'
  const labelIds: Map<string, number>[] = [new Map()]
  const labels: string[] = []
  const labelOffsets = [0]
  for (const app of listed) {
    const names = catalogue ? [...new Set(app.labels)] : []
    labelIds.push(new Map(names.map((label, i) => [label, i])))
    labelOffsets.push(labels.length)
    labels.push(...names)
  }
  return {
    apps: ['', ...listed.map((app) => app.id)],
    appIds: new Map(listed.map((app, i) => [app.id, i + 1])),
    labelIds,
    labels,
    labelOffsets,
    tasks: charter.capture.tasks,
    taskIds: new Map(charter.capture.tasks.map((task, i) => [task.id, i])),
  }
}
