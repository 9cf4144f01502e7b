/** Joining, choosing, withdrawing: everything here is a participant's own, found by their session and by nothing else. */
import { FairtraceError } from '@fairtrace/core'
import { giveConsent, pauseConsent, resumeConsent, withdrawConsent } from '../../consent/consent.ts'
import { isConsentCurrent } from '../../consent/decide.ts'
import { noticeOfVersion } from '../../consent/kept-charters.ts'
import { momentOf, renewalOf } from '../../consent/legal-state.ts'
import { receiptOf } from '../../consent/state.ts'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'
import {
  consentAnswer,
  consentBody,
  consentQuery,
  joinAnswer,
  joinBody,
  noFields,
  noticeAnswer,
  noticeParams,
  pauseAnswer,
  receiptAnswer,
  refusals,
} from '../schemas.ts'

const PARTICIPANT = { tags: ['consent'], security: [{ session: [] }] }

export function consentRoutes(app: PortalApp, portal: Portal): void {
  const { programmes, identities, passkeys, store, issuer, clock } = portal
  app.post('/api/join', {
    schema: {
      tags: ['consent'],
      summary: 'Use an invitation',
      body: joinBody,
      response: { 200: joinAnswer, ...refusals },
    },
    handler: (request) => join(portal, request.body.code, request.body.pseudonym),
  })

  app.get('/api/notices/:version', {
    schema: {
      tags: ['consent'],
      summary: 'The exact text of a notice that is or was in force',
      params: noticeParams,
      response: { 200: noticeAnswer, ...refusals },
    },
    handler: async (request) => noticeOfVersion(await programmes.require(), request.params.version),
  })

  app.get('/api/consent', {
    schema: {
      ...PARTICIPANT,
      summary: 'My consent and its history, now or as it was at a moment',
      querystring: consentQuery,
      response: { 200: consentAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireParticipant(request)
      const { pseudonym, joinedAtMs } = who
      const programme = await programmes.require()
      const nowMs = clock.nowMs()
      const atMs = Math.min(request.query.at ?? nowMs, nowMs)
      const history = (await store.history(pseudonym)).filter((event) => event.atMs <= atMs)
      const { consent, legal, sinceMs, record } = momentOf(history, programme, pseudonym, atMs, nowMs)
      const isPaused = consent.state === 'given' && consent.isPaused
      const renewal = renewalOf(programme, consent)
      return {
        state: consent.state,
        version: consent.version,
        current: !isPaused && isConsentCurrent(programme, consent, atMs),
        isPaused,
        legalState: legal,
        legalSinceMs: sinceMs,
        endsAtMs: renewal?.endsAtMs ?? null,
        renewAtMs: renewal?.renewAtMs ?? null,
        isErasing: consent.state === 'withdrawn' && (await store.isErasing(pseudonym)),
        reflectionEndsAtMs: joinedAtMs + programme.charter.notice.reflection,
        passkeyWorksFromMs: await passkeys.waitsUntilMs(who),
        record,
        history: history.map(({ version, atMs: eventAtMs, event }) => ({
          version,
          state: event.kind,
          atMs: eventAtMs,
          noticeVersion: event.noticeVersion,
          categories: event.kind === 'withdrawn' ? [] : event.categories,
          apps: event.kind === 'withdrawn' ? [] : event.apps,
          receipt: receiptOf(event),
        })),
      }
    },
  })

  app.post('/api/consent', {
    schema: {
      ...PARTICIPANT,
      summary: 'Give consent, or change the choices',
      body: consentBody,
      response: { 200: receiptAnswer, ...refusals },
    },
    handler: async (request) => {
      const participant = await identities.requireParticipant(request)
      const { version, ...choice } = request.body
      const seen = { ...choice, seenVersion: version ?? null }
      return { receipt: await giveConsent(store, await programmes.read(), participant, seen, clock.nowMs(), issuer) }
    },
  })

  for (const [path, summary, change] of [
    ['/api/consent/pause', 'Pause: nothing of mine is captured until I resume', pauseConsent],
    ['/api/consent/resume', 'Resume after my own pause', resumeConsent],
  ] as const) {
    app.post(path, {
      schema: { ...PARTICIPANT, summary, body: noFields, response: { 200: pauseAnswer, ...refusals } },
      handler: async (request) => {
        const { pseudonym } = await identities.requireParticipant(request)
        const { state, version, isPaused } = await change(store, pseudonym, clock.nowMs())
        return { state, version, isPaused }
      },
    })
  }

  app.post('/api/consent/withdraw', {
    schema: {
      ...PARTICIPANT,
      summary: 'Withdraw, at once',
      body: noFields,
      response: { 200: receiptAnswer, ...refusals },
    },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      return { receipt: await withdrawConsent(store, await programmes.require(), pseudonym, clock.nowMs(), issuer) }
    },
  })
}

/**
 * Uses an invitation up: a new participant, and the session that is theirs from now on.
 * @throws `INVITATION_UNKNOWN`, `PROGRAMME_NOT_RUNNING`
 */
export async function join({ programmes, store, clock }: Portal, code: string, drawn?: string) {
  const programme = await programmes.read()
  const takesNobody = ['draft', 'closed', 'locked']
  if (programme === null || takesNobody.includes(programme.state)) {
    throw new FairtraceError('PROGRAMME_NOT_RUNNING', 'the programme takes nobody in this state')
  }
  const { notice } = programme.charter
  const nowMs = clock.nowMs()
  const { session, pseudonym } = await store.join(code, notice.version, nowMs, drawn)
  return {
    session,
    pseudonym,
    notice: { version: notice.version, text: notice.text },
    reflectionEndsAtMs: nowMs + notice.reflection,
  }
}
