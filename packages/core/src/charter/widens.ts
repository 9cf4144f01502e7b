/**
 * The order of charters. `widens(old, next)` is empty exactly when `next` gives nobody more data, readers or time, and no
 * weaker threshold; charters so ordered that each widens neither way are the same but for neutral words.
 *
 * Pure, and the only place where a change is judged: approvals, fresh consent, leases and releases all follow from it.
 */
import { type Charter, sentCharterSchema } from './charter-schema.ts'
import { durationText } from './duration.ts'
import { FIELD_RULES, type FieldRule, LIST_NAMES } from './field-rules.ts'

export interface CharterChange {
  /** As `capture.apps[desktop:mail].labels`. */
  readonly field: string
  readonly effect: 'widens' | 'narrows' | 'neutral'
  /** Whom it concerns, in plain words. */
  readonly who: string
  readonly before: string
  readonly after: string
  /** Whether it governs what was stored before. */
  readonly bindsUse: boolean
}

export type Widening = Pick<CharterChange, 'field' | 'who' | 'before' | 'after'>

/** In what `next` gives anybody more than `old`; empty for a narrowing and for an equal charter. */
export function widens(old: Charter, next: Charter): readonly Widening[] {
  return compareCharters(old, next)
    .filter(({ effect }) => effect === 'widens')
    .map(({ field, who, before, after }) => ({ field, who, before, after }))
}

/** Whether recordings made under `old` may not be used under `next`: it gives readers more than their people agreed to. */
export function widensUse(old: Charter, next: Charter): boolean {
  return compareCharters(old, next).some(({ effect, bindsUse }) => bindsUse && effect === 'widens')
}

/** Every field that changed, in the order of the table. */
export function compareCharters(old: Charter, next: Charter): readonly CharterChange[] {
  return Object.entries(FIELD_RULES).flatMap(([path, fieldRule]) =>
    pairsAt(path, old, next).flatMap(({ field, before, after }) => changeOf(field, fieldRule, before, after)),
  )
}

/**
 * What people are held to who agreed to `old` while `next` is in force: `old`, and narrower wherever `next` is narrower. A
 * field that can't be compared stays as they agreed to it.
 * @returns null if that leaves no charter: nothing may be captured from them until they choose again
 */
export function narrowedBy(old: Charter, next: Charter): Charter | null {
  const narrowed = structuredClone(old) as unknown
  for (const [path, { rule }] of Object.entries(FIELD_RULES)) {
    const { list, name, field } = partsOf(path)
    if (list === null) {
      write(narrowed, path, rule.narrower(read(old, path), read(next, path)))
      continue
    }
    const entries = entriesOf(narrowed, list)
    const others = new Map(entriesOf(next, list).map((entry) => [entry[name], entry]))
    if (field === name) {
      write(
        narrowed,
        list,
        entries.filter((entry) => others.has(entry[name])),
      )
      continue
    }
    for (const entry of entries) {
      const other = others.get(entry[name])
      if (other !== undefined) entry[field] = rule.narrower(entry[field], other[field])
    }
  }
  // Nothing left of a list that may not be empty, or a day that ends before it begins: then there are no terms at all.
  const parsed = sentCharterSchema.safeParse(narrowed)
  return parsed.success ? parsed.data : null
}

/** A charter as text that parses to the same value, for terms that nobody wrote by hand. JSON, which YAML contains. */
export function charterText(charter: Charter): string {
  const written = structuredClone(charter) as unknown
  for (const [path, { rule }] of Object.entries(FIELD_RULES)) {
    if (rule.isDuration !== true) continue
    const { list, field } = partsOf(path)
    if (list === null) write(written, path, durationText(Number(read(written, path))))
    else for (const entry of entriesOf(written, list)) entry[field] = durationText(Number(entry[field]))
  }
  return `${JSON.stringify(written, null, 2)}\n`
}

function changeOf(field: string, { rule, who, bindsUse }: FieldRule, before: unknown, after: unknown): CharterChange[] {
  const facts = { field, who, before: rule.show(before), after: rule.show(after), bindsUse: bindsUse === true }
  if (rule.isNeutral === true) return before === after ? [] : [{ ...facts, effect: 'neutral' }]
  const comparison = rule.compare(before, after)
  if (comparison === 'equal') return []
  return [{ ...facts, effect: comparison === 'less' ? 'narrows' : 'widens' }]
}

interface Pair {
  readonly field: string
  readonly before: unknown
  readonly after: unknown
}

/** The values to compare for one line of the table; several for a field of a list. */
function pairsAt(path: string, old: Charter, next: Charter): readonly Pair[] {
  const { list, name, field } = partsOf(path)
  if (list === null) return [{ field: path, before: read(old, path), after: read(next, path) }]
  const [before, after] = [entriesOf(old, list), entriesOf(next, list)]
  const names = (entries: readonly Entry[]) => entries.map((entry) => entry[name])
  if (field === name) return [{ field: list, before: names(before), after: names(after) }]
  return before.flatMap((entry) => {
    const other = after.find((candidate) => candidate[name] === entry[name])
    if (other === undefined) return []
    return [{ field: `${list}[${String(entry[name])}].${field}`, before: entry[field], after: other[field] }]
  })
}

function partsOf(path: string): { list: string | null; name: string; field: string } {
  const [list, field] = path.split('[].')
  if (list === undefined || field === undefined) return { list: null, name: '', field: path }
  return { list, name: LIST_NAMES[list] ?? '', field }
}

type Entry = Record<string, unknown>

function read(root: unknown, path: string): unknown {
  return path.split('.').reduce((value: unknown, step) => (isEntry(value) ? value[step] : undefined), root)
}

function write(root: unknown, path: string, value: unknown): void {
  const steps = path.split('.')
  const last = steps.pop() ?? ''
  const parent = steps.length === 0 ? root : read(root, steps.join('.'))
  if (!isEntry(parent)) return
  // What a charter leaves out stays left out.
  if (value === undefined) delete parent[last]
  else parent[last] = value
}

function entriesOf(root: unknown, list: string): readonly Entry[] {
  const value = read(root, list)
  return Array.isArray(value) ? value.filter(isEntry) : []
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null
}
