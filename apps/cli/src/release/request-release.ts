/**
 * Asks a running demonstration for a release: a grant to its builder, approved with the demonstration's software passkeys, and a job.
 *
 * In a real programme two people approve with passkeys of theirs; no installation holds such keys, and this refuses there.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Approval, ERRORS, type ErrorCode, FairtraceError, type Grant, grantHash } from '@fairtrace/core'
import type { DataDir } from '@fairtrace/server'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { softwareAuthenticator } from '@fairtrace/testing/simulator'
import { z } from 'zod'
import { readPeople } from '../demo/people.ts'

const POLL_MS = 150
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** The vault logs first and waits for the keeper. */
const ACTIVATION_MS_MAX = 60_000

export interface ReleaseWish {
  readonly name: string
  /** Name of the draw. */
  readonly seed: string
}

interface Approver {
  readonly name: string
  readonly role: string
}

export interface ReleaseSteps {
  /** Before anything is signed: who asks, and who approves. */
  onGrant(requester: string, approvers: readonly Approver[]): void
  /** From 0 to 1. */
  onProgress(share: number): void
}

export interface NewRelease {
  readonly id: string
  readonly name: string
  readonly directory: string
}

const programmeSchema = z.object({
  programme: z.string(),
  epoch: z.number(),
  charterHash: z.string(),
  charter: z.object({
    purpose: z.object({ term: z.string(), sentence: z.string() }),
    audience: z.array(z.object({ group: z.string(), grantMax: z.number() })),
    passkeys: z.object({ rpId: z.string() }),
  }),
  nowMs: z.number(),
})

type ProgrammeInForce = z.infer<typeof programmeSchema>

/** @throws `RELEASE_GATE_MISSING`, `SERVER_UNREACHABLE`, or the code under which the job failed */
export async function requestRelease(dir: DataDir, wish: ReleaseWish, steps: ReleaseSteps): Promise<NewRelease> {
  const { kind, builderBoxKey } = dir.installation()
  if (kind !== 'demonstration') {
    throw new FairtraceError(
      'RELEASE_GATE_MISSING',
      'the risk gate is not built; this installation is no demonstration',
    )
  }
  const runtime = dir.runtime()
  const people = readPeople(dir)
  const requester = people.accounts.find(({ role }) => role === 'researcher')?.name ?? 'researcher'
  steps.onGrant(
    requester,
    people.approvers.map(({ name, role }) => ({ name, role })),
  )
  const programme = await programmeInForce(runtime.portalUrl)
  const grant = grantFor(programme, requester, builderBoxKey, wish.name)
  const challenge = grantHash(grant)
  const { rpId } = programme.charter.passkeys
  const approvals: Approval[] = people.approvers.map(({ name, seed }) => ({
    approver: name,
    assertion: softwareAuthenticator({ seed }).assert({ challenge, rpId }, `https://${rpId}`),
  }))
  const database = openDatabase(runtime.databaseUrls.portal ?? '', 2)
  try {
    await activate(database, grant, approvals)
    const job = randomUUID()
    const request = JSON.stringify({ ...wish, grant, approvals })
    await database.db.insertInto('release.jobs').values({ id: job, request }).execute()
    await database.pool.query(`select pg_notify('fairtrace_jobs', $1)`, [job])
    const id = await waitForJob(database, job, steps)
    return { id, name: wish.name, directory: dir.path('objects', 'releases', wish.name) }
  } finally {
    await database.close()
  }
}

function grantFor(
  { programme, epoch, charterHash, charter, nowMs }: ProgrammeInForce,
  requester: string,
  recipientKey: string,
  releaseName: string,
): Grant {
  const [group] = charter.audience
  if (group === undefined) throw new FairtraceError('GRANT_INVALID', 'the charter names nobody who may be given access')
  return {
    id: randomBytes(16).toString('base64url'),
    programme,
    epoch,
    charter: charterHash,
    requester: { name: requester, group: group.group },
    purpose: charter.purpose.term,
    reason: charter.purpose.sentence,
    scope: { kind: 'recordings', releaseName },
    recipientKey,
    // The programme's own time: a demonstration's clock is not the system's.
    requestedAtMs: nowMs,
    approveByMs: nowMs + DAY_MS,
    lengthMs: Math.min(HOUR_MS, group.grantMax),
  }
}

/** Hands the approved grant to the vault, which logs it and asks the keeper. @throws `GRANT_INVALID`, or what either waits for */
async function activate(database: OpenDatabase, grant: Grant, approvals: readonly Approval[]): Promise<void> {
  const hash = grantHash(grant)
  await database.pool.query('insert into vault.activations (grant_hash, request) values ($1, $2)', [
    hash,
    JSON.stringify({ grant, approvals }),
  ])
  await database.pool.query(`select pg_notify('fairtrace_openings', '')`)
  const until = performance.now() + ACTIVATION_MS_MAX
  for (;;) {
    const row = await database.db
      .selectFrom('vault.activations')
      .select(['state', 'code'])
      .where('grant_hash', '=', hash)
      .executeTakeFirst()
    if (row?.state === 'active') return
    const isOver = row?.state !== 'requested' || performance.now() > until
    if (isOver) throw new FairtraceError(codeOf(row?.code ?? 'KEEPER_UNREACHABLE'), 'the grant did not become active')
    await sleep(POLL_MS)
  }
}

async function programmeInForce(portalUrl: string): Promise<ProgrammeInForce> {
  let answer: unknown
  try {
    const response = await fetch(new URL('/api/programme', portalUrl))
    answer = await response.json()
  } catch (cause) {
    throw new FairtraceError('SERVER_UNREACHABLE', 'the portal does not answer', { cause })
  }
  const parsed = programmeSchema.safeParse(answer)
  if (!parsed.success) throw new FairtraceError('CHARTER_NOT_IN_FORCE', 'the portal names no programme in force')
  return parsed.data
}

async function waitForJob(database: OpenDatabase, job: string, { onProgress }: ReleaseSteps): Promise<string> {
  for (;;) {
    const row = await database.db.selectFrom('release.jobs').selectAll().where('id', '=', job).executeTakeFirstOrThrow()
    onProgress(row.progress)
    if (row.state === 'done' && row.release_id !== null) return row.release_id
    if (row.state === 'failed') throw new FairtraceError(codeOf(row.code), row.message ?? 'the release was not built')
    await sleep(POLL_MS)
  }
}

function codeOf(code: string | null): ErrorCode {
  return code !== null && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'INTERNAL'
}
