/** Devices: enrolling them, cutting them off, leases, permits, and the stream that tells them when a lease is over. */
import { FairtraceError, RENEWAL_SCHEME } from '@fairtrace/core'
import type { FastifyRequest } from 'fastify'
import { createDeviceCode, takeDeviceCode } from '../../consent/device-codes.ts'
import { issuePermits } from '../../consent/device-requests.ts'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'
import {
  cutOffBody,
  deviceAnswer,
  deviceCodeAnswer,
  devicesAnswer,
  doneAnswer,
  enrolBody,
  leaseAnswer,
  leaseOrSealedAnswer,
  noFields,
  permitsAnswer,
  refusals,
  tokenBody,
} from '../schemas.ts'

const TOKEN_BYTES_MAX = 16_384
const PARTICIPANT = { tags: ['devices'], security: [{ session: [] }] }

export async function deviceRoutes(app: PortalApp, portal: Portal): Promise<void> {
  enrolmentRoutes(app, portal)
  renewalRoutes(app, portal)
  await app.register(async (scope: PortalApp) => tokenRoutes(scope, portal))
}

function enrolmentRoutes(app: PortalApp, { database, programmes, identities, store, leases, clock }: Portal): void {
  app.get('/api/devices', {
    schema: { ...PARTICIPANT, summary: 'My devices', response: { 200: devicesAnswer, ...refusals } },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      return { devices: [...(await store.devices(pseudonym))] }
    },
  })

  app.post('/api/devices/codes', {
    schema: {
      ...PARTICIPANT,
      summary: 'A one-time code by which a device of mine enrols without my session',
      body: noFields,
      response: { 200: deviceCodeAnswer, ...refusals },
    },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      return createDeviceCode(database, pseudonym, clock.nowMs())
    },
  })

  app.post('/api/devices', {
    schema: {
      ...PARTICIPANT,
      summary: 'Enrol a device of mine: with my session, or with a one-time code',
      body: enrolBody,
      response: { 200: deviceAnswer, ...refusals },
    },
    handler: async (request) => {
      const { code, publicKey, build, device: drawn } = request.body
      const who = code === undefined ? await identities.requireParticipant(request) : null
      const { charter } = await programmes.require()
      if (!charter.builds.device.includes(build)) {
        throw new FairtraceError('BUILD_NOT_REVIEWED', 'the build is not in the charter')
      }
      const pseudonym = who?.pseudonym ?? (await takeDeviceCode(database, code ?? '', clock.nowMs()))
      const device = await store.enrol(pseudonym, publicKey, build, drawn)
      leases.changed(pseudonym)
      return { device }
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
      leases.changed(pseudonym)
      return { done: true as const }
    },
  })
}

function renewalRoutes(app: PortalApp, { leases, clock }: Portal): void {
  app.post('/api/leases/renew', {
    schema: {
      tags: ['devices'],
      summary: 'The next lease, for `Authorization: Renewal …` (docs/formats.md)',
      body: noFields,
      response: { 200: leaseAnswer, ...refusals },
    },
    handler: async (request) => ({ lease: await leases.office.renew(renewalOf(request), clock.nowMs()) }),
  })

  app.get('/api/devices/events', {
    schema: {
      tags: ['devices'],
      summary: 'Server-sent events: `revoke` says that the lease is over. For `Authorization: Renewal …`',
    },
    handler: async (request, reply) => {
      const { standing, endsAtMs } = await leases.office.listener(renewalOf(request), clock.nowMs())
      reply.hijack()
      const { device, pseudonym } = standing
      leases.push.connect(reply.raw, { device, handle: leases.handleOf(pseudonym), endsAtMs })
    },
  })
}

/** The body is the signed token itself, under whatever content type. */
function tokenRoutes(app: PortalApp, { programmes, store, leases, issuer, clock }: Portal): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: TOKEN_BYTES_MAX }, (_request, body, done) => {
    done(null, String(body).trim())
  })

  app.post('/api/leases', {
    schema: {
      tags: ['devices'],
      summary: 'A lease for the next minute; the body is a compact JWS, typ ft-lease-request+jwt',
      consumes: ['application/jose'],
      body: tokenBody,
      response: { 200: leaseOrSealedAnswer, ...refusals },
    },
    handler: (request) => leases.office.issue(request.body, clock.nowMs()),
  })

  app.post('/api/permits', {
    schema: {
      tags: ['devices'],
      summary: 'Upload permits for up to 64 batches; the body is a compact JWS, typ ft-permit-request+jwt',
      consumes: ['application/jose'],
      body: tokenBody,
      response: { 200: permitsAnswer, ...refusals },
    },
    handler: async (request) => ({
      permits: [...(await issuePermits(store, await programmes.read(), request.body, clock.nowMs(), issuer))],
    }),
  })
}

function renewalOf(request: FastifyRequest): string {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ')
  if (scheme !== RENEWAL_SCHEME || token === undefined) {
    throw new FairtraceError('RENEWAL_OVER', 'the request carries no renewal')
  }
  return token
}
