/** Asks the vault for a release's key and waits for its answer, which is sealed to the room's box key. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ERRORS, type ErrorCode, FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { OPENING_MS_MAX } from '../builder/open-keys.ts'
import type { OpenDatabase } from '../store/database.ts'
import { hpkeOpen, type X25519KeyPair } from '../vault/hpke.ts'
import { RELEASE_KEY_BYTES, RELEASE_KEY_INFO } from '../vault/release-keys.ts'
import type { RunRequest } from './run-request.ts'

const POLL_MS = 50
const answerSchema = z.object({ release: z.strictObject({ enc: z.string(), sealed: z.string() }) })

/** @throws `KEY_UNAVAILABLE` without an answer in time, or one that does not open; else the vault's own code */
export async function openRelease(
  database: OpenDatabase,
  box: X25519KeyPair,
  { grant, approvals }: RunRequest,
  release: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const id = randomBytes(16).toString('base64url')
  const request = JSON.stringify({ grant, approvals })
  await database.pool.query('insert into vault.openings (id, request) values ($1, $2)', [id, request])
  await database.pool.query(`select pg_notify('fairtrace_openings', $1)`, [id])
  const until = performance.now() + OPENING_MS_MAX
  for (;;) {
    signal.throwIfAborted()
    const row = await database.db
      .selectFrom('vault.openings')
      .select(['state', 'code', 'answer'])
      .where('id', '=', id)
      .executeTakeFirst()
    if (row?.state === 'refused') throw new FairtraceError(codeOf(row.code), 'the vault did not open the release')
    if (row?.state === 'opened') return opened(row.answer, box, release)
    if (performance.now() > until) throw new FairtraceError('KEY_UNAVAILABLE', 'the vault does not answer')
    await sleep(POLL_MS)
  }
}

function opened(answer: unknown, box: X25519KeyPair, release: string): Buffer {
  const parsed = answerSchema.safeParse(answer)
  // Emptied: the release was closed in the meantime.
  if (!parsed.success) throw new FairtraceError('RELEASE_CLOSED', 'the release is closed')
  const { enc, sealed } = parsed.data.release
  const key = hpkeOpen({
    ...box,
    enc: Buffer.from(enc, 'base64url'),
    info: RELEASE_KEY_INFO,
    aad: Buffer.from(release),
    ciphertext: Buffer.from(sealed, 'base64url'),
  })
  if (key.length === RELEASE_KEY_BYTES) return key
  throw new FairtraceError('KEY_UNAVAILABLE', "the vault's answer is no key")
}

function codeOf(code: string | null): ErrorCode {
  return code !== null && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'KEY_UNAVAILABLE'
}
