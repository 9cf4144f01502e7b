/** In a demonstration: a researcher asks for a release, and its two approvers' software passkeys approve. Elsewhere people do. */
import { FairtraceError } from '@fairtrace/core'
import type { DataDir } from '@fairtrace/server'
import { z } from 'zod'
import { readPeople } from '../demo/people.ts'
import { PortalSession } from '../demo/portal-session.ts'
import { accountOf, approve, waitUntilActive } from '../release/request-release.ts'

const HOUR_MS = 3_600_000
const programmeSchema = z.object({ charter: z.object({ purpose: z.object({ sentence: z.string() }) }) })
const grantSchema = z.object({ grant: z.object({ id: z.string() }) })

/** @returns the grant's id, once it is active @throws `ACCESS_DENIED` anywhere but in a demonstration */
export async function demonstrationGrant(dir: DataDir, release: string): Promise<string> {
  if (dir.installation().kind !== 'demonstration')
    throw new FairtraceError('ACCESS_DENIED', 'this installation is no demonstration: two people approve at the portal')
  const { portalUrl } = dir.runtime()
  const people = readPeople(dir)
  const { name, password } = accountOf(people, 'researcher')
  const session = await PortalSession.signIn(portalUrl, name, password)
  const { charter } = await session.get('/api/programme', programmeSchema)
  const body = { scope: { kind: 'release', release }, reason: charter.purpose.sentence, lengthMs: HOUR_MS }
  const { grant } = await session.post('/api/grants', body, grantSchema)
  for (const approver of people.approvers) await approve(portalUrl, people, approver, grant.id)
  await waitUntilActive(session, grant.id)
  return grant.id
}
