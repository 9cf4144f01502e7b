/** The charters of a running portal, as the commands read and change them. */
import { existsSync } from 'node:fs'
import { type Charter, FairtraceError, sentCharterSchema } from '@fairtrace/core'
import { DataDir } from '@fairtrace/server'
import { z } from 'zod'
import { readPeople } from '../demo/people.ts'
import { PortalSession } from '../demo/portal-session.ts'
import type { Participants } from './plan.ts'
import type { SignedCharter } from './sign-charter.ts'

export interface PortalPlace {
  readonly data?: string
  readonly server?: string
  /** Bearer of a programme owner who is signed in; a demonstration signs its own owner in. */
  readonly session?: string
}

const programmeSchema = z.object({ charter: sentCharterSchema })
const changesSchema = z.object({ participants: z.int().nullable(), k: z.int() })
const outcomeSchema = z.object({
  programme: z.string(),
  state: z.string(),
  charterHash: z.string(),
  change: z
    .object({
      hash: z.string(),
      version: z.int(),
      state: z.enum(['proposed', 'waiting', 'in-force']),
      takesEffectAtMs: z.number().nullable(),
      signed: z.array(z.string()),
      missing: z.array(z.object({ role: z.string(), name: z.string().nullable() })),
    })
    .nullable(),
})
export type Outcome = z.infer<typeof outcomeSchema>

/** @throws `NOT_FOUND` if there is no programme, `SERVER_UNREACHABLE` */
export async function charterInForce(place: PortalPlace): Promise<{ charter: Charter; participants: Participants }> {
  const portal = PortalSession.anonymous(addressOf(place))
  const { charter } = await portal.get('/api/programme', programmeSchema)
  const { participants, k } = await portal.get('/api/programme/changes', changesSchema)
  return { charter, participants: { atLeast: participants, k } }
}

/** @throws the refusal of the portal; `SESSION_REQUIRED` without anybody to speak as */
export async function proposeTo(place: PortalPlace, yaml: string): Promise<Outcome> {
  const owner = await ownerOf(place)
  return owner.post('/api/programme/charter', { yaml }, outcomeSchema)
}

/** @throws `APPROVAL_INVALID`, `CHARTER_NOT_IN_FORCE`, `SERVER_UNREACHABLE` */
export function handInTo(place: PortalPlace, signed: SignedCharter): Promise<Outcome> {
  return PortalSession.anonymous(addressOf(place)).post('/api/programme/charter/approvals', signed, outcomeSchema)
}

async function ownerOf(place: PortalPlace): Promise<PortalSession> {
  const address = addressOf(place)
  if (place.session !== undefined) return PortalSession.participant(address, place.session)
  const dir = place.data === undefined ? null : new DataDir(place.data)
  if (dir === null || !existsSync(dir.path('demo/people.json'))) {
    throw new FairtraceError(
      'SESSION_REQUIRED',
      'a programme owner proposes a charter; give their session with --session',
    )
  }
  const owner = readPeople(dir).accounts.find(({ role }) => role === 'programme-owner')
  if (owner === undefined) throw new FairtraceError('SESSION_REQUIRED', 'the demonstration has no programme owner')
  return PortalSession.signIn(address, owner.name, owner.password)
}

function addressOf({ data, server }: PortalPlace): string {
  if (server !== undefined) return server
  if (data === undefined) throw new FairtraceError('USAGE', 'say which portal with --server or --data')
  return new DataDir(data).runtime().portalUrl
}
