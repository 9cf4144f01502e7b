/**
 * The contribution cap over a sample (`capType` in core): nobody owns more than a share of any type that is in the release.
 *
 * A *type* is `typeActions` actions in a row, each by app, kind, and what its kind is told apart by (`typeCode`); a segment that is
 * shorter is a type of its own. Every place where a type occurs counts once for its person. Where somebody has more than they may, their segment is cut
 * before the last action of the occurrence, which breaks up as many of those that follow as one cut can; a single action that is
 * too many goes. A cut takes neighbouring occurrences along, makes shorter types of what is left, and lowers other totals;
 * therefore who lost something is counted anew until nothing has to go.
 *
 * Which occurrences go is decided by chance that depends on their person alone, and shares don't depend on the order of people:
 * so nothing does. Holds 5 bytes an action, 8 a segment and 12 for each person and type.
 */
import { capType, LENGTH_CLASSES, NAMED_KEYS, ROLES, TEXT_KINDS } from '@fairtrace/core'
import { grownTo, Types } from './cap-types.ts'
import { FIELD, FIELDS, KINDS, TARGET_FIELD } from './coded-action.ts'
import type { Segment } from './episodes.ts'
import { ABSENT } from './vocabulary.ts'

export interface CapRules {
  readonly shareMax: number
  readonly typeActions: number
  readonly k: number
}

/** What earlier releases hold of a type, by person; people who are in no later release have numbers of their own, below 0. */
export type Earlier = (codes: readonly number[]) => ReadonlyMap<number, number>

export interface Capped {
  /** Pieces of a segment as `[from, to)` in actions, by the order in which segments were added; none if nothing of it is left. */
  piecesOf(segment: number): readonly (readonly [number, number])[]
  /** The largest share that anybody has of any type in it: the bound on what an attacker may believe who sees one type. */
  readonly bound: number
  readonly offered: number
  readonly kept: number
  readonly types: number
  /** How often each person has each type, by the number of the type. */
  contributions(): Generator<{ readonly person: number; readonly type: number; readonly count: number }>
  codesOf(type: number): readonly number[]
}

/** A target's place without a role: a cell of the grid, or none at all. */
const TARGETS = [...ROLES, 'place', 'nothing'] as const
const PLACE = ROLES.length
const NOTHING = ROLES.length + 1

/**
 * An action as a type has it, in 32 bits: app and kind above, the detail of 16 bits below. The charter's 200 apps fit.
 *
 * The detail is what rare habits show in: a press by its key, a shortcut by its keys, typing by kind and length of the text, all
 * others by role of the target, or that it is but a place; a drag by both its ends. Never by label or position.
 */
export function typeCode(app: number, actions: Int16Array, at: number): number {
  const kind = actions[at] ?? 0
  return (app * KINDS.length + kind) * 65_536 + detailOf(KINDS[kind], actions, at)
}

function detailOf(kind: (typeof KINDS)[number] | undefined, actions: Int16Array, at: number): number {
  switch (kind) {
    case 'press':
      return actions[at + FIELD.key] ?? 0
    case 'hotkey':
      return actions[at + FIELD.keys] ?? 0
    case 'type':
      return (actions[at + FIELD.text] ?? 0) * LENGTH_CLASSES.length + (actions[at + FIELD.length] ?? 0)
    case 'drag':
      return targetOf(actions, at + FIELD.target) * TARGETS.length + targetOf(actions, at + FIELD.toTarget)
    default:
      return targetOf(actions, at + FIELD.target)
  }
}

function targetOf(actions: Int16Array, at: number): number {
  const role = actions[at + TARGET_FIELD.role] ?? ABSENT
  if (role !== ABSENT) return role
  return (actions[at + TARGET_FIELD.cell] ?? ABSENT) === ABSENT ? NOTHING : PLACE
}

/**
 * What a type is called over all releases, whatever numbers its apps and shortcuts have in one of them.
 *
 * `desktop:orders click button|desktop:orders hotkey ctrl+c|desktop:orders type number short`
 */
export function typeName(
  codes: readonly number[],
  apps: readonly string[],
  shortcuts: readonly (readonly string[])[],
): string {
  return codes.map((code) => actionName(code, apps, shortcuts)).join('|')
}

