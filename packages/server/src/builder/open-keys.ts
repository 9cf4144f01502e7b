/**
 * Asks the vault for content keys and waits for its answer.
 *
 * The answer lies in a table that others can read: each key in it is sealed to the builder's box key, which the approvers signed
 * for, and bound to its id.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Approval, ERRORS, type ErrorCode, FairtraceError, type Grant } from '@fairtrace/core'
import { z } from 'zod'
import { listen } from '../runtime/notifications.ts'
import type { OpenDatabase } from '../store/database.ts'
import { hpkeOpen, type X25519KeyPair } from '../vault/hpke.ts'
import { CONTENT_KEY_INFO } from '../vault/opening.ts'

/** The vault logs first and waits for a checkpoint; the ledger gives up after 10 s. */
export const OPENING_MS_MAX = 60_000
const POLL_MS = 500

const answerSchema = z.strictObject({
  keys: z.array(z.strictObject({ contentKeyId: z.string(), enc: z.string(), sealed: z.string() })),
})

/**
 * @returns content key by id, 32 bytes each; ids of people who were erased are missing
 * @throws `KEY_UNAVAILABLE` without an answer in time or with one that does not open; else the vault's own code
 */
export async function openContentKeys(
  database: OpenDatabase,
  box: X25519KeyPair,
  grant: Grant,
  approvals: readonly Approval[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Buffer>> {
  if (grant.recipientKey !== box.publicKeyRaw.toString('base64url')) {
    throw new FairtraceError('GRANT_INVALID', "the grant names another recipient than this builder's key")
  }
  const id = randomBytes(16).toString('base64url')
  await database.pool.query(`insert into vault.openings (id, request) values ($1, $2)`, [
    id,
    JSON.stringify({ grant, approvals }),
  ])
  await database.pool.query(`select pg_notify('fairtrace_openings', $1)`, [id])
  const answer = answerSchema.safeParse(await waitForAnswer(database, id, signal))
  if (!answer.success) throw new FairtraceError('KEY_UNAVAILABLE', "the vault's answer is malformed")
  return new Map(
    answer.data.keys.map(({ contentKeyId, enc, sealed }) => [contentKeyId, openKey(box, contentKeyId, enc, sealed)]),
  )
}

async function waitForAnswer(database: OpenDatabase, id: string, signal: AbortSignal): Promise<unknown> {
  let wake = new AbortController()
  const listener = listen(database, 'fairtrace_openings', (payload) => {
    if (payload === id) wake.abort()
  })
  const until = performance.now() + OPENING_MS_MAX
  try {
    while (performance.now() < until) {
      signal.throwIfAborted()
      const row = await database.db
        .selectFrom('vault.openings')
        .select(['state', 'code', 'answer'])
        .where('id', '=', id)
        .executeTakeFirst()
      if (row?.state === 'opened') return row.answer
      if (row?.state === 'refused') throw new FairtraceError(codeOf(row.code), 'the vault refused to open the keys')
      // Being told ends the wait early; a lost notification costs one poll.
      await sleep(POLL_MS, undefined, { signal: wake.signal }).catch(() => {
        wake = new AbortController()
      })
    }
  } finally {
    await listener.stop()
  }
  throw new FairtraceError('KEY_UNAVAILABLE', `no answer from the vault after ${OPENING_MS_MAX} ms`)
}

function openKey(box: X25519KeyPair, contentKeyId: string, enc: string, sealed: string): Buffer {
  try {
    return hpkeOpen({
      ...box,
      enc: Buffer.from(enc, 'base64url'),
      info: CONTENT_KEY_INFO,
      aad: Buffer.from(contentKeyId),
      ciphertext: Buffer.from(sealed, 'base64url'),
    })
  } catch (cause) {
    // Fails closed: an answer that is partly wrong is wrong.
    throw new FairtraceError('KEY_UNAVAILABLE', "a content key in the vault's answer does not open", { cause })
  }
}

function codeOf(code: string | null): ErrorCode {
  return code !== null && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'KEY_UNAVAILABLE'
}
