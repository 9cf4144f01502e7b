/**
 * Shielded recordings as the vault gives them to a release, made up and seeded, for tests and benchmarks of releases.
 *
 * People differ in the apps that they use and in how often they do what; every app has a fixed set of elements.
 */
import { createHash } from 'node:crypto'
import {
  type Action,
  type Charter,
  LENGTH_CLASSES,
  NAMED_KEYS,
  SCROLL_AMOUNTS,
  type Target,
  TEXT_KINDS,
} from '@fairtrace/core'

export interface RecordedPartOptions {
  readonly people: number
  readonly recordingsPerPerson: number
  readonly actionsPerRecording: number
  readonly seed?: number
  readonly elementsPerApp?: number
}

export interface GeneratedPart {
  readonly person: string
  readonly recording: string
  readonly device: string
  readonly part: number
  readonly task: string | null
  readonly outcome: 'done' | 'not-done' | null
  readonly actions: readonly Action[]
}

/** Ordered by person, then recording. The same options make the same recordings. */
export function* recordedParts(charter: Charter, options: RecordedPartOptions): Generator<GeneratedPart> {
  const seed = options.seed ?? 1
  const apps = charter.capture.apps.map((app) => ({
    id: app.id,
    elements: elementsOf(app, options.elementsPerApp ?? 60),
  }))
  const names = Array.from({ length: options.people }, (_, i) => id(seed, `person ${i}`)).toSorted()
  for (const [i, person] of names.entries()) {
    const random = lcg(seed * 7_919 + i)
    const usual = apps.filter((_, a) => a === 0 || random() < 0.6)
    for (let r = 0; r < options.recordingsPerPerson; r++) {
      const tasks = charter.capture.tasks
      const task = random() < 0.5 ? null : (tasks[Math.floor(random() * tasks.length)]?.id ?? null)
      yield {
        person,
        recording: id(seed, `${person} recording ${r}`),
        device: id(seed, `${person} device`),
        part: 0,
        task,
        outcome: task === null ? null : r % 2 === 0 ? 'done' : 'not-done',
        actions: actionsOf(usual, options.actionsPerRecording, random),
      }
    }
  }
}

interface App {
  readonly id: string
  readonly elements: readonly Target[]
}

function actionsOf(apps: readonly App[], count: number, random: () => number): Action[] {
  const pick = <T>(list: readonly T[], otherwise: T): T => list[Math.floor(random() * list.length)] ?? otherwise
  const first = apps[0]
  if (first === undefined) return []
  let app = first
  const actions: Action[] = [{ kind: 'switch', app: app.id }]
  const nowhere: Target = { cell: [0, 0] }
  while (actions.length < count) {
    const target = pick(app.elements, nowhere)
    const roll = random()
    if (roll < 0.08) {
      app = pick(apps, first)
      actions.push({ kind: 'switch', app: app.id })
    } else if (roll < 0.3) actions.push({ kind: 'hover', target })
    else if (roll < 0.6) {
      const clicks = random() < 0.1 ? 2 : 1
      actions.push({ kind: 'click', button: random() < 0.05 ? 'right' : 'left', count: clicks, target })
    } else if (roll < 0.63)
      actions.push({ kind: 'drag', button: 'left', from: target, to: pick(app.elements, nowhere) })
    else if (roll < 0.73) {
      actions.push({
        kind: 'scroll',
        direction: pick(['up', 'down'] as const, 'down'),
        amount: pick(SCROLL_AMOUNTS, 1),
        target,
      })
    } else if (roll < 0.83) actions.push({ kind: 'press', key: pick(NAMED_KEYS, 'enter') })
    else if (roll < 0.9) actions.push({ kind: 'hotkey', keys: ['ctrl', pick(['c', 'v', 's', 'z', 'f'], 'c')] })
    else actions.push({ kind: 'type', text: pick(TEXT_KINDS, 'word'), length: pick(LENGTH_CLASSES, 'short') })
  }
  return actions
}

function elementsOf(app: Charter['capture']['apps'][number], count: number): Target[] {
  const random = lcg(app.id.length * 101 + app.title.length)
  return Array.from({ length: count }, (_, i): Target => {
    if (i % 10 === 9) return { cell: [Math.floor(random() * 8), Math.floor(random() * 8)] }
    const box: [number, number, number, number] = [Math.floor(random() * 1_100), Math.floor(random() * 700), 96, 32]
    const label = app.labels[i]
    return label === undefined ? { role: 'button', box } : { role: 'button', label, box }
  })
}

function lcg(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** 128 bits in base64url, as pseudonyms, recordings and devices have. */
function id(seed: number, name: string): string {
  return createHash('sha256').update(`${seed} ${name}`).digest().subarray(0, 16).toString('base64url')
}