function actionName(code: number, apps: readonly string[], shortcuts: readonly (readonly string[])[]): string {
  const detail = code % 65_536
  const above = Math.floor(code / 65_536)
  const kind = KINDS[above % KINDS.length]
  const name = `${apps[Math.floor(above / KINDS.length)] ?? ''} ${kind ?? ''}`
  switch (kind) {
    case 'press':
      return `${name} ${NAMED_KEYS[detail] ?? ''}`
    case 'hotkey':
      return `${name} ${(shortcuts[detail] ?? []).join('+')}`
    case 'type':
      return `${name} ${TEXT_KINDS[Math.floor(detail / LENGTH_CLASSES.length)] ?? ''} ${LENGTH_CLASSES[detail % LENGTH_CLASSES.length] ?? ''}`
    case 'drag':
      return `${name} ${TARGETS[Math.floor(detail / TARGETS.length)] ?? ''} ${TARGETS[detail % TARGETS.length] ?? ''}`
    default:
      return `${name} ${TARGETS[detail] ?? ''}`
  }
}

/** How often each person has each type: rows of one person after the other. */
interface Count {
  readonly type: Uint32Array
  readonly count: Uint32Array
  /** How many the person may keep. */
  readonly allowed: Uint32Array
  /** Where each person's rows begin; one more at the end. */
  readonly starts: Uint32Array
}

/** Of each action: whether it is in a piece that stays, and whether a piece begins with it. */
const KEPT = 1
const BEGINS = 2

export class CapSample {
  readonly #rules: CapRules
  /** Numbers of the actions' codes, in order of appearance. */
  #codes = new Uint32Array(1 << 16)
  readonly #codeIds = new Map<number, number>()
  readonly #distinct: number[] = []
  #actions = 0
  #segments = 0
  /** First action of each segment; one more at the end. */
  #starts = new Uint32Array(1 << 12)
  #priorities = new Uint32Array(1 << 12)
  /** First segment of each person; one more at the end. */
  readonly #people: number[] = []

  constructor(rules: CapRules) {
    this.#rules = rules
  }

