/** Joining, choosing, withdrawing: everything here is a participant's own, found by their session and by nothing else. */
import { FairtraceError } from '@fairtrace/core'
import { giveConsent, withdrawConsent } from '../../consent/consent.ts'
import { isConsentCurrent } from '../../consent/decide.ts'
import { foldConsent } from '../../consent/state.ts'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'
import {
  consentAnswer,
  consentBody,
  cutOffBody,
  deviceAnswer,
  deviceBody,
  devicesAnswer,
  doneAnswer,
  joinAnswer,
  joinBody,
  noFields,
  receiptAnswer,
  refusals,
} from '../schemas.ts'

const PARTICIPANT = { tags: ['consent'], security: [{ session: [] }] }

export function consentRoutes(app: PortalApp, { programmes, identities, store, issuer, clock }: Portal): void {
  app.post('/api/join', {
    schema: {
      tags: ['consent'],
      summary: 'Use an invitation',
      body: joinBody,
      response: { 200: joinAnswer, ...refusals },
    },
    handler: async (request) => {
      const programme = await programmes.read()
      if (programme === null || programme.state === 'draft' || programme.state === 'closed') {
        throw new FairtraceError('PROGRAMME_NOT_RUNNING', 'the programme takes nobody in this state')
      }
      const { notice } = programme.charter
      const nowMs = clock.nowMs()
      const { session, pseudonym } = await store.join(request.body.code, notice.version, nowMs)
      return {
        session,
        pseudonym,
        notice: { version: notice.version, text: notice.text },
        reflectionEndsAtMs: nowMs + notice.reflection,
      }
    },
  })

  app.get('/api/consent', {
    schema: { ...PARTICIPANT, summary: 'My consent and its history', response: { 200: consentAnswer, ...refusals } },
    handler: async (request) => {
      const { pseudonym, joinedAtMs } = await identities.requireParticipant(request)
      const { charter } = await programmes.require()
      const history = await store.history(pseudonym)
      const consent = foldConsent(history)
      return {
        state: consent.state,
        version: consent.version,
        current: isConsentCurrent(charter, consent, clock.nowMs()),
        reflectionEndsAtMs: joinedAtMs + charter.notice.reflection,
        history: history.map(({ version, atMs, event }) => ({
          version,
          state: event.kind,
          atMs,
          noticeVersion: event.noticeVersion,
          categories: event.kind === 'given' ? event.categories : [],
          apps: event.kind === 'given' ? event.apps : [],
          receipt: event.receipt,
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

  app.get('/api/devices', {
    schema: { ...PARTICIPANT, summary: 'My devices', response: { 200: devicesAnswer, ...refusals } },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      return { devices: [...(await store.devices(pseudonym))] }
    },
  })

  app.post('/api/devices', {
    schema: {
      ...PARTICIPANT,
      summary: 'Enrol a device of mine',
      body: deviceBody,
      response: { 200: deviceAnswer, ...refusals },
    },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      const { charter } = await programmes.require()
      const { publicKey, build } = request.body
      if (!charter.builds.includes(build))
        throw new FairtraceError('BUILD_NOT_REVIEWED', 'the build is not in the charter')
      return { device: await store.enrol(pseudonym, publicKey, build) }
    },
  })

  app.post('/api/devices/cut-off', {
    schema: {
      ...PARTICIPANT,
      summary: 'Cut off a device of mine for good',
      body: cutOffBody,
      response: { 200: doneAnswer, ...refusals },
    },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      await store.cutOff(pseudonym, request.body.device)
      return { done: true as const }
    },
  })
}
