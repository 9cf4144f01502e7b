/**
 * Intake: the one door for sealed batches. It verifies a permit, makes the bytes durable, and knows nothing else: not who sent
 * them, not what is in them. It logs no request, because addresses and times of arrival would be a timesheet.
 */
import { BATCH_BYTES_MAX, FairtraceError, isFairtraceError } from '@fairtrace/core'
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { signerFromSeed } from '../runtime/jws.ts'
import { startPoint } from '../runtime/points.ts'
import { watchProgramme } from '../runtime/programme.ts'
import type { StartRole } from '../runtime/role.ts'
import { openDatabase } from '../store/database.ts'
import { requireUpload, type UploadContext } from './check-upload.ts'
import { HeldBatches } from './held-batches.ts'
import { type Inbox, PostgresInbox } from './inbox.ts'
import { vaultKeys } from './vault-keys.ts'

const RETRY_AFTER_S = 5
const CONNECTIONS_MAX = 6

/** @throws `KEY_UNAVAILABLE` without a signing seed */
export const startIntake: StartRole = async ({ databaseUrl, secrets, clock, log, listen }) => {
  const signer = signerFromSeed(secrets.signingSeed ?? '')
  const database = openDatabase(durably(databaseUrl), CONNECTIONS_MAX)
  const programme = await watchProgramme(database)
  const inbox = new PostgresInbox(database)
  const held = new HeldBatches(database, programme, log)
  const context = { clock, keys: vaultKeys(database), currentProgramme: () => programme.current() }
  const failures = failureLog((code, count) => log.error({ code, count }, 'batches not accepted'))
  const point = await startPoint({
    ...{ database, role: 'intake', signer, programme, log },
    // What was let in before is written; from here on everything that comes is held, or refused.
    fence: async () => {
      await inbox.settled()
      return {}
    },
  })
  const taking: Inbox = {
    async add(batch) {
      const isHeld = programme.current()?.state === 'locked'
      await (isHeld ? held.add(batch) : inbox.add(batch))
      point.served(isHeld ? 'held' : 'batches')
    },
  }
  const app = intakeServer(context, taking, {
    isReady: () => programme.isFresh(),
    onFailure: failures.count,
  })
  const address = await app.listen({ host: listen.host, port: listen.port })
  return {
    address,
    async stop() {
      await app.close()
      await inbox.settled()
      failures.stop()
      await held.stop()
      await point.stop()
      await programme.stop()
      await database.close()
    },
  }
}

/** Acknowledged means on disk, whatever the server's own default is. */
function durably(databaseUrl: string): string {
  const url = new URL(databaseUrl)
  url.searchParams.set('options', '-c synchronous_commit=on')
  return url.href
}

export interface IntakeState {
  isReady(): boolean
  /** The server's own failures, by code alone. */
  onFailure(code: string): void
}

export function intakeServer(context: UploadContext, inbox: Inbox, state: IntakeState): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BATCH_BYTES_MAX,
    // A device on a slow line still sends its largest batch in this time; one that sends nothing holds no socket.
    requestTimeout: 120_000,
    connectionTimeout: 120_000,
    keepAliveTimeout: 30_000,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )

  app.get('/healthz', async (_request, reply) => {
    const isReady = state.isReady()
    return reply.code(isReady ? 200 : 503).send({ state: isReady ? 'ready' : 'starting' })
  })
  app.post('/batches', async (request) => {
    // Without a body there is nothing to parse, and none of its sizes.
    const bytes = request.body instanceof Uint8Array ? request.body : new Uint8Array(0)
    const batch = await requireUpload(bytes, request.headers.authorization, context)
    await inbox.add(batch)
    return { batch: batch.id }
  })
  app.setNotFoundHandler((_request, reply) => refuse(reply, new FairtraceError('NOT_FOUND', 'there is nothing here')))
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const refusal = refusalOf(error)
    if (refusal.status >= 500) state.onFailure(refusal.code)
    return refuse(reply, refusal)
  })
  return app
}

function refuse(reply: FastifyReply, { status, code, message, advice }: FairtraceError): FastifyReply {
  if (code === 'INTAKE_BUSY') void reply.header('retry-after', String(RETRY_AFTER_S))
  return reply.code(status).send({ error: { code, message, advice } })
}

function refusalOf(error: FastifyError): FairtraceError {
  if (isFairtraceError(error)) return error
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new FairtraceError('BATCH_TOO_LARGE', `more than ${BATCH_BYTES_MAX} bytes`)
  }
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new FairtraceError('BATCH_MALFORMED', 'the content type must be application/octet-stream')
  }
  const isTheirs = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
  if (isTheirs) return new FairtraceError('BODY_INVALID', 'the request is malformed')
  // The database, asked for a key, is away: nothing is acknowledged, and the device keeps the batch.
  return new FairtraceError('DATABASE_FAILED', 'the batch could not be checked', { cause: error })
}

/** Counts failures and says so once a second at most: during an outage every upload fails. */
function failureLog(say: (code: string, count: number) => void) {
  const counts = new Map<string, number>()
  const timer = setInterval(() => {
    for (const [code, count] of counts) say(code, count)
    counts.clear()
  }, 1_000)
  timer.unref()
  return {
    count: (code: string) => void counts.set(code, (counts.get(code) ?? 0) + 1),
    stop: () => clearInterval(timer),
  }
}
