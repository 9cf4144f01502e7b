/**
 * The contribution cap over a sample (`capType` in core): nobody owns more than a share of any type that is in the release.
 *
 * A *type* is `typeActions` actions in a row, each by app, kind, and what its kind is told apart by (`typeCode`); a segment that is
 * shorter is a type of its own. Every place where a type occurs counts once for its person. Where somebody has more than they may, their segment is cut
 * before the last action of the occurrence, which breaks up as many of those that follow as one cut can; a single action that is
 * too many goes. A cut takes neighbouring occurrences along, makes shorter types of what is left, and lowers other totals;
 * therefore everything is counted anew until nothing has to go.
 *
 * Which occurrences go is decided by chance that depends on their person alone, and shares don't depend on the order of people:
 * so nothing does. Holds 6 bytes an action and a few for each person and type.
 */
import { capType, LENGTH_CLASSES, NAMED_KEYS, ROLES, TEXT_KINDS } from '@fairtrace/core'
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
  contributions(): Generator<{ readonly person: number; readonly codes: readonly number[]; readonly count: number }>
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

interface Count {
  readonly type: Uint32Array
  readonly count: Uint32Array
  /** How many the person may keep. */
  readonly allowed: Uint32Array
  /** Where each person's begin; one more at the end. */
  readonly starts: Uint32Array
}

export class CapSample {
  readonly #rules: CapRules
  /** Numbers of the actions' codes, in order of appearance: few enough that a run and its next code fit one exact number. */
  #codes = new Uint32Array(1 << 16)
  readonly #codeIds = new Map<number, number>()
  readonly #distinct: number[] = []
  #actions = 0
  /** First action of each segment; one more at the end. */
  readonly #starts: number[] = [0]
  readonly #priorities: number[] = []
  /** First segment of each person; one more at the end. */
  readonly #people: number[] = []

  constructor(rules: CapRules) {
    this.#rules = rules
  }

