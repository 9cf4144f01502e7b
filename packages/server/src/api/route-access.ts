/**
 * Which routes of the API answer somebody who shows no session. All others refuse them before they look at what was sent.
 *
 * A route says in its OpenAPI declaration that it needs a session (`security`), and that is enforced here, for all of them, before
 * the body is judged: a handler that forgets to ask is still closed. What is neither declared nor in this list keeps the portal from
 * starting. The sentinel goes by the same list, so a route that somebody declares open is found to be.
 */
import { FairtraceError } from '@fairtrace/core'
import type { FastifyRequest, RouteOptions } from 'fastify'
import type { PortalApp } from './app.ts'
import type { Identities } from './identity.ts'

/** `METHOD path` as the OpenAPI document names it, with why it is open. */
export const OPEN_ROUTES: Readonly<Record<string, string>> = {
  'GET /healthz': 'says whether it runs',
  'GET /api/programme': 'the programme and its charter, for everybody',
  'GET /api/programme/changes': 'proposed charters, for everybody whom they would concern',
  'POST /api/programme/charter/approvals': 'the approver’s signature is the credential',
  'POST /api/gate/signatures': 'the signature of one of the quorum is the credential',
  'GET /api/charters/{hash}': 'every charter that was in force, for everybody',
  'GET /api/notices/{version}': 'the notice, for everybody who is asked',
  'POST /api/join': 'the invitation’s code is the credential',
  'POST /api/sign-in': 'the password is the credential',
  'POST /api/sign-out': 'ends a session, or nothing',
  'POST /api/devices': 'a session, or a one-time code',
  'POST /api/leases': 'the device’s signature is the credential',
  'POST /api/leases/renew': 'the device’s signature is the credential',
  'POST /api/permits': 'the device’s signature is the credential',
  'GET /api/devices/events': 'the device’s signature is the credential',
  'GET /api/concerns/keys': 'public keys',
  'POST /api/concerns': 'a token that nobody can link to a person is the credential',
  'POST /api/concerns/join': 'a token that nobody can link to a person is the credential',
  'POST /api/concerns/leave': 'a token that nobody can link to a person is the credential',
}

/** Before any route is registered. */
export function guardRoutes(app: PortalApp, identities: Identities): void {
  app.addHook('onRoute', requireDeclaration)
  app.addHook('preValidation', async (request) => {
    if (needsSession(request)) await identities.requireAnybody(request)
  })
}

/** @throws `INTERNAL` for a route that is declared neither open nor closed */
function requireDeclaration({ method, url, schema }: RouteOptions): void {
  if (schema === undefined || schema.hide === true) return
  for (const one of [method].flat()) {
    if (one === 'HEAD' || one === 'OPTIONS') continue
    const name = `${one} ${url.replaceAll(/:([A-Za-z]+)/g, '{$1}')}`
    const isClosed = isSessionNeeded(schema.security)
    if (!isClosed && !Object.hasOwn(OPEN_ROUTES, name)) {
      throw new FairtraceError('INTERNAL', `${name} needs \`security\` in its schema, or a line in route-access.ts`)
    }
  }
}

function needsSession({ routeOptions: { method, url, schema } }: FastifyRequest): boolean {
  const name = `${[method].flat()[0]} ${url?.replaceAll(/:([A-Za-z]+)/g, '{$1}')}`
  return isSessionNeeded((schema as RouteOptions['schema'])?.security) && !Object.hasOwn(OPEN_ROUTES, name)
}

/** As OpenAPI reads it: any one of the alternatives is enough, and an empty one needs nothing. */
function isSessionNeeded(security: readonly Readonly<Record<string, unknown>>[] | undefined): boolean {
  return security !== undefined && security.length > 0 && security.every((one) => Object.keys(one).length > 0)
}
