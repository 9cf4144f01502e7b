/** The signed statement of what a database is: written once, when it is made; checked by the sentinel at every look. */
import { createHash, sign } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'
import type { ClientBase } from 'pg'
import { signerFromSeed, verifyEd25519 } from '../runtime/jws.ts'
import { type DatabaseState, expectedBody, observeDatabase, parseExpected } from './surfaces/database.ts'

const CONTEXT = 'fairtrace/expected-database/v1'

/**
 * Writes down what the schema has just made. Within the transaction that makes it, so that nobody came between.
 * @param seed the sentinel's Ed25519 seed, raw, base64url
 */
export async function writeExpectedDatabase(client: ClientBase, seed: string): Promise<void> {
  const body = expectedBody(await observeDatabase(client))
  const signature = sign(null, messageOf(body), signerFromSeed(seed).privateKey).toString('base64url')
  await client.query('insert into sentinel.expected (body, signature) values ($1, $2)', [body, signature])
}

/** @throws `DATABASE_FAILED` if nothing is written there, or the sentinel never signed it */
export async function readExpectedDatabase(client: ClientBase, publicKey: string): Promise<DatabaseState> {
  const { rows } = await client.query<{ body: string; signature: string }>(
    'select body, signature from sentinel.expected',
  )
  const row = rows[0]
  if (row === undefined || !verifyEd25519(messageOf(row.body), row.signature, publicKey)) {
    throw new FairtraceError('DATABASE_FAILED', 'what this database should be was not signed by the sentinel')
  }
  return parsed(row.body)
}

let last: { readonly digest: string; readonly state: DatabaseState } | null = null

/** The same text each time, and some hundred kilobytes of it. */
function parsed(body: string): DatabaseState {
  const digest = createHash('sha256').update(body).digest('base64url')
  if (last?.digest !== digest) last = { digest, state: parseExpected(body) }
  return last.state
}

function messageOf(body: string): Buffer {
  return Buffer.from(`${CONTEXT}\n${body}`)
}
