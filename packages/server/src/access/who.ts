/**
 * "Who can open this?" and "what can this person open?", in one call each, from the same policies that decide.
 *
 * Enumerated over everybody who ever signed in and every grant: the answer is what would be decided now, not a list that
 * somebody keeps. Each line names the policy and the grant that lets the person in.
 */
import { type AccessPolicies, type Person, type Resource, resourceOf, type ShownGrant } from './access-policies.ts'
import type { ShownGrantRecord } from './grants.ts'

export interface Reach {
  readonly person: string
  readonly resource: Resource
  /** `open`: now, under a live grant. `ask`: may ask for a grant. `approve`: may approve one, if two do. */
  readonly can: 'open' | 'ask' | 'approve'
  /** Ids of the policies that let them. */
  readonly policies: readonly string[]
  /** The grant, or null where none is needed. */
  readonly grant: string | null
  readonly untilMs: number | null
}

export interface AccessWorld {
  readonly policies: AccessPolicies
  readonly people: readonly Person[]
  readonly grants: readonly ShownGrantRecord[]
  /** Digests of the manifests of the releases that there are. */
  readonly releases: readonly string[]
  readonly nowMs: number
  readonly epoch: number
  readonly isRunning: boolean
}

/** Everybody who can do anything with `resource`. */
export function whoReaches(resource: Resource, world: AccessWorld): readonly Reach[] {
  return [...world.people.flatMap((person) => reachOf(person, resource, world)), ...approvers(resource, world)]
}

/** Everything that `person` can do. */
export function whatReaches(person: Person, world: AccessWorld): readonly Reach[] {
  const resources: Resource[] = [
    { kind: 'recordings' },
    ...world.releases.map((release): Resource => ({ kind: 'release', release })),
  ]
  const own = resources.flatMap((resource) => [
    ...reachOf(person, resource, world),
    ...approvers(resource, world).filter((reach) => reach.person === person.name),
  ])
  return own
}

function reachOf(person: Person, resource: Resource, world: AccessWorld): readonly Reach[] {
  const { policies, nowMs, epoch, isRunning } = world
  const purpose = policies.charter.purpose.term
  const opens = world.grants.flatMap((record): Reach[] => {
    const shown = shownGrant(record)
    if (record.state !== 'active' || shown === null) return []
    const { allow, policies: ids } = policies.decideOpen(person, resource, shown, { nowMs, epoch, purpose })
    if (!allow) return []
    return [
      { person: person.name, resource, can: 'open', policies: ids, grant: record.grant.id, untilMs: shown.endsAtMs },
    ]
  })
  const wish = { purpose, lengthMs: 1, isRunning }
  const asks = policies.decideRequest(person, resource, wish)
  const ask: Reach = { person: person.name, resource, can: 'ask', policies: asks.policies, grant: null, untilMs: null }
  return asks.allow ? [...opens, ask] : opens
}

function approvers(resource: Resource, { policies }: AccessWorld): readonly Reach[] {
  return policies.charter.approvers.map(({ name }) => ({
    person: name,
    resource,
    can: 'approve' as const,
    policies: [`approve:${name}`],
    grant: null,
    untilMs: null,
  }))
}

/** The grant as its signatures showed it; null while nothing of it opens. */
export function shownGrant({ grant, approvals, activation }: ShownGrantRecord): ShownGrant | null {
  const by = (role: string) => approvals.find((approval) => approval.role === role)?.approver
  const dataProtection = by('data-protection')
  const workerRepresentative = by('worker-representative')
  if (activation === null || dataProtection === undefined || workerRepresentative === undefined) return null
  return {
    requester: grant.requester.name,
    group: grant.requester.group,
    resource: resourceOf(grant),
    purpose: grant.purpose,
    epoch: grant.epoch,
    lengthMs: grant.lengthMs,
    activeFromMs: activation.activeFromMs,
    endsAtMs: activation.endsAtMs,
    dataProtection,
    workerRepresentative,
  }
}
