/** A catalogue of labels in the making: what was seen, what stays, what is left out and why; as YAML and as JSON. */
import type { AppId } from '@fairtrace/core'
import { stringify } from 'yaml'
import { judgeLabel, type LeftOutReason, REASONS } from './judge-label.ts'

/** As many as a charter may list for one app. */
const LABELS_MAX = 2_000

export interface SeenLabel {
  readonly role: string
  readonly label: string
}

export interface Catalogue {
  readonly app: AppId
  readonly title: string
  /** In alphabetical order; `roles` are those that it was seen with. */
  readonly labels: readonly CatalogueLabel[]
  readonly leftOut: readonly (CatalogueLabel & { readonly reason: LeftOutReason })[]
}

interface CatalogueLabel {
  readonly label: string
  readonly roles: readonly string[]
}

export function makeCatalogue(app: AppId, title: string, seen: Iterable<SeenLabel>): Catalogue {
  const roles = new Map<string, Set<string>>()
  for (const { label, role } of seen) roles.set(label, (roles.get(label) ?? new Set()).add(role))
  const all = [...roles]
    .map(([label, of]) => ({ label, roles: [...of].toSorted() }))
    .toSorted((a, b) => (a.label < b.label ? -1 : 1))
  const leftOut = all.flatMap((entry) => {
    const reason = judgeLabel(entry.label)
    return reason === null ? [] : [{ ...entry, reason }]
  })
  const names = new Set(leftOut.map(({ label }) => label))
  return { app, title, labels: all.filter(({ label }) => !names.has(label)), leftOut }
}

/** An entry for the charter's `capture.apps`; what was left out stands below it in comments. */
export function catalogueYaml({ app, title, labels, leftOut }: Catalogue): string {
  const lines = [
    '# For `capture.apps` of the charter. A label that stands here may leave a device: read every line, and take out what is not',
    '# text of the interface. Taken from an account that holds nobody’s data?',
    stringify([{ id: app, title, labels: labels.map(({ label }) => label) }], { lineWidth: 0 }).trimEnd(),
  ]
  if (leftOut.length > 0) {
    lines.push('', '# Left out. Put a line back by hand if it is text of the interface all the same.')
    for (const { label, reason, roles } of leftOut) {
      lines.push(`#     - ${JSON.stringify(label)}   # ${roles.join(', ')}: ${REASONS[reason]}`)
    }
  }
  if (labels.length > LABELS_MAX)
    lines.push('', `# ${labels.length} labels: a charter lists at most ${LABELS_MAX} for an app.`)
  return `${lines.join('\n')}\n`
}
