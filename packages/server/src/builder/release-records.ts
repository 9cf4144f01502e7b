/**
 * What the builder remembers of earlier releases: how often each person has which type in them, and who was in them.
 *
 * Both under keyed digests: the key is derived from the builder's seed, so that the database alone says nothing about anybody.
 * A person's rows are deleted with the person: when none of their recordings is stored any more, at the next build or start.
 */
import { createHmac } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'
import type { EarlierReleases, StagedRelease } from '@fairtrace/release'
import type { PoolClient } from 'pg'
import { z } from 'zod'
import type { OpenDatabase } from '../store/database.ts'
import { recordsKey } from './box-key.ts'

const DIGEST_CHARS = 22
const contributionsSchema = z.record(z.string(), z.int().min(1))

export interface ReleaseRecords extends EarlierReleases {
  /** Ids of the releases that there are, the oldest first. */
  readonly previous: readonly string[]
}

/** Deletes the rows of people of whom nothing is stored any more. */
export async function forgetErased(database: Pick<OpenDatabase, 'pool'>, signingSeed: string): Promise<void> {
  const { rows: known } = await database.pool.query<{ person: string }>('select distinct person from release.members')
  if (known.length === 0) return
  const { rows } = await database.pool.query<{ pseudonym: string }>('select distinct pseudonym from vault.chunks')
  const digestOf = personDigest(recordsKey(signingSeed))
  const stored = new Set(rows.map(({ pseudonym }) => digestOf(pseudonym)))
  const gone = known.map(({ person }) => person).filter((person) => !stored.has(person))
  await database.pool.query('delete from release.members where person = any($1)', [gone])
}

export async function readReleaseRecords(database: OpenDatabase, signingSeed: string): Promise<ReleaseRecords> {
  const key = recordsKey(signingSeed)
  const contributions = new Map<string, Map<string, number>>()
  const { rows } = await database.pool.query<{ person: string; contributions: unknown }>(
    'select person, contributions from release.members',
  )
  for (const row of rows) {
    for (const [type, count] of Object.entries(contributionsSchema.parse(row.contributions))) {
      const own = contributions.get(type) ?? new Map<string, number>()
      own.set(row.person, (own.get(row.person) ?? 0) + count)
      contributions.set(type, own)
    }
  }
  const { rows: releases } = await database.pool.query<{ id: string }>(
    'select id from release.releases order by created_at_ms, id',
  )
  return {
    digestOf: personDigest(key),
    typeDigestOf: (type) => digest(key, `type\n${type}`),
    contributions,
    previous: releases.map(({ id }) => id),
  }
}

/**
 * Not before the charter's interval after the release before: what changed meanwhile comes with the next one, and not by itself.
 * @throws `RELEASE_TOO_SOON`
 */
export async function requireInterval(database: OpenDatabase, intervalMs: number, nowMs: number): Promise<void> {
  const { rows } = await database.pool.query<{ last: number | null }>(
    'select max(created_at_ms) as last from release.releases',
  )
  const last = rows[0]?.last ?? null
  if (last === null || Number(last) + intervalMs <= nowMs) return
  const from = new Date(Number(last) + intervalMs).toISOString()
  throw new FairtraceError('RELEASE_TOO_SOON', `the charter allows the next release from ${from} on`)
}

/**
 * The same people as in an earlier release, or at least k others, those who left and those who came each counted: else the two
 * subtract to fewer than k.
 * @throws `RELEASE_DIFFERS_TOO_LITTLE`
 */
export async function requireDifference(database: OpenDatabase, people: ReadonlySet<string>, k: number): Promise<void> {
  const { rows } = await database.pool.query<{ release: string; people: number; common: number }>(
    `select c.release, c.people,
       (select count(*)::int from release.members m where m.release = c.release and m.person = any($1)) as common
     from release.member_counts c`,
    [[...people]],
  )
  for (const { people: before, common } of rows) {
    const left = before - common
    const came = people.size - common
    if ((left === 0 || left >= k) && (came === 0 || came >= k)) continue
    // Without a number: it would be what must not be known.
    throw new FairtraceError('RELEASE_DIFFERS_TOO_LITTLE', `fewer than ${k} people differ from an earlier release`)
  }
}

/** In the transaction that announces the release. */
export async function recordRelease(client: PoolClient, { id, people, contributions }: StagedRelease): Promise<void> {
  const rows = [...people].map((person) => ({
    release: id,
    person,
    contributions: Object.fromEntries(contributions.get(person) ?? []),
  }))
  await client.query(
    `insert into release.members select * from jsonb_to_recordset($1) as t(release text, person text, contributions jsonb)`,
    [JSON.stringify(rows)],
  )
  await client.query('insert into release.member_counts values ($1, $2)', [id, people.size])
}

/** Under which a person stands in `release.members`. */
export function memberDigest(signingSeed: string, pseudonym: string): string {
  return personDigest(recordsKey(signingSeed))(pseudonym)
}

function personDigest(key: Buffer): (person: string) => string {
  return (person) => digest(key, `person\n${person}`)
}

function digest(key: Buffer, what: string): string {
  return createHmac('sha256', key).update(what).digest('base64url').slice(0, DIGEST_CHARS)
}
