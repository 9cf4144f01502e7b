/** As whom a command speaks to the portal: a member of staff by their session, or somebody of a demonstration by role. */
import { existsSync } from 'node:fs'
import { FairtraceError } from '@fairtrace/core'
import { DataDir } from '@fairtrace/server'
import { readPeople } from '../demo/people.ts'
import { PortalSession } from '../demo/portal-session.ts'

export interface StaffPlace {
  readonly data?: string
  readonly server?: string
  readonly session?: string
}

type DemoRole = 'data-protection' | 'researcher' | 'programme-owner'

/** @throws `SESSION_REQUIRED` without anybody to speak as; `SERVER_UNREACHABLE` */
export async function staffSession(place: StaffPlace, demoRole: DemoRole): Promise<PortalSession> {
  const dir = place.data === undefined ? null : new DataDir(place.data)
  const address = place.server ?? dir?.runtime().portalUrl
  if (address === undefined)
    throw new FairtraceError('USAGE', 'name a portal with --server, or a data directory with --data')
  if (place.session !== undefined) return PortalSession.participant(address, place.session)
  if (dir === null || !existsSync(dir.path('demo/people.json'))) {
    throw new FairtraceError('SESSION_REQUIRED', 'give the session of somebody who is signed in with --session')
  }
  const account = readPeople(dir).accounts.find(({ role }) => role === demoRole)
  if (account === undefined) throw new FairtraceError('SESSION_REQUIRED', `this demonstration has no ${demoRole}`)
  return PortalSession.signIn(address, account.name, account.password)
}
