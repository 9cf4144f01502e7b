import { type Action, appIdPattern, checkConformance, createShield, type InputEvent } from '@fairtrace/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SIMULATED_APPS } from './apps.ts'
import { CONTENT_WORDS } from './layout.ts'
import { simulatedActions, simulatedShieldSettings } from './load.ts'
import { createParticipant } from './participant.ts'
import { SIMULATED_TASKS } from './tasks.ts'

const START_MS = Date.UTC(2026, 0, 5, 9)

describe('the simulated office', () => {
  it('can be listed in a charter', () => {
    for (const { id, title, labels } of SIMULATED_APPS) {
      expect(id).toMatch(appIdPattern)
      expect(title.length).toBeLessThanOrEqual(80)
      expect(new Set(labels).size).toBe(labels.length)
      expect(labels.every((label) => label.length >= 1 && label.length <= 64)).toBe(true)
    }
    for (const { id, instruction } of SIMULATED_TASKS) {
      expect(id).toMatch(/^[a-z0-9-]{1,64}$/)
      expect(instruction.length).toBeLessThanOrEqual(500)
    }
  })

  it('has passwords, fields that nobody knows, and private apps, so that a shield has something to drop', () => {
    const dropped = Array.from({ length: 12 }, (_, index) => shielded(index, null, 400).dropped)
    for (const reason of ['app-not-listed', 'field-secure', 'field-unknown'] as const) {
      expect(dropped.reduce((sum, counts) => sum + counts[reason], 0)).toBeGreaterThan(0)
    }
    expect(dropped.reduce((sum, counts) => sum + counts.internal + counts.malformed, 0)).toBe(0)
  })

  it('shows people’s content under the pointer, and none of it comes through the shield', () => {
    const events = [...createParticipant(1, 0).session(null, START_MS, { actionsAbout: 400, motion: false })]
    const seen = (values: readonly (InputEvent | Action)[]) =>
      CONTENT_WORDS.some((words) => JSON.stringify(values).includes(words))
    expect(seen(events)).toBe(true)
    expect(seen(shielded(0, null, 400).actions)).toBe(false)
  })

  it.each([null, ...SIMULATED_TASKS.map((task) => task.id)])('gives about as many actions as asked for: %s', (task) => {
    for (let index = 0; index < 10; index++) {
      const count = shielded(index, task, 200).actions.length
      expect(count).toBeGreaterThan(140)
      expect(count).toBeLessThan(260)
    }
  })
})

describe('simulatedActions', () => {
  it('gives exactly the number asked for, none at all included', () => {
    for (const count of [0, 1, 100, 1_234]) expect(simulatedActions(1, count)).toHaveLength(count)
  })

  it('begins with the app, conforms to the charter that lists the office, and repeats for the same seed', () => {
    const settings = simulatedShieldSettings()
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 600 }), (seed, count) => {
        const actions = simulatedActions(seed, count)
        expect(actions[0]?.kind).toBe('switch')
        expect(actions.map((action) => checkConformance(action, settings)).filter((fault) => fault !== null)).toEqual(
          [],
        )
        expect(simulatedActions(seed, count + 100).slice(0, count)).toEqual(actions)
      }),
      { numRuns: 20 },
    )
  })
})

function shielded(index: number, task: string | null, actionsAbout: number) {
  const shield = createShield(simulatedShieldSettings())
  const actions: Action[] = []
  const session = createParticipant(1, index).session(task, START_MS, { actionsAbout, motion: false })
  for (const event of session) shield.push(event, actions)
  shield.end(actions)
  return { actions, dropped: shield.counts.dropped }
}
