/**
 * Asks a running demonstration for a release: a grant to its builder, approved with the demonstration's software keys, and a job.
 *
 * In a real programme two people approve with passkeys of theirs; no installation holds such keys, and this refuses there.
 */
import { randomBytes, randomUUID, sign } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ERRORS, type ErrorCode, FairtraceError, type Grant, grantMessage } from '@fairtrace/core'
import type { DataDir } from '@fairtrace/server'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { z } from 'zod'
import { readPeople } from '../demo/people.ts'

const POLL_MS = 150
const HOUR_MS = 3_600_000

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
    purpose: z.object({ sentence: z.string() }),
    audience: z.array(z.object({ grantMax: z.number() })),
  }),
  nowMs: z.number(),
})

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
  const grant = await grantFor(runtime.portalUrl, requester, builderBoxKey)
  const approvals = people.approvers.map(({ name, seed }) => ({
    approver: name,
    signature: sign(null, grantMessage(grant), signerFromSeed(seed).privateKey).toString('base64url'),
  }))
  const database = openDatabase(runtime.databaseUrls.portal ?? '', 2)
  try {
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

async function grantFor(portalUrl: string, requester: string, recipientKey: string): Promise<Grant> {
  const programme = await programmeInForce(portalUrl)
  // The programme's own time: a demonstration's clock is not the system's.
  const lengthMs = Math.min(HOUR_MS, ...programme.charter.audience.map(({ grantMax }) => grantMax))
  return {
    id: randomBytes(16).toString('base64url'),
    programme: programme.programme,
    epoch: programme.epoch,
    charter: programme.charterHash,
    requester,
    purpose: programme.charter.purpose.sentence,
    recipientKey,
    startsAtMs: programme.nowMs,
    endsAtMs: programme.nowMs + lengthMs,
  }
}

async function programmeInForce(portalUrl: string): Promise<z.infer<typeof programmeSchema>> {
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
