/** The page of lockdown and its one form, which works without a script. */
import formbody from '@fastify/formbody'
import { z } from 'zod'
import { lockdownReport, newestLockdown } from '../../lockdown/report.ts'
import { STAFF_ROLES } from '../../runtime/sign-in-settings.ts'
import type { PortalApp } from '../app.ts'
import { renderLockdown } from '../pages/lockdown-page.ts'
import type { Portal } from '../portal.ts'
import { LOCKERS, lockBody, lockByHand } from './lockdown-routes.ts'
import { rolesOf } from './programme-routes.ts'

const PAGE = { config: { page: true }, schema: { hide: true } } as const
/** Asked on the form itself: nobody locks by a slip. */
const lockForm = lockBody.extend({ sure: z.literal('yes') })

export async function lockdownPages(root: PortalApp, portal: Portal): Promise<void> {
  const { database, programmes, identities } = portal
  await root.register(async (plain) => {
    const app: PortalApp = plain
    await app.register(formbody)

    app.get('/lockdown', PAGE, async (request, reply) => {
      const who = await identities.requireStaff(request, ...STAFF_ROLES)
      const programme = await programmes.require()
      const newest = await newestLockdown(database)
      const exposures = await database.db
        .selectFrom('install.exposures')
        .select(['kind', 'subject', 'asks'])
        .where('state', 'in', ['open', 'contained'])
        .orderBy('found_at_ms')
        .limit(100)
        .execute()
      const { demonstration } = programme.charter
      const frame = { title: 'Lockdown', path: '/lockdown', who, hasSignIn: true, isDemonstration: demonstration }
      const view = {
        programme,
        exposures,
        report: newest === null ? null : await lockdownReport(database, newest),
        mayLock: LOCKERS.some((role) => who.roles.has(role)),
      }
      return reply.type('text/html; charset=utf-8').send(renderLockdown(frame, view))
    })

    app.post('/lockdown', { ...PAGE, schema: { hide: true, body: lockForm } }, async (request, reply) => {
      const who = await identities.requireStaff(request, ...LOCKERS)
      await lockByHand(portal, rolesOf(who), request.body.reason)
      return reply.redirect('/lockdown', 303)
    })
  })
}
