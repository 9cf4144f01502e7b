import { type InputEvent, isFairtraceError } from '@fairtrace/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createParticipant } from './participant.ts'
import type { Performed } from './performed.ts'
import { rawKeyTimes, rawPointerSamples } from './raw-samples.ts'
import { SIMULATED_TASKS } from './tasks.ts'

const START_MS = Date.UTC(2026, 0, 5, 9)
const aSession = (seed: number, index: number, taskId: string | null = null, startAtMs = START_MS) => [
  ...createParticipant(seed, index).session(taskId, startAtMs, { actionsAbout: 30 }),
]
const anyTask = fc.constantFrom(null, ...SIMULATED_TASKS.map((task) => task.id))
const anySession = fc.record({ seed: fc.integer(), index: fc.nat(100_000), task: anyTask })

describe('a session', () => {
  it('refuses a task that nobody wrote', () => {
    const session = createParticipant(1, 0).session('no-such-task', START_MS, { actionsAbout: 30 })
    expect(() => session.next()).toThrow(expect.toSatisfy((error) => isFairtraceError(error) && error.code === 'USAGE'))
  })

  it('is the same for the same seed, person, task and start', () => {
    fc.assert(
      fc.property(anySession, ({ seed, index, task }) => {
        expect(aSession(seed, index, task)).toEqual(aSession(seed, index, task))
      }),
      { numRuns: 10 },
    )
  })

  it('differs for another seed, another person and another day', () => {
    const session = times(aSession(1, 0))
    expect(times(aSession(2, 0))).not.toEqual(session)
    expect(times(aSession(1, 1))).not.toEqual(session)
    expect(times(aSession(1, 0, null, START_MS + 86_400_000))).not.toEqual(session)
  })

  it('is told in order of time, and every key and button that goes down comes up', () => {
    fc.assert(
      fc.property(anySession, ({ seed, index, task }) => {
        let atMs = START_MS
        const down = new Set<string>()
        for (const event of aSession(seed, index, task)) {
          expect(event.atMs).toBeGreaterThanOrEqual(atMs)
          atMs = event.atMs
          if (event.kind !== 'key' && event.kind !== 'button') continue
          const what = event.kind === 'key' ? event.key : `button ${event.button}`
          expect(down.has(what)).toBe(!event.down)
          if (event.down) down.add(what)
          else down.delete(what)
        }
        expect(down).toEqual(new Set())
      }),
      { numRuns: 20 },
    )
  })

  it('says of a movement only when it was, at the rate of a 125 Hz mouse', () => {
    const moves = aSession(3, 4).filter((event) => event.kind === 'move')
    expect(moves.every((move) => Object.keys(move).length === 2)).toBe(true)
    const gaps = moves.slice(1).map((move, i) => move.atMs - (moves[i]?.atMs ?? 0))
    expect(gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)]).toBeCloseTo(8, 0)
  })

  it('is the same without its moves when they are left out', () => {
    for (const task of [null, ...SIMULATED_TASKS.map(({ id }) => id)]) {
      const still = createParticipant(5, 6).session(task, START_MS, { actionsAbout: 60, motion: false })
      const whole = [...createParticipant(5, 6).session(task, START_MS, { actionsAbout: 60 })]
      expect([...still]).toEqual(whole.filter((event) => event.kind !== 'move'))
    }
  })

  it('is the same with a witness, who is told of every press of a button that follows', () => {
    const done: Performed[] = []
    const options = { actionsAbout: 30, witness: (one: Performed) => done.push(one) }
    const seen = [...createParticipant(3, 1).session(null, START_MS, options)]
    expect(seen).toEqual(aSession(3, 1))
    const clicks = done.filter(({ operation }) => /^(click|drag)/.test(operation))
    const presses = seen.filter((event) => event.kind === 'button' && event.down && event.clicks === 1)
    expect(clicks).toHaveLength(presses.length)
  })

  it('is the one whose pointer samples and key times can be had raw', () => {
    const participant = createParticipant(7, 8)
    const of = { seed: 7, participant, taskId: null, startAtMs: START_MS }
    const events = [...participant.session(null, START_MS, { actionsAbout: 60 })]
    const samples = [...rawPointerSamples(of, { actionsAbout: 60 })]
    const keys = [...rawKeyTimes(of, { actionsAbout: 60 })]
    expect(samples.map((sample) => sample.atMs)).toEqual(
      events.filter((event) => event.kind === 'move' || event.kind === 'button').map((event) => event.atMs),
    )
    expect(keys).toEqual(
      events.flatMap((event) => (event.kind === 'key' ? { atMs: event.atMs, key: event.key, down: event.down } : [])),
    )
  })
})

function times(events: readonly InputEvent[]): readonly number[] {
  return events.map((event) => event.atMs - (events[0]?.atMs ?? 0))
}
