/** The pages: what a role sees, and the forms that work without any script. */

import { FairtraceError } from '@fairtrace/core'
import formbody from '@fastify/formbody'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { type CharterProposal, listProposals } from '../../consent/charters.ts'
import { giveConsent, pauseConsent, resumeConsent, withdrawConsent } from '../../consent/consent.ts'
import { ownAccesses } from '../../consent/own-entries.ts'
import { setProgrammeState } from '../../consent/programme.ts'
import { shownParticipants } from '../../consent/shown-participants.ts'
import { receiptOf } from '../../consent/state.ts'
import { ownNotices } from '../../incident/incidents.ts'
import { erasureSteps } from '../../room/erasure-steps.ts'
import type { Programme } from '../../runtime/programme.ts'
import { STAFF_ROLES, type StaffRole } from '../../runtime/sign-in-settings.ts'
import type { ProgrammeState } from '../../store/tables.ts'
import type { PortalApp } from '../app.ts'
import type { StaffIdentity } from '../identity.ts'
import { renderHome, renderStarting } from '../pages/home-page.ts'
import type { Frame } from '../pages/layout.ts'
import { renderLog } from '../pages/log-page.ts'
import { ME_DONE, type MeDone, renderMe } from '../pages/me-page.ts'
import { movesFrom, renderProgramme } from '../pages/programme-page.ts'
import { renderReleases } from '../pages/releases-page.ts'
import type { Portal } from '../portal.ts'
import { cutOffBody, stateBody } from '../schemas.ts'
import type { SignedIn } from '../sessions.ts'
import { stepUpFor } from '../step-up.ts'
import { accessPages } from './access-pages.ts'
import { accountPages } from './account-pages.ts'
import { incidentPages } from './incident-pages.ts'
import { ownDataPages } from './own-data-routes.ts'
import { rolesOf } from './programme-routes.ts'

const PAGE = { config: { page: true }, schema: { hide: true } } as const
/** What one press may do. Closing can't be taken back, so it has no button. */
const MOVES: Readonly<Record<StaffRole, readonly ProgrammeState[]>> = {
  'programme-owner': ['approved', 'running', 'paused'],
  'data-protection': ['paused'],
  'worker-representative': ['paused'],
  researcher: [],
  auditor: [],
  operator: [],
}

/** One ticked box comes as a text, several as a list, none not at all. */
const ticked = z.union([z.string().transform((one) => [one]), z.array(z.string()).max(200)]).default([])
const consentForm = z.object({
  noticeVersion: z.coerce.number().int().min(1),
  version: z.coerce.number().int().min(0),
  categories: ticked,
  apps: ticked,
})
const meQuery = z.object({
  done: z
    .enum(Object.keys(ME_DONE) as [MeDone, ...MeDone[]])
    .optional()
    .catch(undefined),
})

