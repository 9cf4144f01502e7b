/** Leases and permits. The body is the signed token itself, under whatever content type. */
import { issueLease, issuePermits } from '../../consent/device-requests.ts'
import type { PortalApp } from '../app.ts'
import type { Portal } from '../portal.ts'
import { leaseAnswer, permitsAnswer, refusals, tokenBody } from '../schemas.ts'

const TOKEN_BYTES_MAX = 16_384

export async function deviceRoutes(app: PortalApp, { programmes, store, issuer, clock }: Portal): Promise<void> {
  await app.register(async (plain) => {
    const scope: PortalApp = plain
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'string', bodyLimit: TOKEN_BYTES_MAX }, (_request, body, done) => {
      done(null, String(body).trim())
    })

    scope.post('/api/leases', {
      schema: {
        tags: ['devices'],
        summary: 'A lease for the next minute; the body is a compact JWS, typ ft-lease-request+jwt',
        consumes: ['application/jose'],
        body: tokenBody,
        response: { 200: leaseAnswer, ...refusals },
      },
      handler: async (request) => ({
        lease: await issueLease(store, await programmes.read(), request.body, clock.nowMs(), issuer),
      }),
    })

    scope.post('/api/permits', {
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
  })
}
