/**
 * What the builder takes out of segments before they are attacked: apps, labels, tasks and endings of fewer than `k` people, then
 * what anybody has too much of.
 *
 * A type is `typeActions` actions in a row, each by app, kind, role of its target, key, shortcut, and kind and length of text.
 * Where somebody has more of it than they may, their segment is cut before the occurrence's last action; a single action goes.
 */
import { type CapSettings, capType, type ReleasedAction, type Target } from '@fairtrace/core'
import type { Random } from '../random.ts'
import type { CutSegment } from './cut-segments.ts'

export interface SegmentProtection extends CapSettings {
  readonly typeActions: number
}

export function protectSegments(
  segments: readonly CutSegment[],
  protection: SegmentProtection,
  random: Random,
): CutSegment[] {
  return capSegments(anonymous(segments, protection.k), protection, random)
}

/** Nothing that fewer than `k` people used. */
export function anonymous(segments: readonly CutSegment[], k: number): CutSegment[] {
  const people = new Map<string, Set<number>>()
  const see = (person: number, ...name: readonly (string | null)[]) => {
    const key = JSON.stringify(name)
    const own = people.get(key) ?? new Set()
    people.set(key, own.add(person))
  }
  for (const { person, app, task, outcome, actions } of segments) {
    see(person, 'app', app)
    see(person, 'task', app, task)
    see(person, 'outcome', app, task, outcome)
    for (const action of actions) for (const label of labelsOf(action)) see(person, 'label', app, label)
  }
  const isCommon = (...name: readonly (string | null)[]) => (people.get(JSON.stringify(name))?.size ?? 0) >= k
  return segments.flatMap((segment) => {
    const { app } = segment
    if (!isCommon('app', app)) return []
    const task = isCommon('task', app, segment.task) ? segment.task : null
    const outcome = task === segment.task && isCommon('outcome', app, task, segment.outcome) ? segment.outcome : null
    const actions = segment.actions.map((action) => withoutLabels(action, (label) => isCommon('label', app, label)))
    return [{ ...segment, task, outcome, actions }]
  })
}

function capSegments(segments: readonly CutSegment[], settings: SegmentProtection, random: Random): CutSegment[] {
  const ids = new Map<string, number>()
  let pieces = random.shuffle(
    segments.map((segment): Piece => ({ segment, types: typesOf(segment, ids), from: 0, end: segment.actions.length })),
  )
  // A cut makes shorter types of what is left and lowers other totals: everything is counted anew until nothing is cut.
  for (;;) {
    const allowed = allowedOf(pieces, settings)
    const next = pieces.flatMap((piece) => cutPiece(piece, settings.typeActions, allowed))
    if (next.length === pieces.length && next.every((piece, i) => piece === pieces[i])) break
    pieces = next
  }
  return pieces.map(({ segment, from, end }) => ({
    ...segment,
    actions: segment.actions.slice(from, end),
    outcome: end === segment.actions.length ? segment.outcome : null,
  }))
}

/** Actions `[from, end)` of a segment; `types` of all of its actions. */
interface Piece {
  readonly segment: CutSegment
  readonly types: readonly number[]
  readonly from: number
  readonly end: number
}

/** By type and person, how many may still be kept. */
type Allowed = ReadonlyMap<string, Map<number, number>>

function allowedOf(pieces: readonly Piece[], settings: SegmentProtection): Allowed {
  const counts = new Map<string, Map<number, number>>()
  for (const piece of pieces) {
    const { person } = piece.segment
    for (const type of runsOf(piece, settings.typeActions)) {
      const own = counts.get(type) ?? new Map<number, number>()
      counts.set(type, own.set(person, (own.get(person) ?? 0) + 1))
    }
  }
  return new Map([...counts].map(([type, own]) => [type, capType(own, NOBODY, settings)]))
}

const NOBODY: ReadonlyMap<number, number> = new Map()

/** The piece itself where nothing of it is too much. */
function cutPiece(piece: Piece, typeActions: number, allowed: Allowed): Piece[] {
  const size = Math.min(typeActions, piece.end - piece.from)
  const whole: Piece[] = []
  let { from } = piece
  for (let at = from; at + size <= piece.end; at++) {
    const own = allowed.get(runAt(piece, at, size))
    const left = own?.get(piece.segment.person) ?? 0
    if (left > 0) {
      own?.set(piece.segment.person, left - 1)
      continue
    }
    const cut = at + size - 1
    if (cut > from) whole.push({ ...piece, from, end: cut })
    from = size === 1 ? cut + 1 : cut
    at = from - 1
  }
  if (from === piece.from) return [piece]
  return from < piece.end ? [...whole, { ...piece, from }] : whole
}

function runsOf(piece: Piece, typeActions: number): string[] {
  const size = Math.min(typeActions, piece.end - piece.from)
  return Array.from({ length: piece.end - piece.from - size + 1 }, (_, i) => runAt(piece, piece.from + i, size))
}

function runAt({ types }: Piece, at: number, size: number): string {
  return types.slice(at, at + size).join(' ')
}

function typesOf({ app, actions }: CutSegment, ids: Map<string, number>): number[] {
  return actions.map((action) => {
    const name = `${app}\n${typeName(action)}`
    const id = ids.get(name) ?? ids.size
    ids.set(name, id)
    return id
  })
}

function typeName(action: ReleasedAction): string {
  switch (action.kind) {
    case 'press':
      return `press ${action.key}`
    case 'hotkey':
      return `hotkey ${action.keys.join('+')}`
    case 'type':
      return `type ${action.text} ${action.length}`
    case 'drag':
      return `drag ${roleOf(action.from)} ${roleOf(action.to)}`
    default:
      return `${action.kind} ${roleOf(action.target)}`
  }
}

function roleOf(target: Target): string {
  return 'role' in target ? target.role : 'place'
}

function labelsOf(action: ReleasedAction): string[] {
  const targets = action.kind === 'drag' ? [action.from, action.to] : 'target' in action ? [action.target] : []
  return targets.flatMap((target) => ('role' in target && target.label !== undefined ? [target.label] : []))
}

function withoutLabels(action: ReleasedAction, isCommon: (label: string) => boolean): ReleasedAction {
  const clean = (target: Target): Target => {
    if (!('role' in target) || target.label === undefined || isCommon(target.label)) return target
    return { role: target.role, box: target.box }
  }
  if (action.kind === 'drag') return { ...action, from: clean(action.from), to: clean(action.to) }
  return 'target' in action ? { ...action, target: clean(action.target) } : action
}
