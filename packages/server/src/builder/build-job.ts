/**
 * One job, from grant to release: gate → keys → recordings → folder → ledger → publish → row.
 *
 * The key of the shards exists in this process's memory alone until vault and keeper have it, sealed to halves of both; then it is
 * forgotten. The ledger knows of a release before anybody can read it. Killed anywhere, the job starts again from scratch: what lies under
 * the staging name, or under the release's name without a row, was never published.
 */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Charter,
  type Clock,
  charterHash,
  FairtraceError,
  parseCharter,
  RELEASE_ENTRY_TYPE,
  RELEASE_KEY_BYTES,
  type ReleaseId,
  widensUse,
} from '@fairtrace/core'
import { type ConsentCount, peopleShown, type StagedRelease, stageRelease } from '@fairtrace/release'
import { appendToLedger } from '../ledger/append.ts'
import { ledgerProof } from '../ledger/proof.ts'
import { type Signer, signJws } from '../runtime/jws.ts'
import { readProgramme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { FileObjects } from '../store/objects.ts'
import { sealReleaseKey } from '../vault/release-keys.ts'
import { builderBoxKey, releaseSecret } from './box-key.ts'
import { watchGrant } from './grant-watch.ts'
import { parseReleaseJob, type ReleaseJob } from './job.ts'
import { openContentKeys } from './open-keys.ts'
import { readRecordings } from './read-recordings.ts'
import { serveReleaseErasures } from './release-erasures.ts'
import {
  forgetErased,
  readReleaseRecords,
  recordRelease,
  requireDifference,
  requireInterval,
} from './release-records.ts'
import { judgeCandidate } from './risk-gate.ts'

/** Where the recordings end and the writing begins on the way from 0 to 1. */
const READ_SHARE = 0.7
const WRITTEN_SHARE = 0.95

export interface JobInput {
  readonly database: OpenDatabase
  readonly installation: 'demonstration' | 'production'
  readonly objectsDir: string
  readonly signingSeed: string
  readonly signer: Signer
  readonly clock: Clock
  readonly signal: AbortSignal
  onProgress(share: number): void
}

/** @throws the code under which the job failed */
export async function buildJob(request: unknown, input: JobInput): Promise<ReleaseId> {
  const job = parseReleaseJob(request)
  if (job.grant.scope.kind !== 'recordings' || job.grant.scope.releaseName !== job.name) {
    throw new FairtraceError('GRANT_INVALID', 'the grant is for another release')
  }
  const watch = watchGrant(input.database, job.grant, input.clock)
  try {
    return await buildUnderGrant(job, { ...input, signal: AbortSignal.any([input.signal, watch.signal]) })
  } finally {
    await watch.stop()
  }
}

async function buildUnderGrant(job: ReleaseJob, input: JobInput): Promise<ReleaseId> {
  const { database, signer, signingSeed, signal } = input
  const { charter, yaml, usable, versions } = await charterInForce(database, job, signer)
  const directory = join(input.objectsDir, 'releases', job.name)
  await requireFree(database, job.name, directory)
  await requireInterval(database, charter.release.interval, input.clock.nowMs())
  const contentKeys = await openContentKeys(database, builderBoxKey(signingSeed), job.grant, job.approvals, signal)
  for (;;) {
    const used = new Set<string>()
    const consents = new ConsentCounts(charter.release.k, versions)
    await serveReleaseErasures(database, signingSeed)
    await forgetErased(database, signingSeed)
    const earlier = await readReleaseRecords(database, signingSeed)
    const { previous } = earlier
    const { installation } = input
    // Random, and not derived from the builder's seed: whoever has that opens no release.
    const key = randomBytes(RELEASE_KEY_BYTES)
    const staged = await stageRelease({
      directory,
      name: job.name,
      charter,
      charterYaml: yaml,
      seed: job.seed,
      // With its name: a later release of the same seed has another sample and other names.
      secret: releaseSecret(signingSeed, `${job.name}\n${job.seed}`),
      recipient: job.grant.id,
      key,
      previous,
      earlier,
      consents: () => consents.shown(),
      // No earlier release can be made again to be attacked together: the gate is told that there are some.
      assess: (candidate) =>
        judgeCandidate(candidate, candidate.drawn(), {
          charter,
          installation,
          seed: job.seed,
          earlier: { releases: previous.length, candidates: () => [] },
          signal,
        }),
      publishedAtMs: input.clock.nowMs(),
      parts: readRecordings({
        database,
        objects: new FileObjects(input.objectsDir),
        contentKeys,
        charters: usable,
        signal,
        onProgress: (done, total) => input.onProgress((READ_SHARE * done) / Math.max(1, total)),
        onUsed({ content_key_id: contentKeyId, pseudonym, charter_hash: under }) {
          used.add(contentKeyId)
          consents.add(under, pseudonym)
        },
      }),
      sign: (typ, payload) => signJws(typ, payload, signer),
      builder: signer.publicKey,
    })
    input.onProgress(WRITTEN_SHARE)
    const ledgerIndex = await publish(staged, key, used, database, signal, charter.release.k).finally(() => key.fill(0))
    // Somebody withdrew while it was made: it is made again without them, and nobody is told why it took longer.
    if (ledgerIndex === null) continue
    await announce(staged, job.name, ledgerIndex, input)
    return staged.id
  }
}

/** @returns the entry of the ledger, or null if somebody in it was erased meanwhile; then it is gone */
async function publish(
  staged: StagedRelease,
  key: Uint8Array,
  used: ReadonlySet<string>,
  database: OpenDatabase,
  signal: AbortSignal,
  k: number,
): Promise<number | null> {
  try {
    if (await isStillStored(database, used)) {
      await requireDifference(database, staged.people, k)
      await sealReleaseKey(database, staged.id, key)
      const detail = { manifest: staged.id }
      const { index, salt } = await appendToLedger(database, RELEASE_ENTRY_TYPE, detail, { waitForCheckpoint: true })
      const proof = Buffer.from(await ledgerProof(database, index, salt))
      // The checkpoint took its time.
      if (await isStillStored(database, used)) {
        signal.throwIfAborted()
        await staged.publish(proof)
        return index
      }
    }
    await staged.discard()
    return null
  } catch (error) {
    // No log, no release.
    await staged.discard()
    throw error
  }
}

/** Erasure takes the index of a person's chunks away, so that a key of theirs is in it no more. */
async function isStillStored(database: OpenDatabase, contentKeyIds: ReadonlySet<string>): Promise<boolean> {
  const { rows } = await database.pool.query<{ found: number }>(
    `select count(*) as found from unnest($1::text[]) as t(id)
     where exists (select from vault.chunks where content_key_id = t.id)`,
    [[...contentKeyIds]],
  )
  return rows[0]?.found === contentKeyIds.size
}

async function announce(
  staged: StagedRelease,
  name: string,
  ledgerIndex: number,
  { database, clock }: JobInput,
): Promise<void> {
  const { id, manifest } = staged
  const client = await database.pool.connect()
  try {
    await client.query('begin')
    await client.query(
      `insert into release.releases (id, name, directory, created_at_ms, manifest, ledger_index)
       values ($1, $2, $3, $4, $5, $6)`,
      [id, name, `releases/${name}`, clock.nowMs(), JSON.stringify(manifest), ledgerIndex],
    )
    await recordRelease(client, staged)
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

/** How many people's recordings came in under which charter: in steps of k, none below. */
class ConsentCounts {
  readonly #people = new Map<string, Set<string>>()
  readonly #k: number
  readonly #versions: ReadonlyMap<string, number>

  constructor(k: number, versions: ReadonlyMap<string, number>) {
    this.#k = k
    this.#versions = versions
  }

  add(charter: string, person: string): void {
    const known = this.#people.get(charter) ?? new Set()
    this.#people.set(charter, known.add(person))
  }

  shown(): ConsentCount[] {
    return [...this.#people]
      .map(([hash, people]) => ({
        charterHash: hash,
        charterVersion: this.#versions.get(hash) ?? 0,
        people: peopleShown(this.#k, people.size),
      }))
      .filter(({ people }) => people >= this.#k)
      .toSorted((a, b) => (a.charterHash < b.charterHash ? -1 : 1))
  }
}

interface InForce {
  readonly charter: Charter
  readonly yaml: string
  /** Charters of which the one in force widens nothing that governs use. */
  readonly usable: ReadonlySet<string>
  /** Version by hash. */
  readonly versions: ReadonlyMap<string, number>
}

async function charterInForce(database: OpenDatabase, job: ReleaseJob, signer: Signer): Promise<InForce> {
  const programme = await readProgramme(database, null)
  const row = await database.db.selectFrom('install.programme').select('charter_yaml').executeTakeFirst()
  if (programme === null || row === undefined) throw new FairtraceError('CHARTER_NOT_IN_FORCE', 'there is no programme')
  const { charter, charterHash: hash, charters } = programme
  const yaml = row.charter_yaml
  if (job.grant.charter !== hash || charterHash(parseCharter(yaml, 'charter.yaml')) !== hash) {
    throw new FairtraceError('CHARTER_NOT_IN_FORCE', 'the grant was given under another charter')
  }
  if (charter.keys.builder !== signer.publicKey) {
    throw new FairtraceError('KEY_UNAVAILABLE', "the charter names another builder's key")
  }
  const usable = [...charters].filter(([, made]) => !widensUse(made, charter)).map(([made]) => made as string)
  const versions = new Map([...charters].map(([made, { version }]) => [made as string, version]))
  return { charter, yaml, usable: new Set(usable), versions }
}

async function requireFree(database: OpenDatabase, name: string, directory: string): Promise<void> {
  const taken = await database.db
    .selectFrom('release.releases')
    .select('id')
    .where('name', '=', name)
    .executeTakeFirst()
  if (taken !== undefined) throw new FairtraceError('RELEASE_EXISTS', 'a release of this name exists')
  await rm(directory, { recursive: true, force: true })
}