  /** @param person from 0, one after the other @param priority by the person's own chance; the highest are cut first */
  add(segment: Segment, person: number, priority: number): void {
    while (this.#people.length <= person) this.#people.push(this.#priorities.length)
    const count = segment.actions.length / FIELDS
    if (this.#actions + count > this.#codes.length) this.#codes = grown(this.#codes, this.#actions + count)
    for (let i = 0; i < count; i++)
      this.#codes[this.#actions + i] = this.#codeId(typeCode(segment.app, segment.actions, i * FIELDS))
    this.#actions += count
    this.#starts.push(this.#actions)
    this.#priorities.push(priority)
  }

  /** @param isLeft whether a segment may be in the release at all, by the order of `add` */
  decide(isLeft: (segment: number) => boolean, earlier: Earlier): Capped {
    const types = new Types(this.#codes, this.#distinct)
    // One bit an action: whether it is in a piece that stays, and whether a piece begins with it.
    const isKept = new Uint8Array(this.#actions)
    const begins = new Uint8Array(this.#actions)
    let offered = 0
    for (let segment = 0; segment < this.#priorities.length; segment++) {
      const [from, to] = this.#range(segment)
      begins[from] = 1
      if (!isLeft(segment)) continue
      isKept.fill(1, from, to)
      offered += to - from
    }
    const people = [...this.#people, this.#priorities.length]
    for (;;) {
      const count = this.#count(types, isKept, begins, people)
      const { bound, isOver } = this.#allow(count, types, earlier)
      if (isOver) {
        this.#cut(count, types, isKept, begins, people)
        continue
      }
      let kept = 0
      for (const flag of isKept) kept += flag
      return {
        piecesOf: (segment) => pieces(...this.#range(segment), isKept, begins),
        bound,
        offered,
        kept,
        types: new Set(count.type).size,
        *contributions() {
          for (let person = 0; person + 1 < count.starts.length; person++) {
            for (let i = count.starts[person] ?? 0; i < (count.starts[person + 1] ?? 0); i++)
              yield { person, codes: types.codesOf(count.type[i] ?? 0), count: count.count[i] ?? 0 }
          }
        },
      }
    }
  }

  #codeId(code: number): number {
    const known = this.#codeIds.get(code)
    if (known !== undefined) return known
    this.#codeIds.set(code, this.#distinct.length)
    return this.#distinct.push(code) - 1
  }

  #range(segment: number): [number, number] {
    return [this.#starts[segment] ?? 0, this.#starts[segment + 1] ?? 0]
  }

  /** Every occurrence of a segment: each place of a type in its pieces, by the number of the type, with its first action and length. */
  #occurrences(
    segment: number,
    types: Types,
    isKept: Uint8Array,
    begins: Uint8Array,
    each: (type: number, at: number, length: number) => void,
  ): void {
    const [from, to] = this.#range(segment)
    for (let start = from; start < to; ) {
      let end = start
      if (isKept[end++] === 0) {
        start = end
        continue
      }
      while (end < to && isKept[end] === 1 && begins[end] === 0) end++
      const length = Math.min(this.#rules.typeActions, end - start)
      for (let at = start; at + length <= end; at++) each(types.idOf(at, length), at, length)
      start = end
    }
  }

  #count(types: Types, isKept: Uint8Array, begins: Uint8Array, people: readonly number[]): Count {
    const type: number[] = []
    const count: number[] = []
    const starts = [0]
    const own = new Map<number, number>()
    const add = (id: number) => own.set(id, (own.get(id) ?? 0) + 1)
    for (let person = 0; person + 1 < people.length; person++) {
      own.clear()
      for (let segment = people[person] ?? 0; segment < (people[person + 1] ?? 0); segment++)
        this.#occurrences(segment, types, isKept, begins, add)
      for (const [id, times] of own) {
        type.push(id)
        count.push(times)
      }
      starts.push(type.length)
    }
    return {
      type: Uint32Array.from(type),
      count: Uint32Array.from(count),
      allowed: Uint32Array.from(count),
      starts: Uint32Array.from(starts),
    }
  }

  /** Writes down what each person may keep of each type. */
  #allow(count: Count, types: Types, earlier: Earlier): { bound: number; isOver: boolean } {
    const places = new Map<number, number[]>()
    for (const [i, id] of count.type.entries()) {
      const own = places.get(id)
      if (own === undefined) places.set(id, [i])
      else own.push(i)
    }
    const personAt = new Uint32Array(count.type.length)
    for (let person = 0; person + 1 < count.starts.length; person++)
      personAt.fill(person, count.starts[person], count.starts[person + 1])
    let bound = 0
    let isOver = false
    for (const [id, own] of places) {
      const counts = new Map(own.map((i) => [personAt[i] ?? 0, count.count[i] ?? 0]))
      const left = capType(counts, earlier(types.codesOf(id)), this.#rules)
      let total = 0
      let most = 0
      for (const i of own) {
        const times = count.count[i] ?? 0
        const allowed = left.get(personAt[i] ?? 0) ?? 0
        count.allowed[i] = allowed
        if (allowed < times) isOver = true
        total += times
        most = Math.max(most, times)
      }
      bound = Math.max(bound, most / total)
    }
    return { bound, isOver }
  }

  #cut(count: Count, types: Types, isKept: Uint8Array, begins: Uint8Array, people: readonly number[]): void {
    const left = new Map<number, number>()
    for (let person = 0; person + 1 < people.length; person++) {
      left.clear()
      let isOver = false
      for (let i = count.starts[person] ?? 0; i < (count.starts[person + 1] ?? 0); i++) {
        left.set(count.type[i] ?? 0, count.allowed[i] ?? 0)
        if ((count.allowed[i] ?? 0) < (count.count[i] ?? 0)) isOver = true
      }
      if (!isOver) continue
      const [first, end] = [people[person] ?? 0, people[person + 1] ?? 0]
      const order = Array.from({ length: end - first }, (_, i) => first + i)
      order.sort((a, b) => (this.#priorities[a] ?? 0) - (this.#priorities[b] ?? 0))
      for (const segment of order) this.#cutSegment(segment, left, types, isKept, begins)
    }
  }

  #cutSegment(segment: number, left: Map<number, number>, types: Types, isKept: Uint8Array, begins: Uint8Array): void {
    let cutAt = -1
    this.#occurrences(segment, types, isKept, begins, (id, at, length) => {
      // Broken up by the cut before it.
      if (cutAt > at) return
      const may = left.get(id) ?? 0
      if (may > 0) {
        left.set(id, may - 1)
        return
      }
      if (length === 1) isKept[at] = 0
      else {
        cutAt = at + length - 1
        begins[cutAt] = 1
      }
    })
  }
}

/** Relative to `from`. */
function pieces(from: number, to: number, isKept: Uint8Array, begins: Uint8Array): (readonly [number, number])[] {
  const found: (readonly [number, number])[] = []
  let start = -1
  for (let at = from; at <= to; at++) {
    const ends = at === to || isKept[at] === 0 || begins[at] === 1
    if (start >= 0 && ends) {
      found.push([start - from, at - from])
      start = -1
    }
    if (start < 0 && at < to && isKept[at] === 1) start = at
  }
  return found
}

/** Numbers of the types that occur, exact: no two runs of codes share one. */
class Types {
  readonly #codes: Uint32Array
  readonly #distinct: readonly number[]
  /** Runs that begin alike share the number of their beginning, which the next code extends. 0 is the empty run. */
  readonly #runs = new Map<number, number>()
  readonly #firsts: number[] = [0]
  readonly #lengths: number[] = [0]

  /** @param distinct the code of each number in `codes` */
  constructor(codes: Uint32Array, distinct: readonly number[]) {
    this.#codes = codes
    this.#distinct = distinct
  }

  idOf(at: number, length: number): number {
    let run = 0
    for (let i = 0; i < length; i++) {
      const key = run * this.#distinct.length + (this.#codes[at + i] ?? 0)
      let next = this.#runs.get(key)
      if (next === undefined) {
        next = this.#firsts.length
        this.#runs.set(key, next)
        this.#firsts.push(at)
        this.#lengths.push(i + 1)
      }
      run = next
    }
    return run
  }

  codesOf(id: number): number[] {
    const first = this.#firsts[id] ?? 0
    return Array.from(this.#codes.subarray(first, first + (this.#lengths[id] ?? 0)), (i) => this.#distinct[i] ?? 0)
  }
}

function grown(values: Uint32Array, needed: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(needed, 2 * values.length))
  larger.set(values)
  return larger
}
