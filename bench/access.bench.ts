/** How long a decision takes in the process that opens keys, with many people and grants around. */
import { AccessPolicies, type Person, type Resource, type ShownGrant } from '@fairtrace/server/access/access-policies'
import { aCharter } from '@fairtrace/testing/harness'
import type { Benchmark, Runs } from './benchmark.ts'

const PEOPLE = 100_000
const GRANTS = 1_000
const DECISIONS = 20_000
const WARM_UP = 2_000
const RUNS = 3
const HOUR_MS = 3_600_000

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'access.decision-p99',
    unit: 'ms',
    better: 'lower',
    target: 1,
    peerName: null,
    run: decisions,
  },
]

/** Every second question is about somebody else's grant: a refusal costs what an answer costs. */
async function decisions(): Promise<Runs> {
  const charter = aCharter()
  const policies = new AccessPolicies(charter)
  const group = charter.audience[0]?.group ?? ''
  const people: Person[] = Array.from({ length: PEOPLE }, (_, i) => ({ name: `Person ${i}`, groups: [group] }))
  const resource: Resource = { kind: 'recordings' }
  const grants: ShownGrant[] = Array.from({ length: GRANTS }, (_, i) => ({
    requester: `Person ${i * 97}`,
    group,
    resource,
    purpose: charter.purpose.term,
    epoch: 1,
    lengthMs: HOUR_MS,
    activeFromMs: 0,
    endsAtMs: HOUR_MS,
    dataProtection: 'Dana Weiss',
    workerRepresentative: 'Robin Okafor',
  }))
  const now = { nowMs: 1, epoch: 1, purpose: charter.purpose.term }
  const ours: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const times = new Float64Array(DECISIONS)
    for (let i = -WARM_UP; i < DECISIONS; i++) {
      const at = (i + WARM_UP) % GRANTS
      const grant = grants[at]
      const person = people[at * 97 + (i & 1)]
      if (grant === undefined || person === undefined) throw new RangeError('every grant has its person')
      const startMs = performance.now()
      const { allow } = policies.decideOpen(person, resource, grant, now)
      if (i >= 0) times[i] = performance.now() - startMs
      if (allow !== ((i & 1) === 0)) throw new Error('a decision went wrong')
    }
    ours.push(times.sort()[Math.floor(DECISIONS * 0.99)] ?? Number.NaN)
  }
  return { ours, peer: null }
}
