import { aCharter } from '@fairtrace/testing/harness'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AccessPolicies, type Person, type Resource, type ShownGrant } from '../../access/access-policies.ts'
import { type LiveGrant, PolicyAudience, type PolicyWorld, type Reached } from './policy-audience.ts'
import { namedIn } from './policy-classes.ts'

const NAMES = ['Ann', 'Ben', 'Cem', 'Dana Weiss', 'Robin Okafor', '__proto__', '"', 'Ann\u0000'] as const
const GROUPS = ['agent-training', 'evaluation', 'everybody', 'constructor'] as const
const PURPOSES = [
  'dpv:ResearchAndDevelopment',
  'dpv:PersonnelPerformanceMonitoring',
  'dpv:Marketing',
  'dpv:SellData',
  '',
] as const
const RESOURCES: readonly Resource[] = [
  { kind: 'recordings' },
  ...['a', 'b', 'c'].map((letter): Resource => ({ kind: 'release', release: letter.repeat(43) })),
]
const CHARTERS = [
  aCharter(),
  aCharter({
    audience: [
      { group: 'agent-training', sizeMax: 4, grantMax: 1_000 },
      { group: 'evaluation', sizeMax: 2, grantMax: 10 },
    ],
  }),
  aCharter({ purpose: { term: 'dpv:Marketing', sentence: 'Another.' } }),
].map((charter) => new AccessPolicies(charter))

const person = fc.record({ name: fc.constantFrom(...NAMES), groups: fc.subarray([...GROUPS]) })
const time = fc.constantFrom(0, 1, 5, 10)
const grant: fc.Arbitrary<ShownGrant> = fc.record({
  requester: fc.constantFrom(...NAMES),
  group: fc.constantFrom(...GROUPS),
  resource: fc.constantFrom(...RESOURCES),
  purpose: fc.constantFrom(...PURPOSES),
  epoch: fc.constantFrom(1, 2),
  lengthMs: fc.constantFrom(1, 10, 500, 5_000),
  activeFromMs: time,
  endsAtMs: time,
  dataProtection: fc.constantFrom(...NAMES),
  workerRepresentative: fc.constantFrom(...NAMES),
})
const grants = fc
  .array(grant, { maxLength: 4 })
  .map((list) => list.map((shown, i): LiveGrant => ({ id: `g${i}`, shown })))
const world: fc.Arbitrary<PolicyWorld> = fc.record({
  policies: fc.constantFrom(...CHARTERS),
  grants,
  resources: fc.constant(RESOURCES),
  purposes: fc.constant([...PURPOSES]),
  nowMs: time,
  epoch: fc.constantFrom(1, 2),
  isRunning: fc.boolean(),
})

/** Every triple asked of the policies themselves. */
function bruteForce(who: Person, resource: Resource, purpose: string, at: PolicyWorld): Reached {
  const { policies, nowMs, epoch, isRunning } = at
  const opens = at.grants.filter(
    ({ shown }) => policies.decideOpen(who, resource, shown, { nowMs, epoch, purpose }).allow,
  )
  return {
    opens: opens.map(({ id }) => id),
    asks: policies.decideRequest(who, resource, { purpose, lengthMs: 1, isRunning }).allow,
  }
}

describe('the audience of the policies', () => {
  it('says of ten thousand random triples what the policies say of each', () => {
    let triples = 0
    fc.assert(
      fc.property(world, fc.array(person, { minLength: 1, maxLength: 10 }), (at, people) => {
        const audience = new PolicyAudience(at)
        audience.setPeople(people.map((one, i) => [`account ${i}`, one]))
        for (const who of people) {
          for (const resource of RESOURCES) {
            for (const purpose of PURPOSES) {
              triples++
              expect(audience.reached(who, resource, purpose)).toEqual(bruteForce(who, resource, purpose, at))
            }
          }
        }
      }),
      { numRuns: 120 },
    )
    expect(triples).toBeGreaterThan(10_000)
    // Each is asked of the policies one by one, on whatever machine this is.
  }, 120_000)

  it('still says it after every change of membership, grants, charter, epoch and time', () => {
    const change = fc.oneof(
      fc.record({ kind: fc.constant('person' as const), account: fc.nat(5), person }),
      fc.record({ kind: fc.constant('gone' as const), account: fc.nat(5) }),
      fc.record({ kind: fc.constant('world' as const), world }),
      fc.record({ kind: fc.constant('time' as const), nowMs: time }),
    )
    fc.assert(
      fc.property(world, fc.array(change, { maxLength: 8 }), (first, changes) => {
        let at = first
        const people = new Map<string, Person>()
        const audience = new PolicyAudience(at)
        for (const one of changes) {
          if (one.kind === 'world') at = one.world
          if (one.kind === 'time') at = { ...at, nowMs: one.nowMs }
          if (one.kind === 'world' || one.kind === 'time') audience.setWorld(at)
          if (one.kind === 'person') {
            people.set(String(one.account), one.person)
            audience.setPerson(String(one.account), one.person)
          }
          if (one.kind === 'gone') {
            people.delete(String(one.account))
            audience.removePerson(String(one.account))
          }
          expect(counted(audience)).toEqual(countedByForce(people, at))
        }
      }),
      { numRuns: 60 },
    )
  })

  it('refuses a policy that holds anything but comparisons, for its readers can not be enumerated', () => {
    const policy = {
      effect: 'permit',
      principal: { op: 'All' },
      action: { op: 'All' },
      resource: { op: 'All' },
      conditions: [{ kind: 'when', body: { like: { left: { Var: 'principal' }, pattern: ['Wildcard'] } } }],
    }
    expect(() => namedIn({ policy })).toThrow(/can not be enumerated/)
    expect(() =>
      namedIn({ policy: { ...policy, conditions: [], principal: { op: 'is', entity_type: 'Person' } } }),
    ).toThrow()
  })
})

/** How many people reach each resource for each purpose. */
function counted(audience: PolicyAudience): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { resource, purpose, can, grant, people } of audience.rows()) {
    const key = JSON.stringify([resource, purpose, can, grant])
    counts[key] = (counts[key] ?? 0) + people
  }
  return counts
}

function countedByForce(people: ReadonlyMap<string, Person>, at: PolicyWorld): Record<string, number> {
  const counts: Record<string, number> = {}
  const add = (...key: readonly unknown[]) => {
    counts[JSON.stringify(key)] = (counts[JSON.stringify(key)] ?? 0) + 1
  }
  for (const who of people.values()) {
    for (const resource of RESOURCES) {
      for (const purpose of PURPOSES) {
        const { opens, asks } = bruteForce(who, resource, purpose, at)
        for (const grant of opens) add(resource, purpose, 'open', grant)
        if (asks) add(resource, purpose, 'ask', null)
      }
    }
  }
  return counts
}
