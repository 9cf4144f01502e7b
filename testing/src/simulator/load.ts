/** Actions for load: what a shield with the default levels makes of simulated people at work. */
import { type Action, createShield, defaultShieldSettings, type ShieldSettings } from '@fairtrace/core'
import { SIMULATED_APPS } from './apps.ts'
import { createParticipant } from './participant.ts'

const SESSION_ACTIONS = 200
const FIRST_DAY_MS = Date.UTC(2026, 0, 5, 9)
const DAY_MS = 86_400_000

/** The design's default levels, with the apps and the catalogues of the simulated office. */
export function simulatedShieldSettings(): ShieldSettings {
  const labels = new Map(SIMULATED_APPS.map((app) => [app.id, new Set(app.labels)]))
  return { ...defaultShieldSettings(labels.keys()), labels }
}

/**
 * Exactly `count` actions of ordinary work, session after session, each by another person.
 *
 * The first is a `switch`, as in every recording: take a seed for each batch rather than a slice of one long list. The same
 * seed gives the same actions, and a larger count begins with those of a smaller one.
 */
export function simulatedActions(seed: number, count: number): Action[] {
  const settings = simulatedShieldSettings()
  const actions: Action[] = []
  for (let index = 0; actions.length < count; index++) {
    const shield = createShield(settings)
    const session = createParticipant(seed, index).session(null, FIRST_DAY_MS + (index % 365) * DAY_MS, {
      actionsAbout: SESSION_ACTIONS,
      motion: false,
    })
    for (const event of session) shield.push(event, actions)
    shield.end(actions)
  }
  actions.length = count
  return actions
}
