/**
 * What is stored about oneself: opened by one's own passkey, with no grant, also while the programme is locked.
 *
 * The portal hands over ciphertext and sealed keys; only the key pair of whoever asked opens them. It never sees a recording.
 */
import { randomBytes } from 'node:crypto'
import {
  assertionSchema,
  digestPattern,
  FairtraceError,
  id128Pattern,
  type OwnAccess,
  ownAccessChallenge,
  ownAccessSchema,
} from '@fairtrace/core'
import { z } from 'zod'
import { FileObjects } from '../../store/objects.ts'
import { type ChunkRow, factsOfRow, placeOfRow } from '../../vault/chunk-rows.ts'
import { chunkFactsSchema, segmentKey } from '../../vault/segment.ts'
import type { PortalApp } from '../app.ts'
import { renderOwnData } from '../pages/own-data-page.ts'
import { passkeyPlace } from '../passkey-place.ts'
import type { Portal } from '../portal.ts'
import { refusals } from '../schemas.ts'
import type { MakeFrame } from './account-pages.ts'

const OWN = { tags: ['own data'], security: [{ session: [] }] }
const PAGE = { config: { page: true }, schema: { hide: true } } as const
/** From the request to the passkey's word. */
const REQUEST_MS = 10 * 60_000

const requestBody = z.strictObject({
  what: z.enum(['view', 'export']),
  recipientKey: z.string().regex(digestPattern).describe('A fresh raw X25519 public key of whoever will read it'),
})
const requestAnswer = z.object({
  request: ownAccessSchema,
  challenge: z.string().describe('What the passkey signs'),
  rpId: z.string(),
  allowCredentials: z.array(z.object({ id: z.string(), type: z.literal('public-key') })),
  page: z.string().describe('Where a person confirms it in a browser'),
})
const openingBody = z.strictObject({ request: ownAccessSchema, assertion: assertionSchema })
const openingParams = z.strictObject({ id: z.string().regex(id128Pattern) })
const openingAnswer = z.object({
  state: z.enum(['requested', 'opened', 'refused']),
  code: z.string().nullable(),
  ledgerIndex: z.int().nullable(),
  keys: z
    .array(z.object({ contentKeyId: z.string(), enc: z.string(), sealed: z.string() }))
    .nullable()
    .describe('Content keys, sealed by HPKE to the recipient key'),
})
const chunksAnswer = z.object({ chunks: z.array(chunkFactsSchema).describe('In order of recording and part') })
const chunkParams = z.strictObject({ batch: z.string().regex(digestPattern) })
const pageQuery = z.object({ request: z.string().max(2_000) })

