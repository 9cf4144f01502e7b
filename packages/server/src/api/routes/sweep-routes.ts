/** What the scanner has swept, and asking it to sweep now: for data protection. */
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'
import { refusals } from '../schemas.ts'

const placeName = z.string().regex(/^[a-z0-9_-]{1,128}$/)
const completeSweep = z.object({
  endedAtMs: z.int(),
  startedAtMs: z.int(),
  items: z.int(),
  unchanged: z.int(),
  bytes: z.int(),
  skipped: z.record(z.string(), z.int()).describe('How many were not, or not wholly, read, by reason'),
  named: z.array(z.string()).describe('A few of them'),
})
export const sweepsAnswer = z.object({
  nowMs: z.int(),
  places: z.array(
    z.object({
      place: z.string(),
      at: z.string(),
      state: z.enum(['running', 'complete', 'unreachable']),
      startedAtMs: z.int(),
      items: z.int(),
      bytes: z.int(),
      complete: completeSweep.nullable().describe('The last one that was complete'),
    }),
  ),
})
const sweepBody = z.strictObject({ place: placeName.optional().describe('Left out: every place') })

export function sweepRoutes(app: PortalApp, { identities, database, programmes }: Portal): void {
  const common = { tags: ['access'], security: [{ session: [] }] }
  app.get('/api/sweeps', {
    schema: {
      ...common,
      summary:
        'Places that are swept for copies: how far, how long ago, and what was skipped (data protection, worker representative, auditor)',
      response: { 200: sweepsAnswer, ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, 'data-protection', 'worker-representative', 'auditor')
      const { rows } = await database.pool.query(
        `select place, at, state, started_at_ms as "startedAtMs", items, bytes, complete from scanner.sweeps order by place`,
      )
      // By the system's own clock, as the scanner's: a demonstration's can be moved.
      return sweepsAnswer.parse({ nowMs: Date.now(), places: rows })
    },
  })
  app.post('/api/sweeps', {
    schema: {
      ...common,
      summary: 'Sweep one place, or all, now (data protection)',
      body: sweepBody,
      response: { 200: z.object({ asked: z.literal(true) }), ...refusals },
    },
    handler: async (request) => {
      await identities.requireStaff(request, 'data-protection')
      const { place } = request.body
      if (place !== undefined) await requirePlace(place)
      await database.pool.query('insert into scanner.requests (place) values ($1)', [place ?? null])
      return { asked: true as const }
    },
  })

  /** Who waited for a place that nobody sweeps would wait for ever. @throws `NOT_FOUND` */
  async function requirePlace(place: string): Promise<void> {
    const { rowCount } = await database.pool.query('select from scanner.sweeps where place = $1', [place])
    const named = (await programmes.read())?.charter.exposure.places ?? []
    if (rowCount === 0 && !named.some(({ name }) => name === place)) {
      throw new FairtraceError('NOT_FOUND', `no place called ${place} is swept`)
    }
  }
}
