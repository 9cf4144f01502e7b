import { type Action, createShield } from '@fairtrace/core'
import { describe, expect, it } from 'vitest'
import { pointerFeatures, rankOne, shieldedTypingFeatures, typingFeatures } from './attack.ts'
import { simulatedShieldSettings } from './load.ts'
import { createParticipant } from './participant.ts'
import { rawKeyTimes, rawPointerSamples } from './raw-samples.ts'
import { SIMULATED_TASKS } from './tasks.ts'

const SEED = 20_260_105
const PEOPLE = 30
const MONDAY_MS = Date.UTC(2026, 0, 5, 9)
const TUESDAY_MS = MONDAY_MS + 86_400_000
const people = Array.from({ length: PEOPLE }, (_, index) => createParticipant(SEED, index))
const session = (participant: (typeof people)[number], startAtMs: number) =>
  ({ seed: SEED, participant, taskId: null, startAtMs }) as const

describe('the raw stream tells simulated people apart', () => {
  it('finds at least four of five by typing rhythm, in a session of another day', () => {
    const on = (startAtMs: number) =>
      people.map((person) => typingFeatures(rawKeyTimes(session(person, startAtMs), { actionsAbout: 200 })))
    expect(rankOne(on(MONDAY_MS), on(TUESDAY_MS))).toBeGreaterThanOrEqual(0.8)
  })

  it('finds at least half of them by how the pointer moves', () => {
    const on = (startAtMs: number) =>
      people.map((person) => pointerFeatures(rawPointerSamples(session(person, startAtMs), { actionsAbout: 400 })))
    expect(rankOne(on(MONDAY_MS), on(TUESDAY_MS))).toBeGreaterThanOrEqual(0.5)
  })
})

describe('after the shield', () => {
  it('leaves a rhythm attacker no time to measure, and of the texts no more than five times chance', () => {
    const on = (startAtMs: number) =>
      people.map((person) => {
        const actions: Action[] = []
        for (const task of SIMULATED_TASKS) {
          const shield = createShield(simulatedShieldSettings())
          const events = person.session(task.id, startAtMs, { actionsAbout: 100, motion: false })
          for (const event of events) shield.push(event, actions)
          shield.end(actions)
        }
        return actions.filter((action) => action.kind === 'type')
      })
    const monday = on(MONDAY_MS)
    for (const action of monday.flat()) expect(Object.keys(action).toSorted()).toEqual(['kind', 'length', 'text'])
    const found = rankOne(monday.map(shieldedTypingFeatures), on(TUESDAY_MS).map(shieldedTypingFeatures))
    expect(found).toBeLessThanOrEqual(5 / PEOPLE)
  })
})
