/**
 * Erasing a person after a withdrawal: first the private keys, on disk, then the rows of their keys in the database.
 *
 * Without the private key the stored segments are noise, wherever copies of them lie, so how long this takes doesn't depend on how
 * much a person gave. Rows and bytes of the noise go later (`compaction.ts`). Nothing of it is logged at once: an entry at
 * each withdrawal would tell the whole world its hour. The ledger gets one entry a day, also for a day without any
 * (`erasure-report.ts`).
 */
import type pg from 'pg'
import type { OpenDatabase } from '../store/database.ts'
import type { Keystore } from './keystore.ts'

const REQUESTS_AT_ONCE = 200

export interface ErasureInput {
  readonly database: OpenDatabase
  readonly keystore: Keystore
  /** Drops every cached key of these people. */
  forget(pseudonyms: readonly string[]): void
  /** The vault's part is done; the keeper has to destroy its own. */
  onErased(): void
}

/** Serves every waiting request; one that a crash cut short is simply served again. */
export async function serveErasures({ database, keystore, forget, onErased }: ErasureInput): Promise<void> {
  for (;;) {
    const { rows } = await database.pool.query<{ pseudonym: string; version: number }>(
      'select pseudonym, max(version) as version from vault.erasure_requests group by pseudonym limit $1',
      [REQUESTS_AT_ONCE],
    )
    if (rows.length === 0) return
    const pseudonyms = rows.map(({ pseudonym }) => pseudonym)
    const people = rows.map(({ pseudonym, version }) => ({ pseudonym, lastGeneration: version }))
    keystore.destroyParticipants(people)
    forget(pseudonyms)
    await forgetInDatabase(database.pool, people)
    // Whatever a thread had begun before the keys went is refused by the database; what it cached meanwhile goes here.
    forget(pseudonyms)
    onErased()
  }
}

/**
 * In this order: whoever is storing under one of these keys, or writes one into an answer, holds its row. Content keys without it open
 * nothing; there may be many, so their rows go later, with the chunks.
 */
const STATEMENTS = [
  'delete from vault.participant_keys k using gone g where k.pseudonym = g.pseudonym and k.generation <= g.version',
  'insert into vault.erased select g.pseudonym, g.version from gone g on conflict do nothing',
  // In the same transaction: whatever happens from here on, the keeper is told until it has destroyed its halves.
  'insert into vault.keeper_erasures select g.pseudonym, g.version from gone g on conflict do nothing',
  // Whoever builds releases closes those in which they may be.
  'insert into vault.release_erasures select g.pseudonym, g.version from gone g on conflict do nothing',
  'delete from vault.key_requests r using gone g where r.pseudonym = g.pseudonym and r.version <= g.version',
]
const DONE =
  'delete from vault.erasure_requests r using gone g where r.pseudonym = g.pseudonym and r.version <= g.version'

/** A content key whose participant's key is still there. */
const ALIVE = `select 1 from vault.content_keys c
  join vault.participant_keys p on p.pseudonym = c.pseudonym and p.generation = c.generation where c.id = k ->> 'contentKeyId'`

/**
 * Answers to grants that were served hold content keys, sealed to the one who asked. Whoever writes an answer holds the rows of
 * its content keys, so that an answer is either seen here or was written without the erased ones.
 */
const cleanAnswers = (
  table: 'openings' | 'own_openings',
) => `update vault.${table} o set answer = jsonb_set(answer, '{keys}', (
    select coalesce(jsonb_agg(k), '[]') from jsonb_array_elements(o.answer -> 'keys') k
    where exists (${ALIVE})))
  where answer is not null and exists (
    select 1 from jsonb_array_elements(o.answer -> 'keys') k where not exists (${ALIVE}))`

interface Gone {
  readonly pseudonym: string
  readonly lastGeneration: number
}

async function forgetInDatabase(pool: pg.Pool, people: readonly Gone[]): Promise<void> {
  const client = await pool.connect()
  let isBroken = true
  try {
    await client.query('begin')
    for (const statement of STATEMENTS) await about(client, people, statement)
    await client.query('commit')
    await client.query(cleanAnswers('openings'))
    await client.query(cleanAnswers('own_openings'))
    // Last: a run that ends before this is repeated as a whole.
    await about(client, people, DONE)
    isBroken = false
  } finally {
    // A connection in a failed transaction isn't used again; the request stays, and is served by the next run.
    client.release(isBroken)
  }
}

async function about(client: pg.PoolClient, people: readonly Gone[], statement: string): Promise<void> {
  await client.query(
    `with gone as (select * from unnest($1::text[], $2::int[]) as t(pseudonym, version)) ${statement}`,
    [people.map(({ pseudonym }) => pseudonym), people.map(({ lastGeneration }) => lastGeneration)],
  )
}