export function ownDataRoutes(app: PortalApp, portal: Portal): void {
  const { identities, database, passkeys, programmes, clock } = portal

  app.post('/api/me/data/requests', {
    schema: {
      ...OWN,
      summary: 'Begin to see or export my data',
      body: requestBody,
      response: { 200: requestAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireParticipant(request)
      const programme = await programmes.require()
      const asked: OwnAccess = {
        id: randomBytes(16).toString('base64url'),
        programme: programme.id,
        pseudonym: who.pseudonym,
        ...request.body,
        requestedAtMs: clock.nowMs(),
      }
      const { origin } = passkeyPlace(portal.publicAddress())
      const text = Buffer.from(JSON.stringify(asked)).toString('base64url')
      return {
        request: asked,
        challenge: ownAccessChallenge(asked),
        rpId: programme.charter.passkeys.rpId,
        allowCredentials: (await passkeys.list(who)).map(({ id }) => ({ id, type: 'public-key' as const })),
        page: `${origin}/me/data?request=${text}`,
      }
    },
  })

  app.post('/api/me/data/openings', {
    schema: {
      ...OWN,
      summary: 'Open my data with my passkey’s word',
      body: openingBody,
      response: { 200: openingAnswer, ...refusals },
    },
    handler: async (request) => {
      const who = await identities.requireParticipant(request)
      const { request: asked, assertion } = request.body
      requireOwn(asked, who.pseudonym)
      await database.db
        .insertInto('vault.own_openings')
        .values({ id: asked.id, request: JSON.stringify({ request: asked, assertion }) })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      await database.pool.query(`select pg_notify('fairtrace_openings', $1)`, [asked.id])
      return await stateOf(asked.id, who.pseudonym)
    },
  })

  app.get('/api/me/data/openings/:id', {
    schema: {
      ...OWN,
      summary: 'Whether my data is open, and its keys',
      params: openingParams,
      response: { 200: openingAnswer, ...refusals },
    },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      return await stateOf(request.params.id, pseudonym)
    },
  })

  app.get('/api/me/chunks', {
    schema: {
      ...OWN,
      summary: 'What is stored about me: one line a batch',
      response: { 200: chunksAnswer, ...refusals },
    },
    handler: async (request) => {
      const { pseudonym } = await identities.requireParticipant(request)
      return { chunks: (await chunksOf(pseudonym)).map(factsOfRow) }
    },
  })

  app.get('/api/me/chunks/:batch', {
    schema: { ...OWN, summary: 'One stored batch of mine, encrypted', params: chunkParams },
    handler: async (request, reply) => {
      const { pseudonym } = await identities.requireParticipant(request)
      const row = (await chunksOf(pseudonym)).find(({ batch_id }) => batch_id === request.params.batch)
      if (row === undefined) throw new FairtraceError('NOT_FOUND', 'nothing of yours is stored under this id')
      const { offset, length } = placeOfRow(row)
      const bytes = await new FileObjects(portal.objectsDir).read(segmentKey(row.segment_id), offset, length)
      return reply.type('application/octet-stream').send(bytes)
    },
  })

  /** @throws `BODY_INVALID` */
  function requireOwn(asked: OwnAccess, pseudonym: string): void {
    const ageMs = clock.nowMs() - asked.requestedAtMs
    const isFresh = 0 <= ageMs && ageMs <= REQUEST_MS
    if (asked.pseudonym !== pseudonym || !isFresh) {
      throw new FairtraceError('BODY_INVALID', 'the request is about somebody else, or older than ten minutes')
    }
  }

  async function stateOf(id: string, pseudonym: string): Promise<z.infer<typeof openingAnswer>> {
    const row = await database.db
      .selectFrom('vault.own_openings')
      .select(['request', 'state', 'code', 'ledger_index', 'answer'])
      .where('id', '=', id)
      .executeTakeFirst()
    const stored = openingBody.safeParse(row?.request)
    if (row === undefined || stored.data?.request.pseudonym !== pseudonym) {
      throw new FairtraceError('NOT_FOUND', 'you have no such opening')
    }
    const answer = openingAnswer.pick({ keys: true }).safeParse(row.answer)
    return { state: row.state, code: row.code, ledgerIndex: row.ledger_index, keys: answer.data?.keys ?? null }
  }

  async function chunksOf(pseudonym: string): Promise<readonly ChunkRow[]> {
    const { rows } = await database.pool.query<ChunkRow>(
      'select * from vault.chunks_of($1) order by recording, part, batch_id',
      [pseudonym],
    )
    return rows
  }
}

/** The page on which a passkey confirms what a command or another page asked for. */
export function ownDataPages(app: PortalApp, portal: Portal, frame: MakeFrame): void {
  const { identities, passkeys, programmes } = portal
  app.get('/me/data', { ...PAGE, schema: { hide: true, querystring: pageQuery } }, async (request, reply) => {
    const who = await identities.requireParticipant(request)
    const programme = await programmes.require()
    const asked = parseRequest(request.query.request)
    if (asked.pseudonym !== who.pseudonym) throw new FairtraceError('NOT_FOUND', 'this is not your request')
    const { origin } = passkeyPlace(portal.publicAddress())
    const view = {
      request: asked,
      challenge: ownAccessChallenge(asked),
      rpId: programme.charter.passkeys.rpId,
      credentials: (await passkeys.list(who)).map(({ id }) => id),
      address: `${origin}${request.url}`,
      isThere: request.headers.host === new URL(origin).host,
    }
    return reply
      .type('text/html; charset=utf-8')
      .send(renderOwnData(frame('Open my data', '/me/data', who, programme), view))
  })
}

function parseRequest(text: string): OwnAccess {
  try {
    return ownAccessSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch (cause) {
    throw new FairtraceError('BODY_INVALID', 'the request in the address can’t be read', { cause })
  }
}
