/** Types texts into a shield, key by key, and counts how often the kind that leaves is the true one. */
import { type Action, createShield, defaultShieldSettings, type InputEvent, type TextKind } from '@fairtrace/core'
import { TYPED_KINDS } from './typed-kind.ts'
import type { TypedText } from './typed-texts.ts'

const APP = 'desktop:form'

interface KindRow {
  readonly kind: string
  readonly texts: number
  readonly right: number
  /** Kinds that it was taken for instead, the most frequent first. */
  readonly mistakenFor: readonly TextKind[]
}

export interface KindAccuracy {
  readonly texts: number
  readonly right: number
  readonly rows: readonly KindRow[]
}

export interface Mistake extends TypedText {
  readonly seen: TextKind | null
}

/** @param onMistake hears of each text whose kind was not seen */
export function kindAccuracy(texts: Iterable<TypedText>, onMistake?: (mistake: Mistake) => void): KindAccuracy {
  const counts = new Map(TYPED_KINDS.map((kind) => [kind, { texts: 0, right: 0, seen: new Map<TextKind, number>() }]))
  for (const text of texts) {
    const count = counts.get(text.kind as (typeof TYPED_KINDS)[number])
    if (count === undefined) throw new RangeError('a text of a kind that is not measured')
    const seen = kindSeen(text)
    count.texts++
    if (seen === text.kind) count.right++
    else {
      if (seen !== null) count.seen.set(seen, (count.seen.get(seen) ?? 0) + 1)
      onMistake?.({ ...text, seen })
    }
  }
  const rows = [...counts].map(([kind, { texts: all, right, seen }]) => ({
    kind,
    texts: all,
    right,
    mistakenFor: [...seen].toSorted(([, a], [, b]) => b - a).map(([other]) => other),
  }))
  return {
    texts: rows.reduce((sum, row) => sum + row.texts, 0),
    right: rows.reduce((sum, row) => sum + row.right, 0),
    rows,
  }
}

/** The kind that leaves; null if the text made no action, or more than one. */
function kindSeen({ text, field }: TypedText): TextKind | null {
  const shield = createShield(defaultShieldSettings([APP]))
  const out: Action[] = []
  shield.push({ kind: 'focus', atMs: 0, app: APP, field }, out)
  for (const event of strokes(text)) shield.push(event, out)
  shield.end(out)
  const typed = out.filter((action) => action.kind === 'type')
  return typed.length === 1 && out.length === 2 ? (typed[0]?.text ?? null) : null
}

function* strokes(text: string): Generator<InputEvent> {
  for (const key of text) {
    yield { kind: 'key', atMs: 0, key, down: true }
    yield { kind: 'key', atMs: 0, key, down: false }
  }
}

/** The tables of `docs/what-leaves.md`. */
export function accuracyTable(parts: readonly (readonly [name: string, accuracy: KindAccuracy])[]): string {
  const head = `| kind of text | ${parts.map(([name]) => name).join(' | ')} | taken for instead |`
  const kinds = parts[0]?.[1].rows.map(({ kind }) => kind) ?? []
  const body = kinds.map((kind) => {
    const rows = parts.map(([, accuracy]) => accuracy.rows.find((row) => row.kind === kind))
    const others = new Set(rows.flatMap((row) => row?.mistakenFor ?? []))
    return `| ${kind} | ${rows.map((row) => share(row)).join(' | ')} | ${[...others].join(', ')} |`
  })
  const all = `| **all** | ${parts.map(([, accuracy]) => `**${share(accuracy)}**`).join(' | ')} | |`
  return [head, `| --- |${parts.map(() => ' ---: |').join('')} --- |`, ...body, all].join('\n')
}

function share(counts: { readonly texts: number; readonly right: number } | undefined): string {
  if (counts === undefined || counts.texts === 0) return ''
  return `${(Math.floor((1_000 * counts.right) / counts.texts) / 10).toFixed(1)} %`
}
