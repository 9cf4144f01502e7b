/**
 * Asks a running demonstration for a release, as its people would: a researcher asks, two people approve with the demonstration's
 * software passkeys, and the builder builds.
 *
 * In a real programme the two approve with passkeys of theirs; no installation holds such keys, and this refuses there.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ERRORS, type ErrorCode, FairtraceError } from '@fairtrace/core'
import type { DataDir } from '@fairtrace/server'
import { softwareAuthenticator } from '@fairtrace/testing/simulator'
import { z } from 'zod'
import { type People, readPeople } from '../demo/people.ts'
import { PortalSession } from '../demo/portal-session.ts'

const POLL_MS = 150
const HOUR_MS = 3_600_000
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
  charter: z.object({
    purpose: z.object({ sentence: z.string() }),
    audience: z.array(z.object({ grantMax: z.number() })),
  }),
})
const grantSchema = z.object({ grant: z.object({ id: z.string() }), state: z.string(), failure: z.string().nullable() })
const optionsSchema = z.object({ challenge: z.string(), rpId: z.string() })
const jobSchema = z.object({
  id: z.string(),
  state: z.enum(['requested', 'running', 'done', 'failed']),
  progress: z.number(),
  code: z.string().nullable(),
  message: z.string().nullable(),
  release: z.string().nullable(),
})

/** @throws `USAGE`, `SERVER_UNREACHABLE`, or the code under which portal, vault, keeper or builder refused */
export async function requestRelease(dir: DataDir, wish: ReleaseWish, steps: ReleaseSteps): Promise<NewRelease> {
  if (dir.installation().kind !== 'demonstration') {
    throw new FairtraceError(
      'USAGE',
      'this builds with the demonstration’s accounts; elsewhere a researcher asks in the portal',
    )
  }
  const { portalUrl } = dir.runtime()
  const people = readPeople(dir)
  const researcher = accountOf(people, 'researcher')
  steps.onGrant(
    researcher.name,
    people.approvers.map(({ name, role }) => ({ name, role })),
  )
  const session = await PortalSession.signIn(portalUrl, researcher.name, researcher.password)
  const grant = await ask(session, wish.name)
  for (const approver of people.approvers) await approve(portalUrl, people, approver, grant)
  await waitUntilActive(session, grant)
  const job = await session.post(`/api/grants/${grant}/release`, { seed: wish.seed }, jobSchema)
  const id = await waitForJob(session, job.id, steps)
  return { id, name: wish.name, directory: dir.path('objects', 'releases', wish.name) }
}

/** @returns the grant's id */
async function ask(session: PortalSession, releaseName: string): Promise<string> {
  const { charter } = await session.get('/api/programme', programmeSchema)
  const body = {
    scope: { kind: 'recordings', releaseName },
    reason: charter.purpose.sentence,
    lengthMs: Math.min(HOUR_MS, ...charter.audience.map(({ grantMax }) => grantMax)),
  }
  return (await session.post('/api/grants', body, grantSchema)).grant.id
}

export async function approve(
  portalUrl: string,
  people: People,
  { role, seed }: People['approvers'][number],
  grant: string,
): Promise<void> {
  const { name, password } = accountOf(people, role)
  const session = await PortalSession.signIn(portalUrl, name, password)
  const { challenge, rpId } = await session.get(`/api/grants/${grant}/approval-options`, optionsSchema)
  const assertion = softwareAuthenticator({ seed }).assert({ challenge, rpId }, `https://${rpId}`)
  await session.post(`/api/grants/${grant}/approvals`, { assertion }, grantSchema)
}

/** The vault logs the approved grant and asks the keeper, from whose word on its time runs. */
export async function waitUntilActive(session: PortalSession, grant: string): Promise<void> {
  const until = performance.now() + ACTIVATION_MS_MAX
  for (;;) {
    const { state, failure } = await session.get(`/api/grants/${grant}`, grantSchema)
    if (state === 'active') return
    if (state !== 'approved') throw new FairtraceError(codeOf(failure), `the grant is ${state}`)
    if (performance.now() > until) throw new FairtraceError('KEEPER_UNREACHABLE', 'the grant did not become active')
    await sleep(POLL_MS)
  }
}

async function waitForJob(session: PortalSession, job: string, { onProgress }: ReleaseSteps): Promise<string> {
  for (;;) {
    const { state, progress, release, code, message } = await session.get(`/api/release-jobs/${job}`, jobSchema)
    onProgress(progress)
    if (state === 'done' && release !== null) return release
    if (state === 'failed') throw new FairtraceError(codeOf(code), message ?? 'the release was not built')
    await sleep(POLL_MS)
  }
}

export function accountOf(people: People, role: People['accounts'][number]['role']): People['accounts'][number] {
  const account = people.accounts.find((candidate) => candidate.role === role)
  if (account === undefined) throw new FairtraceError('SESSION_REQUIRED', `this demonstration has no ${role}`)
  return account
}

function codeOf(code: string | null): ErrorCode {
  return code !== null && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'GRANT_INVALID'
}
