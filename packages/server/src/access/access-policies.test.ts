import { aCharter } from '@fairtrace/testing/harness'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AccessPolicies, type OpeningNow, type Person, type Resource, type ShownGrant } from './access-policies.ts'

const HOUR = 3_600_000
const CHARTER = aCharter()
const policies = new AccessPolicies(CHARTER)
const GROUP = CHARTER.audience[0]?.group ?? ''
const KIM: Person = { name: 'Kim Sato', groups: [GROUP] }
const RECORDINGS: Resource = { kind: 'recordings' }
const NOW: OpeningNow = { nowMs: 10 * HOUR, epoch: 3, purpose: CHARTER.purpose.term }
const GRANT: ShownGrant = {
  requester: 'Kim Sato',
  group: GROUP,
  resource: RECORDINGS,
  purpose: CHARTER.purpose.term,
  epoch: 3,
  lengthMs: 4 * HOUR,
  activeFromMs: 9 * HOUR,
  endsAtMs: 13 * HOUR,
  dataProtection: 'Dana Weiss',
  workerRepresentative: 'Robin Okafor',
}
const opens = (
  grant: Partial<ShownGrant> = {},
  now: Partial<OpeningNow> = {},
  person = KIM,
  resource: Resource = RECORDINGS,
) => policies.decideOpen(person, resource, { ...GRANT, ...grant }, { ...NOW, ...now }).allow

describe('the policies of a charter', () => {
  it.each<[string, boolean]>([
    ['somebody else with the grant in their hand', opens({}, {}, { ...KIM, name: 'Lee Park' })],
    ['who left the group', opens({}, {}, { ...KIM, groups: [] })],
    ['who is in another group', opens({}, {}, { ...KIM, groups: ['marketing'] })],
    ['a grant that was asked for as a member of another group', opens({ group: 'marketing' })],
    ['a grant for a release, to open recordings', opens({ resource: { kind: 'release', release: 'r' } })],
    ['another purpose', opens({ purpose: 'dpv:ServiceProvision' }, { purpose: 'dpv:ServiceProvision' })],
    [
      'a forbidden purpose',
      opens({ purpose: 'dpv:PersonnelPerformanceMonitoring' }, { purpose: 'dpv:PersonnelPerformanceMonitoring' }),
    ],
    ['a purpose that is not the one granted', opens({}, { purpose: 'dpv:ServiceProvision' })],
    ['an epoch that is over', opens({ epoch: 2 })],
    ['a grant that is longer than the charter allows', opens({ lengthMs: 8 * HOUR + 1 })],
    ['the millisecond before it is active', opens({}, { nowMs: 9 * HOUR - 1 })],
    ['the millisecond in which it ends', opens({}, { nowMs: 13 * HOUR })],
    ['one person in both approver slots', opens({ dataProtection: 'Robin Okafor' })],
    ['an approval of one’s own', opens({ dataProtection: 'Kim Sato' })],
    ['a clock that is no number', opens({}, { nowMs: Number.NaN })],
    ['a clock between two milliseconds', opens({}, { nowMs: 10 * HOUR + 0.5 })],
  ])('open nothing for %s', (_what, allowed) => {
    expect(allowed).toBe(false)
  })

  it('open for the one who asked, and say by which policy', () => {
    expect(policies.decideOpen(KIM, RECORDINGS, GRANT, NOW)).toEqual({
      allow: true,
      policies: [`open-recordings:${GROUP}`],
    })
    const release: Resource = { kind: 'release', release: 'A'.repeat(43) }
    expect(policies.decideOpen(KIM, release, { ...GRANT, resource: release }, NOW).policies).toEqual([
      `open-release:${GROUP}`,
    ])
    expect(opens({ resource: release }, {}, KIM, { kind: 'release', release: 'B'.repeat(43) })).toBe(false)
  })

  it('let only approvers approve, and nobody their own request', () => {
    expect(policies.decideApprove('Dana Weiss', { id: 'g', requester: 'Kim Sato' }).allow).toBe(true)
    expect(policies.decideApprove('Dana Weiss', { id: 'g', requester: 'Dana Weiss' }).allow).toBe(false)
    expect(policies.decideApprove('Kim Sato', { id: 'g', requester: 'Lee Park' }).allow).toBe(false)
  })

  it('let members of the audience ask, for the one purpose, while the programme runs', () => {
    const wish = { purpose: CHARTER.purpose.term, lengthMs: HOUR, isRunning: true }
    expect(policies.decideRequest(KIM, RECORDINGS, wish).allow).toBe(true)
    expect(policies.decideRequest({ ...KIM, groups: [] }, RECORDINGS, wish).allow).toBe(false)
    for (const changed of [
      { purpose: 'dpv:ServiceProvision' },
      { lengthMs: 9 * HOUR },
      { lengthMs: 0 },
      { isRunning: false },
    ]) {
      expect(policies.decideRequest(KIM, RECORDINGS, { ...wish, ...changed }).allow).toBe(false)
    }
  })

  it('let participants see their own data alone, with their own passkey', () => {
    expect(policies.decideOwn('view-own', 'p1', 'p1', true).allow).toBe(true)
    expect(policies.decideOwn('export-own', 'p1', 'p1', true).allow).toBe(true)
    expect(policies.decideOwn('view-own', 'p1', 'p2', true).allow).toBe(false)
    expect(policies.decideOwn('view-own', 'p1', 'p1', false).allow).toBe(false)
  })

  it('let nobody in under a charter without an audience', () => {
    const none = new AccessPolicies(aCharter({ audience: [] }))
    expect(none.decideOpen(KIM, RECORDINGS, GRANT, NOW).allow).toBe(false)
  })

  it('stay what they are whatever a group or a person is called', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (group, name) => {
        fc.pre(group !== GROUP)
        const odd = new AccessPolicies(aCharter({ audience: [{ group, sizeMax: 1, grantMax: HOUR }] }))
        const grant = { ...GRANT, requester: name, group, lengthMs: HOUR }
        expect(odd.decideOpen({ name, groups: [group] }, RECORDINGS, grant, NOW).allow).toBe(true)
        expect(odd.decideOpen({ name, groups: [GROUP] }, RECORDINGS, grant, NOW).allow).toBe(false)
      }),
      { numRuns: 30 },
    )
  })
})
