/** The page of concerns, for participants and staff, and the form by which worker representatives answer. */
import { id128Pattern } from '@fairtrace/core'
import formbody from '@fastify/formbody'
import { z } from 'zod'
import { answerConcern } from '../../concerns/concerns.ts'
import { listConcerns, shownThresholds } from '../../concerns/list.ts'
import type { PortalApp } from '../app.ts'
import { renderConcerns } from '../pages/concerns-page.ts'
import type { Portal } from '../portal.ts'
import { answerBody } from './concern-routes.ts'

const PAGE = { config: { page: true }, schema: { hide: true } } as const
const params = z.object({ concern: z.string().regex(id128Pattern) })

export async function concernPages(root: PortalApp, portal: Portal): Promise<void> {
  const { database, programmes, identities, clock, consequences } = portal
  await root.register(async (plain) => {
    const app: PortalApp = plain
    await app.register(formbody)

    app.get('/concerns', PAGE, async (request, reply) => {
      const who = await identities.requireAnybody(request)
      await consequences.pauseWhereDue()
      const programme = await programmes.require()
      const { demonstration } = programme.charter
      const frame = { title: 'Concerns', path: '/concerns', who, hasSignIn: true, isDemonstration: demonstration }
      const view = {
        concerns: await listConcerns(database, programme, clock.nowMs()),
        thresholds: shownThresholds(programme),
        mayAnswer: who.kind === 'staff' && who.roles.has('worker-representative'),
      }
      return reply.type('text/html; charset=utf-8').send(renderConcerns(frame, view))
    })

    app.post(
      '/concerns/:concern/answer',
      { ...PAGE, schema: { hide: true, params, body: answerBody } },
      async (request, reply) => {
        await identities.requireStaff(request, 'worker-representative')
        await answerConcern(portal, request.params.concern, request.body.text)
        return reply.redirect('/concerns', 303)
      },
    )
  })
}
