/** The keeper's door: signed requests, and the C2SP witness protocol. */
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import fastify, { type FastifyInstance } from 'fastify'
import { KEEPER_BUILD } from './build.ts'
import type { Keeper } from './keeper.ts'

/** A slice of content keys, or a charter, in base64url. */
const BODY_BYTES_MAX = 4 * 1024 * 1024
const CHECKPOINT_BYTES_MAX = 64 * 1024

export interface KeeperServer {
  /** `http://host:port` */
  readonly address: string
  stop(): Promise<void>
}

export async function serveKeeper(keeper: Keeper, host: string, port: number): Promise<KeeperServer> {
  const app = fastify({ bodyLimit: BODY_BYTES_MAX, trustProxy: false })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  answerErrors(app)
  app.get('/healthz', () => ({ state: 'ready' }))
  // Public halves alone: for the charter, and for the policy of whoever trusts this witness.
  app.get('/key', () => ({ publicKey: keeper.publicKey, witness: keeper.witnessKey(), build: KEEPER_BUILD }))
  app.post('/v1', async (request, reply) => {
    const token = typeof request.body === 'string' ? request.body : ''
    return reply.type('application/jose').send(await keeper.answer(token))
  })
  app.post('/add-checkpoint', { bodyLimit: CHECKPOINT_BYTES_MAX }, async (request, reply) => {
    const answer = await keeper.addCheckpoint(typeof request.body === 'string' ? request.body : '')
    if (answer.status === 200) return reply.type('text/plain; charset=utf-8').send(answer.cosignatures)
    const type = answer.status === 409 ? 'text/x.tlog.size' : 'text/plain; charset=utf-8'
    return reply.status(answer.status).type(type).send(answer.body)
  })
  const address = await app.listen({ host, port })
  return { address, stop: () => app.close() }
}

/** What was not signed by anybody known gets no signature either. */
function answerErrors(app: FastifyInstance): void {
  const bodyOf = ({ code, message, advice }: FairtraceError) => ({ error: { code, message, advice } })
  app.setErrorHandler((error, _request, reply) => {
    const known = isFairtraceError(error) ? error : new FairtraceError('BODY_INVALID', 'the keeper could not read this')
    return reply.status(known.status).send(bodyOf(known))
  })
  app.setNotFoundHandler((_request, reply) =>
    reply.status(404).send(bodyOf(new FairtraceError('NOT_FOUND', 'the keeper has no such address'))),
  )
}
