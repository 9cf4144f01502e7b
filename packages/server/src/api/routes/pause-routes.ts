/** Pausing the programme is always easy: no second factor, no second person. Going on is the owner's, with their passkey. */
import { setProgrammeState } from '../../consent/programme.ts'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'
import { changeAnswer, noFields, pauseBody, refusals } from '../schemas.ts'
import { rolesOf, toAnswer } from './programme-routes.ts'

const STAFF = { tags: ['programme'], security: [{ session: [] }] }

export function pauseRoutes(app: PortalApp, { database, identities, passkeys, clock }: Portal): void {
  app.post('/api/programme/pause', {
    schema: {
      ...STAFF,
      summary: 'Pause the programme and every source (data protection, worker representative, programme owner)',
      body: pauseBody,
      response: { 200: changeAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, 'data-protection', 'worker-representative', 'programme-owner')
      const change = { by: rolesOf(who), reason: request.body.reason }
      return toAnswer(await setProgrammeState(database, 'paused', change))
    },
  })

  app.post('/api/programme/resume', {
    schema: {
      ...STAFF,
      summary: 'Let a paused programme run again (programme owner, after a step-up for run-programme)',
      body: noFields,
      response: { 200: changeAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireStaff(request, 'programme-owner')
      await passkeys.requireStepUp(who, 'run-programme')
      const change = { by: rolesOf(who), reason: 'resumed by hand', nowMs: clock.nowMs() }
      return toAnswer(await setProgrammeState(database, 'running', change))
    },
  })
}
