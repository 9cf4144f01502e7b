/** The effective audience, as the sentinel last saw it: for those who watch over access. */
import { SURFACES } from '@fairtrace/core'
import { z } from 'zod'
import { readAudience } from '../../sentinel/audience/audience-table.ts'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'
import { refusals } from '../schemas.ts'

const audienceAnswer = z.object({
  nowMs: z.int(),
  surfaces: z.array(
    z.object({
      surface: z.enum(SURFACES),
      seenAtMs: z.int().describe('When it was last looked at, Unix milliseconds'),
      unread: z.string().nullable().describe('Why it could not be read; what stands here is then older'),
      notShown: z.array(z.string()).describe('What nobody can see of it from here'),
      rows: z.array(
        z.object({
          who: z.string(),
          what: z.string(),
          through: z.string(),
          expected: z.boolean(),
          sinceMs: z.int(),
        }),
      ),
    }),
  ),
})

export function audienceRoutes(app: PortalApp, { identities, database }: Portal): void {
  app.get('/api/audience', {
    schema: {
      tags: ['access'],
      security: [{ session: [] }],
      summary:
        'Who can read what, through which path, and whether that was declared (data protection, worker representative, auditor)',
      response: { 200: audienceAnswer, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, 'data-protection', 'worker-representative', 'auditor')
      // By the system's own clock, as the sentinel's: a demonstration's can be moved.
      return { nowMs: Date.now(), surfaces: [...(await readAudience(database))] }
    },
  })
}
