/** The HTTP server itself: schemas that validate, headers that confine, and one way for an error to leave. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import cookie from '@fastify/cookie'
import swagger from '@fastify/swagger'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type RawServerDefault,
} from 'fastify'
import {
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import type { Logger } from 'pino'
import { renderErrorPage } from './pages/error-page.ts'

export type PortalApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A page for people: its errors are pages too. */
    page?: boolean
  }
}

const BODY_BYTES_MAX = 64 * 1024

// Everything from ourselves, no inline script or style, no frame, and no other site is told where a reader came from.
// `no-referrer` would make a browser send `Origin: null` with our own forms, which then couldn't be told from others'.
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), display-capture=()',
} as const

export async function createApp(log: Logger): Promise<PortalApp> {
  // No request log: an address and a time for each renewal would be a timesheet.
  const app: PortalApp = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(HEADERS)
    // What a person sees here is theirs; files that may be kept say so themselves.
    reply.header('cache-control', 'no-store')
  })
  app.setErrorHandler((error, request, reply) => sendError(toFairtraceError(error, request, log), request, reply))
  app.setNotFoundHandler((request, reply) =>
    sendError(new FairtraceError('NOT_FOUND', 'there is nothing here'), request, reply),
  )
  await app.register(cookie)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Fairtrace portal',
        description:
          'Programme, consent, devices, leases and permits. Errors have one form; docs/errors.md lists the codes.',
        version: '0.1.0',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          session: { type: 'http', scheme: 'bearer', description: 'A session from joining or signing in.' },
        },
      },
    },
    transform: jsonSchemaTransform,
  })
  return app
}

function sendError(error: FairtraceError, request: FastifyRequest, reply: FastifyReply): void {
  const { code, message, advice, status } = error
  const isPage = request.routeOptions.config.page ?? request.headers.accept?.includes('text/html') ?? false
  if (isPage && code === 'SESSION_REQUIRED' && request.method === 'GET') {
    void reply.redirect('/sign-in', 303)
    return
  }
  reply.code(status)
  if (isPage) void reply.type('text/html; charset=utf-8').send(renderErrorPage(error))
  else void reply.type('application/json').serializer(JSON.stringify).send({ error: { code, message, advice } })
}

function toFairtraceError(error: unknown, request: FastifyRequest, log: Logger): FairtraceError {
  if (isFairtraceError(error)) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    const fields = error.validation
      .slice(0, 10)
      .map((issue) => `${issue.instancePath.slice(1) || 'body'}: ${issue.message}`)
    return new FairtraceError('BODY_INVALID', fields.join('; '))
  }
  // Fastify's own refusals: too large, not JSON, no such content type.
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (status >= 400 && status < 500) return new FairtraceError('BODY_INVALID', 'the body is too large or not readable')
  // The message may quote what was sent, so it stays out of the log; the place in the code doesn't.
  const place =
    error instanceof Error ? error.stack?.split('\n').filter((line) => line.startsWith('    at ')) : undefined
  const name = error instanceof Error ? error.name : typeof error
  log.error({ code: 'INTERNAL', route: request.routeOptions.url, name, place }, 'a request failed')
  return new FairtraceError('INTERNAL', 'something broke here')
}