  /** @param person from 0, one after the other @param priority 32 bits by the person's own chance; the highest are cut first */
  add(segment: Segment, person: number, priority: number): void {
    while (this.#people.length <= person) this.#people.push(this.#segments)
    const count = segment.actions.length / FIELDS
    this.#codes = grownTo(this.#codes, this.#actions + count)
    for (let i = 0; i < count; i++)
      this.#codes[this.#actions + i] = this.#codeId(typeCode(segment.app, segment.actions, i * FIELDS))
    this.#actions += count
    this.#starts = grownTo(this.#starts, this.#segments + 2)
    this.#priorities = grownTo(this.#priorities, this.#segments + 1)
    this.#priorities[this.#segments++] = priority
    this.#starts[this.#segments] = this.#actions
  }

  /** @param isLeft whether a segment may be in the release at all, by the order of `add` */
  decide(isLeft: (segment: number) => boolean, earlier: Earlier): Capped {
    const types = new Types(this.#codes, this.#distinct)
    const flags = new Uint8Array(this.#actions)
    let offered = 0
    for (let segment = 0; segment < this.#segments; segment++) {
      const from = this.#starts[segment] ?? 0
      const to = this.#starts[segment + 1] ?? 0
      if (isLeft(segment)) {
        flags.fill(KEPT, from, to)
        offered += to - from
      }
      flags[from] = (flags[from] ?? 0) | BEGINS
    }
    const people = [...this.#people, this.#segments]
    const earlierOf = askedOnce(types, earlier)
    const isStale = new Uint8Array(people.length).fill(1)
    let count: Count | null = null
    for (;;) {
      count = this.#count(count, isStale, types, flags, people)
      const { bound, isOver, distinct } = this.#allow(count, types, earlierOf)
      if (!isOver) return this.#capped(count, types, flags, { bound, offered, types: distinct })
      this.#cut(count, isStale, types, flags, people)
    }
  }

  #capped(
    count: Count,
    types: Types,
    flags: Uint8Array,
    figures: { readonly bound: number; readonly offered: number; readonly types: number },
  ): Capped {
    let kept = 0
    for (const flag of flags) kept += flag & KEPT
    return {
      ...figures,
      kept,
      piecesOf: (segment) => pieces(this.#starts[segment] ?? 0, this.#starts[segment + 1] ?? 0, flags),
      codesOf: (type) => types.codesOf(type),
      *contributions() {
        for (let person = 0; person + 1 < count.starts.length; person++) {
          for (let i = count.starts[person] ?? 0; i < (count.starts[person + 1] ?? 0); i++)
            yield { person, type: count.type[i] ?? 0, count: count.count[i] ?? 0 }
        }
      },
    }
  }

  #codeId(code: number): number {
    const known = this.#codeIds.get(code)
    if (known !== undefined) return known
    this.#codeIds.set(code, this.#distinct.length)
    return this.#distinct.push(code) - 1
  }

  /** Where the piece that begins at `start` ends; `start` itself if nothing of it is left. */
  #pieceEnd(start: number, to: number, flags: Uint8Array): number {
    if (((flags[start] ?? 0) & KEPT) === 0) return start
    let end = start + 1
    while (end < to && flags[end] === KEPT) end++
    return end
  }

  /** Counts stale people's occurrences: each place of a type in a piece. Of the others it takes the rows of `before`. */
  #count(before: Count | null, isStale: Uint8Array, types: Types, flags: Uint8Array, people: readonly number[]): Count {
    let type = new Uint32Array(before?.type.length ?? 1 << 12)
    let count = new Uint32Array(type.length)
    let used = 0
    const starts = new Uint32Array(people.length)
    let times = new Uint32Array(1 << 12)
    for (let person = 0; person + 1 < people.length; person++) {
      if (before !== null && isStale[person] === 0) {
        const [from, to] = [before.starts[person] ?? 0, before.starts[person + 1] ?? 0]
        type = grownTo(type, used + to - from)
        count = grownTo(count, used + to - from)
        type.set(before.type.subarray(from, to), used)
        count.set(before.count.subarray(from, to), used)
        used += to - from
      } else {
        const first = used
        const end = this.#starts[people[person + 1] ?? 0] ?? 0
        for (let segment = people[person] ?? 0; segment < (people[person + 1] ?? 0); segment++) {
          const to = this.#starts[segment + 1] ?? end
          for (let start = this.#starts[segment] ?? end; start < to; ) {
            const pieceEnd = this.#pieceEnd(start, to, flags)
            const length = Math.min(this.#rules.typeActions, pieceEnd - start)
            for (let at = start; length > 0 && at + length <= pieceEnd; at++) {
              const id = types.idOf(at, length)
              if (id >= times.length) times = grownTo(times, id + 1)
              const known = times[id] ?? 0
              times[id] = known + 1
              if (known > 0) continue
              if (used === type.length) {
                type = grownTo(type, used + 1)
                count = grownTo(count, used + 1)
              }
              type[used++] = id
            }
            start = Math.max(pieceEnd, start + 1)
          }
        }
        for (let i = first; i < used; i++) {
          const id = type[i] ?? 0
          count[i] = times[id] ?? 0
          times[id] = 0
        }
        isStale[person] = 0
      }
      starts[person + 1] = used
    }
    const counted = count.slice(0, used)
    return { type: type.slice(0, used), count: counted, allowed: counted.slice(), starts }
  }

  /** Writes down what each person may keep of each type. */
  #allow(
    count: Count,
    types: Types,
    earlierOf: (type: number) => ReadonlyMap<number, number>,
  ): { bound: number; isOver: boolean; distinct: number } {
    const total = new Float64Array(types.size)
    const most = new Uint32Array(types.size)
    const owners = new Uint32Array(types.size)
    for (let i = 0; i < count.type.length; i++) {
      const id = count.type[i] ?? 0
      const times = count.count[i] ?? 0
      total[id] = (total[id] ?? 0) + times
      owners[id] = (owners[id] ?? 0) + 1
      if (times > (most[id] ?? 0)) most[id] = times
    }
    let bound = 0
    let distinct = 0
    // Only a type that may be over needs `capType`; of the others everybody keeps what they have.
    const asked = new Map<number, Map<number, number>>()
    for (let id = 0; id < types.size; id++) {
      const all = total[id] ?? 0
      if (all === 0) continue
      distinct++
      const share = (most[id] ?? 0) / all
      bound = Math.max(bound, share)
      const isWithin = share < this.#rules.shareMax && (owners[id] ?? 0) >= this.#rules.k
      if (!isWithin || earlierOf(id).size > 0) asked.set(id, new Map())
    }
    if (asked.size === 0) return { bound, isOver: false, distinct }
    const isAsked = new Uint8Array(types.size)
    for (const id of asked.keys()) isAsked[id] = 1
    eachRow(count, isAsked, (id, person, i) => asked.get(id)?.set(person, count.count[i] ?? 0))
    for (const [id, counts] of asked) asked.set(id, capType(counts, earlierOf(id), this.#rules))
    let isOver = false
    eachRow(count, isAsked, (id, person, i) => {
      const allowed = asked.get(id)?.get(person) ?? 0
      count.allowed[i] = allowed
      if (allowed < (count.count[i] ?? 0)) isOver = true
    })
    return { bound, isOver, distinct }
  }

  #cut(count: Count, isStale: Uint8Array, types: Types, flags: Uint8Array, people: readonly number[]): void {
    const left = new Uint32Array(types.size)
    for (let person = 0; person + 1 < people.length; person++) {
      let isOver = false
      // Every type of the person's has a row here, so nothing of the person before them is left over.
      for (let i = count.starts[person] ?? 0; i < (count.starts[person + 1] ?? 0); i++) {
        left[count.type[i] ?? 0] = count.allowed[i] ?? 0
        if ((count.allowed[i] ?? 0) < (count.count[i] ?? 0)) isOver = true
      }
      if (!isOver) continue
      isStale[person] = 1
      for (const segment of this.#byPriority(people[person] ?? 0, people[person + 1] ?? 0))
        this.#cutSegment(segment, left, types, flags)
    }
  }

  /** Segments of equal priority stay in their order. */
  #byPriority(first: number, end: number): Uint32Array {
    const keys = new BigUint64Array(end - first)
    for (let segment = first; segment < end; segment++)
      keys[segment - first] = (BigInt(this.#priorities[segment] ?? 0) << 32n) | BigInt(segment)
    keys.sort()
    return Uint32Array.from(keys, (key) => Number(key & 0xffffffffn))
  }

  #cutSegment(segment: number, left: Uint32Array, types: Types, flags: Uint8Array): void {
    const to = this.#starts[segment + 1] ?? 0
    for (let start = this.#starts[segment] ?? 0; start < to; ) {
      const end = this.#pieceEnd(start, to, flags)
      const length = Math.min(this.#rules.typeActions, end - start)
      let cutAt = -1
      for (let at = start; length > 0 && at + length <= end; at++) {
        // Broken up by the cut before it.
        if (cutAt > at) continue
        const id = types.idOf(at, length)
        const may = left[id] ?? 0
        if (may > 0) left[id] = may - 1
        else if (length === 1) flags[at] = (flags[at] ?? 0) & ~KEPT
        else {
          cutAt = at + length - 1
          flags[cutAt] = (flags[cutAt] ?? 0) | BEGINS
        }
      }
      start = Math.max(end, start + 1)
    }
  }
}

function eachRow(count: Count, isAsked: Uint8Array, each: (type: number, person: number, row: number) => void): void {
  for (let person = 0; person + 1 < count.starts.length; person++) {
    for (let i = count.starts[person] ?? 0; i < (count.starts[person + 1] ?? 0); i++) {
      const id = count.type[i] ?? 0
      if (isAsked[id] === 1) each(id, person, i)
    }
  }
}

/** A type's name takes a digest to look up: that is paid once. */
function askedOnce(types: Types, earlier: Earlier): (type: number) => ReadonlyMap<number, number> {
  const known: ReadonlyMap<number, number>[] = []
  return (type) => {
    known[type] ??= earlier(types.codesOf(type))
    return known[type]
  }
}

/** Relative to `from`. */
function pieces(from: number, to: number, flags: Uint8Array): (readonly [number, number])[] {
  const found: (readonly [number, number])[] = []
  let start = -1
  for (let at = from; at <= to; at++) {
    const flag = at === to ? 0 : (flags[at] ?? 0)
    if (start >= 0 && flag !== KEPT) {
      found.push([start - from, at - from])
      start = -1
    }
    if (start < 0 && (flag & KEPT) !== 0) start = at
  }
  return found
}
