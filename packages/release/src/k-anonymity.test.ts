import { aCharter } from '@fairtrace/testing/harness'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FIELD, FIELDS } from './coded-action.ts'
import type { Segment } from './episodes.ts'
import { KAnonymity } from './k-anonymity.ts'
import { ABSENT, vocabularyOf } from './vocabulary.ts'

const K = 3
const vocabulary = vocabularyOf(aCharter())
const LABEL = FIELD.target + 1

function aSegment({ app = 1, task = ABSENT, end = 0, labels = [] as readonly number[] } = {}): Segment {
  const actions = new Int16Array(Math.max(1, labels.length) * FIELDS).fill(ABSENT)
  labels.forEach((label, i) => {
    actions[i * FIELDS + LABEL] = label
  })
  return { app, task, end, actions }
}

/** One person's segments as (app, task, label) triples. */
const person = fc.array(
  fc.record({
    app: fc.integer({ min: 0, max: 3 }),
    task: fc.integer({ min: -1, max: 1 }),
    labels: fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 3 }),
  }),
  { maxLength: 5 },
)
type Person = readonly { app: number; task: number; labels: number[] }[]

/** What of each person would be released. */
function released(people: readonly Person[]) {
  const anonymity = new KAnonymity(vocabulary, K)
  const all = people.map((segments) =>
    segments.map((seen) => aSegment({ ...seen, labels: seen.app === 0 ? [] : seen.labels })),
  )
  all.forEach((segments, i) => {
    for (const segment of segments) anonymity.count(segment, i)
  })
  const people_ = anonymity.peopleLeft()
  const kept = all.map((segments) =>
    segments
      .filter(({ app }) => anonymity.keepsApp(app))
      .map((segment) => {
        const task = anonymity.taskOf(segment)
        anonymity.removeRareLabels(segment)
        const labels = []
        for (let at = 0; at < segment.actions.length; at += FIELDS) labels.push(segment.actions[at + LABEL] ?? ABSENT)
        return { app: segment.app, task, labels }
      }),
  )
  return { kept, people: people_ }
}

function usersOf(kept: readonly Person[], names: (segment: Person[number]) => string[]): Map<string, number> {
  const users = new Map<string, number>()
  for (const segments of kept) {
    for (const name of new Set(segments.flatMap(names))) users.set(name, (users.get(name) ?? 0) + 1)
  }
  return users
}

const namesIn = ({ app, task, labels }: Person[number]): string[] => [
  `app ${app}`,
  ...(task === ABSENT ? [] : [`task ${app} ${task}`]),
  ...labels.filter((label) => label !== ABSENT).map((label) => `label ${app} ${label}`),
]

describe('KAnonymity', () => {
  it('refuses an app that one person fewer than k used, however often', () => {
    const anonymity = new KAnonymity(vocabulary, K)
    for (const who of [0, 0, 0, 1, 1]) anonymity.count(aSegment(), who)
    expect(anonymity.keepsApp(1)).toBe(false)
    anonymity.count(aSegment(), 2)
    expect(anonymity.keepsApp(1)).toBe(true)
  })

  it('counts a label within its app, so that one name in two apps is two things', () => {
    const anonymity = new KAnonymity(vocabulary, K)
    ;[1, 1, 2].forEach((app, who) => {
      anonymity.count(aSegment({ app, labels: [0] }), who)
    })
    expect([anonymity.keepsLabel(1, 0), anonymity.keepsLabel(2, 0)]).toEqual([false, false])
  })

  it('takes both labels of a drag into account', () => {
    const anonymity = new KAnonymity(vocabulary, K)
    const drag = aSegment({ labels: [0] })
    drag.actions[FIELD.toTarget + 1] = 1
    anonymity.count(drag, 0)
    expect(anonymity.removeRareLabels(drag)).toBe(2)
  })

  it('never lets an app, a label or a task through that fewer than k people used in what is released', () => {
    fc.assert(
      fc.property(fc.array(person, { maxLength: 8 }), (people) => {
        const { kept } = released(people)
        for (const [, users] of usersOf(kept, namesIn)) expect(users).toBeGreaterThanOrEqual(K)
      }),
    )
  })

  it('counts exactly the people of whom something is left', () => {
    fc.assert(
      fc.property(fc.array(person, { maxLength: 8 }), (people) => {
        const { kept, people: counted } = released(people)
        expect(counted).toBe(kept.filter((segments) => segments.length > 0).length)
      }),
    )
  })

  it('never removes anything because one more person takes part', () => {
    fc.assert(
      fc.property(fc.array(person, { maxLength: 8 }), person, (people, newcomer) => {
        const before = [...usersOf(released(people).kept, namesIn).keys()]
        const after = usersOf(released([...people, newcomer]).kept, namesIn)
        for (const name of before) expect(after.has(name)).toBe(true)
      }),
    )
  })
})
