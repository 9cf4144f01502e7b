/**
 * Who can open or ask for what, for which purpose: every person × every resource × every purpose, decided by the policies themselves.
 *
 * Seventy thousand people times fifty resources times five purposes are not asked one by one: who can't be told apart is asked about
 * once (`policy-classes.ts`). The answer is the same as by brute force, and a test holds it to that after every change.
 */
import type { AccessPolicies, Person, Resource, ShownGrant } from '../../access/access-policies.ts'
import { accessPolicies } from '../../access/policies.ts'
import { type Named, namedIn } from './policy-classes.ts'

export interface LiveGrant {
  readonly id: string
  readonly shown: ShownGrant
}

export interface PolicyWorld {
  readonly policies: AccessPolicies
  /** Those whose signatures were checked. */
  readonly grants: readonly LiveGrant[]
  readonly resources: readonly Resource[]
  readonly purposes: readonly string[]
  readonly nowMs: number
  readonly epoch: number
  readonly isRunning: boolean
}

/** What one triple allows. */
export interface Reached {
  /** Grants under which it opens now. */
  readonly opens: readonly string[]
  readonly asks: boolean
}

/** People who are alike to the policies, and what they reach. */
export interface ReachRow {
  /** One person by name, or null: all those of `groups` whom nothing names. */
  readonly name: string | null
  /** Those of the charter's groups that they are in. */
  readonly groups: readonly string[]
  readonly people: number
  readonly resource: Resource
  readonly purpose: string
  /** `open` under `grant`, or `ask` for one. */
  readonly can: 'open' | 'ask'
  readonly grant: string | null
}

interface PersonClass {
  readonly name: string | null
  readonly groups: readonly string[]
  readonly key: string
  /** The same for everybody in these groups. */
  readonly groupsKey: string
}

/** A name that nobody has: it stands for everybody whom nothing names. */
const NOBODY_NAMED = '\u0000'

export class PolicyAudience {
  #world: PolicyWorld
  #named: Named
  #grantNames: ReadonlySet<string> = new Set()
  /** Account → person, and how many people there are of each class. */
  readonly #people = new Map<string, Person>()
  readonly #classes = new Map<string, { readonly of: PersonClass; people: number }>()
  #askDecisions = new Map<string, boolean>()
  #grantDecisions = new Map<string, Map<string, boolean>>()
  #ofGrant = new Map<LiveGrant, Map<string, boolean>>()

  /** @throws `CHARTER_INVALID` as `namedIn` */
  constructor(world: PolicyWorld) {
    this.#world = world
    this.#named = namedIn(accessPolicies(world.policies.charter))
    this.setWorld(world)
  }

