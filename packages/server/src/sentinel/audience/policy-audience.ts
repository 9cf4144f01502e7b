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
  #decisions = new Map<string, boolean>()
  /** The decisions hold from here until there; times in the grants are all that changes by itself. */
  #heldFromMs = 0
  #heldUntilMs = 0

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
    const inTime = this.#heldFromMs <= world.nowMs && world.nowMs < this.#heldUntilMs
    if (!samePolicies || !sameState || !inTime || !areSameGrants(before.grants, world.grants))
      this.#decisions = new Map()
    this.#world = world
    this.#holdTimes()
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
    const { resources, purposes } = this.#world
    for (const { of, people } of this.#classes.values()) {
      for (const resource of resources) {
        for (const purpose of purposes) {
          const { opens, asks } = this.#reachedBy(of, resource, purpose)
          const row = { name: of.name, groups: of.groups, people, resource, purpose }
          for (const grant of opens) yield { ...row, can: 'open', grant }
          if (asks) yield { ...row, can: 'ask', grant: null }
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
  #opens(of: PersonClass, resource: Resource, purpose: string, { id, shown }: LiveGrant): boolean {
    const isNamed =
      of.name !== null &&
      (this.#named.people.has(of.name) ||
        [shown.requester, shown.dataProtection, shown.workerRepresentative].includes(of.name))
    const name = isNamed ? of.name : null
    const isGranted = keyOfResource(shown.resource) === keyOfResource(resource)
    const key = JSON.stringify([
      id,
      name,
      of.groups,
      isGranted || this.#resourceClass(resource),
      this.#purposeClass(purpose, shown.purpose),
    ])
    return this.#decided(key, () => {
      const { nowMs, epoch, policies } = this.#world
      const person = { name: name ?? NOBODY_NAMED, groups: of.groups }
      return policies.decideOpen(person, resource, shown, { nowMs, epoch, purpose }).allow
    })
  }

  #asks(of: PersonClass, resource: Resource, purpose: string): boolean {
    const name = of.name !== null && this.#named.people.has(of.name) ? of.name : null
    const key = JSON.stringify([
      'ask',
      name,
      of.groups,
      this.#resourceClass(resource),
      this.#purposeClass(purpose, null),
    ])
    return this.#decided(key, () => {
      const { policies, isRunning } = this.#world
      // The least that one can ask for: who may not ask for that may ask for nothing.
      return policies.decideRequest({ name: name ?? NOBODY_NAMED, groups: of.groups }, resource, {
        purpose,
        lengthMs: 1,
        isRunning,
      }).allow
    })
  }

  #decided(key: string, decide: () => boolean): boolean {
    const known = this.#decisions.get(key)
    if (known !== undefined) return known
    const decision = decide()
    this.#decisions.set(key, decision)
    return decision
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
    return { name: own, groups: known, key: JSON.stringify([own, known]) }
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

  #holdTimes(): void {
    const { nowMs, grants } = this.#world
    const edges = grants.flatMap(({ shown }) => [shown.activeFromMs, shown.endsAtMs])
    this.#heldFromMs = Math.max(Number.NEGATIVE_INFINITY, ...edges.filter((edge) => edge <= nowMs))
    this.#heldUntilMs = Math.min(Number.POSITIVE_INFINITY, ...edges.filter((edge) => edge > nowMs))
  }
}

export function keyOfResource(resource: Resource): string {
  return resource.kind === 'recordings' ? 'recordings' : `release ${resource.release}`
}

function areSameGrants(some: readonly LiveGrant[], others: readonly LiveGrant[]): boolean {
  return some.length === others.length && some.every((one, i) => JSON.stringify(one) === JSON.stringify(others[i]))
}