export async function pageRoutes(root: PortalApp, portal: Portal): Promise<void> {
  const { programmes, identities, store, clock, issuer, database } = portal
  await root.register(async (plain) => {
    const app: PortalApp = plain
    await app.register(formbody)
    app.addHook('preHandler', async (_request, reply) => {
      if (!portal.isReady()) await sendPage(reply.code(503), renderStarting())
    })

    app.get('/', PAGE, async (request, reply) => {
      const programme = await programmes.read()
      const view = {
        programme,
        shownTotal: await total(programme),
        intake: portal.addresses.intake ?? null,
        proposals: await proposals(programme),
        portal: here(),
      }
      return sendPage(reply, renderHome(frame('Home', '/', await identities.of(request), programme), view))
    })

    accountPages(app, portal, frame)
    accessPages(app, portal, frame)
    ownDataPages(app, portal, frame)
    incidentPages(app, portal, frame)

    app.get('/me', { ...PAGE, schema: { hide: true, querystring: meQuery } }, async (request, reply) => {
      const who = await identities.requireParticipant(request)
      const programme = await programmes.require()
      const view = {
        programme,
        joinedAtMs: who.joinedAtMs,
        proposals: await proposals(programme),
        history: await store.history(who.pseudonym),
        devices: await store.devices(who.pseudonym),
        openings: await countOpenings(),
        accesses: await ownAccesses(database, who.pseudonym),
        notices: await ownNotices(database, who.pseudonym),
        isErasing: await store.isErasing(who.pseudonym),
        erasure: await erasureSteps(database, who.pseudonym),
        nowMs: clock.nowMs(),
        done: request.query.done ?? null,
      }
      return sendPage(reply, renderMe(frame('My part', '/me', who, programme), view))
    })

    app.post('/me/consent', { ...PAGE, schema: { hide: true, body: consentForm } }, async (request, reply) => {
      const who = await identities.requireParticipant(request)
      const { version, ...choice } = request.body
      const seen = { ...choice, seenVersion: version }
      await giveConsent(store, await programmes.read(), who, seen, clock.nowMs(), issuer)
      return reply.redirect('/me?done=consented', 303)
    })

    for (const [path, change, done] of [
      ['/me/pause', pauseConsent, 'paused'],
      ['/me/resume', resumeConsent, 'resumed'],
    ] as const) {
      app.post(path, PAGE, async (request, reply) => {
        const { pseudonym } = await identities.requireParticipant(request)
        await change(store, pseudonym, clock.nowMs())
        return reply.redirect(`/me?done=${done}`, 303)
      })
    }

    app.post('/me/withdraw', PAGE, async (request, reply) => {
      const { pseudonym } = await identities.requireParticipant(request)
      await withdrawConsent(store, await programmes.require(), pseudonym, clock.nowMs(), issuer)
      return reply.redirect('/me?done=withdrawn', 303)
    })

    app.post('/me/devices/cut-off', { ...PAGE, schema: { hide: true, body: cutOffBody } }, async (request, reply) => {
      const { pseudonym } = await identities.requireParticipant(request)
      await store.cutOff(pseudonym, request.body.device)
      return reply.redirect('/me?done=cut-off', 303)
    })

    const receiptParams = z.object({ version: z.coerce.number().int().min(1) })
    app.get(
      '/me/receipts/:version',
      { ...PAGE, schema: { hide: true, params: receiptParams } },
      async (request, reply) => {
        const { pseudonym } = await identities.requireParticipant(request)
        const { version } = request.params
        const found = (await store.history(pseudonym)).find((event) => event.version === version)
        const receipt = found === undefined ? null : receiptOf(found.event)
        if (receipt === null) throw new FairtraceError('NOT_FOUND', 'you have no such receipt')
        return reply
          .type('application/jose')
          .header('content-disposition', `attachment; filename="fairtrace-receipt-${version}.jwt"`)
          .send(receipt)
      },
    )

    app.get('/programme', PAGE, async (request, reply) => {
      const who = await identities.requireStaff(request, ...STAFF_ROLES)
      const programme = await programmes.read()
      const mayMoveTo = movesFrom(programme, movesOf(who))
      const view = { programme, shownTotal: await total(programme), mayMoveTo, proposals: await proposals(programme) }
      return sendPage(reply, renderProgramme(frame('Programme', '/programme', who, programme), view))
    })

    app.post('/programme/state', { ...PAGE, schema: { hide: true, body: stateBody } }, async (request, reply) => {
      const who = await identities.requireStaff(request, ...STAFF_ROLES)
      const { state } = request.body
      if (!movesOf(who).includes(state)) throw new FairtraceError('ROLE_REQUIRED', 'this is not yours to change')
      const purpose = stepUpFor(state)
      if (purpose !== null) await portal.passkeys.requireStepUp(who, purpose)
      await setProgrammeState(database, state, { by: rolesOf(who), reason: 'moved by hand', nowMs: clock.nowMs() })
      return reply.redirect('/programme', 303)
    })

    app.get('/releases', PAGE, async (request, reply) => {
      const who = await identities.requireStaff(request, ...STAFF_ROLES)
      const rows = await database.db
        .selectFrom('release.releases')
        .select(['id', 'name', 'created_at_ms', 'ledger_index', 'manifest'])
        .orderBy('created_at_ms', 'desc')
        .limit(100)
        .execute()
      const releases = rows.map(({ created_at_ms, ledger_index, ...row }) => ({
        ...row,
        createdAtMs: created_at_ms,
        ledgerIndex: ledger_index,
      }))
      return sendPage(reply, renderReleases(frame('Releases', '/releases', who, await programmes.read()), releases))
    })

    app.get('/log', PAGE, async (request, reply) => {
      const programme = await programmes.read()
      const checkpoint = await database.db
        .selectFrom('ledger.checkpoints')
        .select(['size', 'published as note'])
        .where('published', 'is not', null)
        .orderBy('size', 'desc')
        .limit(1)
        .executeTakeFirst()
      const publicKey = programme?.charter.keys.ledger ?? null
      const newest = checkpoint?.note ? { size: checkpoint.size, note: checkpoint.note } : null
      const view = { checkpoint: newest, publicKey, portal: here() }
      return sendPage(reply, renderLog(frame('Ledger', '/log', await identities.of(request), programme), view))
    })
  })

  function frame(title: string, path: string, who: SignedIn | null, programme: Programme | null): Frame {
    const isDemonstration = programme?.charter.demonstration ?? false
    return { title, path, who, hasSignIn: true, isDemonstration }
  }

  async function total(programme: Programme | null): Promise<number | null> {
    return programme === null ? null : shownParticipants(database, store, programme, clock.nowMs())
  }

  /** Everybody may read what waits: a notice period that nobody hears of is none. */
  async function proposals(programme: Programme | null): Promise<readonly CharterProposal[]> {
    return programme === null ? [] : listProposals(database, programme)
  }

  async function countOpenings(): Promise<number> {
    const { rows } = await database.pool.query<{ count: number }>(
      `select count(*) as count from ledger.entries where entry like '{"type":"grant.opened",%'`,
    )
    return rows[0]?.count ?? 0
  }

  function here(): string {
    return portal.publicAddress()
  }
}

/** All that any of the person's roles may do. */
function movesOf({ roles }: StaffIdentity): readonly ProgrammeState[] {
  return [...roles].flatMap((role) => MOVES[role])
}

function sendPage(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(text)
}