  /** Other policies, grants, resources, or another time. What it leaves alone is not computed again. */
  setWorld(world: PolicyWorld): void {
    const before = this.#world
    const samePolicies = before.policies === world.policies
    const sameState = before.epoch === world.epoch && before.isRunning === world.isRunning
    if (!samePolicies) this.#named = namedIn(accessPolicies(world.policies.charter))
    if (!samePolicies || !sameState) {
      this.#askDecisions = new Map()
      this.#grantDecisions = new Map()
    }
    this.#ofGrant = new Map()
    this.#world = world
    // What no grant stands for any more is forgotten.
    const kept = new Set(world.grants.map((grant) => this.#decisionsOf(grant)))
    for (const [key, decisions] of this.#grantDecisions) if (!kept.has(decisions)) this.#grantDecisions.delete(key)
    const names = new Set(
      world.grants.flatMap(({ shown }) => [shown.requester, shown.dataProtection, shown.workerRepresentative]),
    )
    const isSameNames = names.size === this.#grantNames.size && [...names].every((name) => this.#grantNames.has(name))
    this.#grantNames = names
    if (!samePolicies || !isSameNames) this.#classify()
  }

  /** @param account of a sign-in: two people may share a name */
  setPerson(account: string, person: Person): void {
    this.removePerson(account)
    this.#people.set(account, person)
    this.#count(this.#classOf(person), 1)
  }

  removePerson(account: string): void {
    const person = this.#people.get(account)
    if (person === undefined) return
    this.#people.delete(account)
    this.#count(this.#classOf(person), -1)
  }

  /** All of them, replacing who was there. */
  setPeople(people: Iterable<readonly [account: string, person: Person]>): void {
    this.#people.clear()
    for (const [account, person] of people) this.#people.set(account, person)
    this.#classify()
  }

  /** How many are in a group. */
  sizeOf(group: string): number {
    let size = 0
    for (const { of, people } of this.#classes.values()) if (of.groups.includes(group)) size += people
    return size
  }

  /** One triple, by its classes: what the policies say of it. */
  reached(person: Person, resource: Resource, purpose: string): Reached {
    return this.#reachedBy(this.#classOf(person), resource, purpose)
  }

  /** Everything that anybody can open or ask for. */
  *rows(): Generator<ReachRow> {
    const { resources, purposes, grants } = this.#world
    const alike = Map.groupBy(resources, (resource) => this.#resourceClass(resource))
    for (const { of, people } of this.#classes.values()) {
      const row = { name: of.name, groups: of.groups, people }
      for (const purpose of purposes) {
        for (const same of alike.values()) {
          const [first] = same
          if (first === undefined || !this.#asks(of, first, purpose)) continue
          for (const resource of same) yield { ...row, resource, purpose, can: 'ask', grant: null }
        }
        for (const grant of grants) {
          const granted = keyOfResource(grant.shown.resource)
          for (const same of alike.values()) {
            // One of those that the grant does not name stands for all of them; the one that it names, for itself.
            const others = same.filter((resource) => keyOfResource(resource) !== granted)
            const own =
              others.length === same.length ? [] : same.filter((resource) => keyOfResource(resource) === granted)
            for (const [first, ...more] of [own, others]) {
              if (first === undefined || !this.#opens(of, first, purpose, grant)) continue
              for (const resource of [first, ...more]) yield { ...row, resource, purpose, can: 'open', grant: grant.id }
            }
          }
        }
      }
    }
  }

  #reachedBy(of: PersonClass, resource: Resource, purpose: string): Reached {
    const { grants } = this.#world
    const opens = grants.filter((grant) => this.#opens(of, resource, purpose, grant)).map(({ id }) => id)
    return { opens, asks: this.#asks(of, resource, purpose) }
  }

  /** To one grant only those are special whom it names itself; to everything, those whom the policies name. */
  #opens(of: PersonClass, resource: Resource, purpose: string, grant: LiveGrant): boolean {
    const { shown } = grant
    const name = this.#nameTo(of, shown)
    const isGranted = keyOfResource(shown.resource) === keyOfResource(resource)
    const key = `${isGranted ? 'granted' : this.#resourceClass(resource)}\n${this.#purposeClass(purpose, shown.purpose)}\n${name === null ? of.groupsKey : of.key}`
    return decided(this.#decisionsOf(grant), key, () => {
      const { nowMs, epoch, policies } = this.#world
      const person = { name: name ?? NOBODY_NAMED, groups: of.groups }
      return policies.decideOpen(person, resource, shown, { nowMs, epoch, purpose }).allow
    })
  }

  #nameTo(of: PersonClass, shown: ShownGrant): string | null {
    if (of.name === null) return null
    const isOfGrant =
      of.name === shown.requester || of.name === shown.dataProtection || of.name === shown.workerRepresentative
    return isOfGrant || this.#named.people.has(of.name) ? of.name : null
  }

  #asks(of: PersonClass, resource: Resource, purpose: string): boolean {
    const name = of.name !== null && this.#named.people.has(of.name) ? of.name : null
    const key = `${this.#resourceClass(resource)}\n${this.#purposeClass(purpose, null)}\n${name === null ? of.groupsKey : of.key}`
    return decided(this.#askDecisions, key, () => {
      const { policies, isRunning } = this.#world
      // The least that one can ask for: who may not ask for that may ask for nothing.
      const person = { name: name ?? NOBODY_NAMED, groups: of.groups }
      return policies.decideRequest(person, resource, { purpose, lengthMs: 1, isRunning }).allow
    })
  }

  /** Under what the grant says and where the time stands to it: whatever else changes, its decisions stay. */
  #decisionsOf(grant: LiveGrant): Map<string, boolean> {
    const known = this.#ofGrant.get(grant)
    if (known !== undefined) return known
    const { nowMs } = this.#world
    const { activeFromMs, endsAtMs } = grant.shown
    const key = JSON.stringify([grant.shown, activeFromMs <= nowMs, nowMs < endsAtMs])
    const decisions = this.#grantDecisions.get(key) ?? new Map<string, boolean>()
    this.#grantDecisions.set(key, decisions)
    this.#ofGrant.set(grant, decisions)
    return decisions
  }

  #resourceClass(resource: Resource): string {
    const id = resource.kind === 'release' ? resource.release : this.#world.policies.charter.programme
    return this.#named.resources.has(id) ? keyOfResource(resource) : resource.kind
  }

  /** A purpose that neither policies nor the grant name is any other. */
  #purposeClass(purpose: string, granted: string | null): string | null {
    return purpose === granted || this.#named.texts.has(purpose) ? purpose : null
  }

  #classOf({ name, groups }: Person): PersonClass {
    const known = [...new Set(groups)].filter((group) => this.#named.groups.has(group)).sort()
    const isNamed = this.#named.people.has(name) || this.#grantNames.has(name)
    const own = isNamed ? name : null
    return { name: own, groups: known, key: JSON.stringify([own, known]), groupsKey: JSON.stringify(known) }
  }

  #classify(): void {
    this.#classes.clear()
    for (const person of this.#people.values()) this.#count(this.#classOf(person), 1)
  }

  #count(of: PersonClass, by: number): void {
    const found = this.#classes.get(of.key)
    const people = (found?.people ?? 0) + by
    if (people === 0) this.#classes.delete(of.key)
    else if (found === undefined) this.#classes.set(of.key, { of, people })
    else found.people = people
  }
}

export function keyOfResource(resource: Resource): string {
  return resource.kind === 'recordings' ? 'recordings' : `release ${resource.release}`
}

function decided(decisions: Map<string, boolean>, key: string, decide: () => boolean): boolean {
  const known = decisions.get(key)
  if (known !== undefined) return known
  const decision = decide()
  decisions.set(key, decision)
  return decision
}
