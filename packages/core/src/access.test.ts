import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decideOpen, grantMessage, type VerifySignature } from './access.ts'
import { charterHash } from './charter/charter-hash.ts'
import { parseCharter } from './charter/parse-charter.ts'
import type { Approval, Grant } from './grant.ts'

const HOUR = 3_600_000
const file = new URL('../../../docs/examples/charter-pilot.yaml', import.meta.url)
const CHARTER = parseCharter(readFileSync(file, 'utf8'), 'charter.yaml')
const [DANA, ROBIN] = CHARTER.approvers
const NOW = { nowMs: 10 * HOUR, epoch: 3 }

// What is decided here is which signatures count; Ed25519 itself is tested where it is used.
const signature = (message: Uint8Array, key: string) =>
  createHash('sha512').update(key).update(message).digest('base64url')
const verify: VerifySignature = (message, given, key) => given === signature(message, key)

function aGrant(overrides: Partial<Grant> = {}): Grant {
  return {
    id: 'A'.repeat(22),
    programme: CHARTER.programme,
    epoch: 3,
    charter: charterHash(CHARTER),
    requester: 'Kim Sato',
    purpose: 'Build the first release.',
    recipientKey: 'B'.repeat(43),
    startsAtMs: 8 * HOUR,
    endsAtMs: 16 * HOUR,
    ...overrides,
  }
}

function approve(grant: Grant, approver: { readonly name: string; readonly key: string } | undefined): Approval {
  return { approver: approver?.name ?? '', signature: signature(grantMessage(grant), approver?.key ?? '') }
}

function decide(grant: Grant, approvals: unknown = [approve(grant, DANA), approve(grant, ROBIN)], now = NOW) {
  return decideOpen(CHARTER, grant, approvals, now, verify)
}

describe('decideOpen', () => {
  it.each([
    ['a grant with a field too many', { ...aGrant(), note: 'x' } as Grant, 'grant-malformed'],
    ['no grant', null as unknown as Grant, 'grant-malformed'],
    ['another programme', aGrant({ programme: 'other-pilot' }), 'other-programme'],
    ['another charter', aGrant({ charter: 'C'.repeat(43) }), 'other-charter'],
    ['an epoch that is over', aGrant({ epoch: 2 }), 'epoch-over'],
    ['an epoch that has not come', aGrant({ epoch: 4 }), 'epoch-over'],
    ['the millisecond before it starts', aGrant({ startsAtMs: NOW.nowMs + 1 }), 'not-in-period'],
    ['the millisecond in which it ends', aGrant({ endsAtMs: NOW.nowMs }), 'not-in-period'],
    ['a millisecond more than the charter allows', aGrant({ endsAtMs: 16 * HOUR + 1 }), 'too-long'],
  ] as const)('refuses %s', (_what, grant, reason) => {
    const approvals = grant === null ? [] : [approve(grant, DANA), approve(grant, ROBIN)]
    expect(decide(grant, approvals)).toEqual({ allow: false, reason })
  })

  const grant = aGrant()
  it.each([
    ['no approvals', []],
    ['approvals that are no list', { 0: approve(grant, DANA), 1: approve(grant, ROBIN) }],
    ['only data protection', [approve(grant, DANA)]],
    ['only the worker representative', [approve(grant, ROBIN)]],
    ['the same approval twice', [approve(grant, DANA), approve(grant, DANA)]],
    ['one person under both names', [approve(grant, DANA), { ...approve(grant, DANA), approver: ROBIN?.name }]],
    [
      'an approver whom the charter does not name',
      [approve(grant, DANA), { ...approve(grant, ROBIN), approver: 'Robin' }],
    ],
    ['an approval of another grant', [approve(grant, DANA), approve(aGrant({ purpose: 'Something else.' }), ROBIN)]],
    [
      'a key that the charter does not name',
      [approve(grant, DANA), approve(grant, { name: 'Robin Okafor', key: 'x' })],
    ],
  ])('refuses %s', (_what, approvals) => {
    expect(decide(grant, approvals)).toEqual({ allow: false, reason: 'approval-missing' })
  })

  it.each(['Dana Weiss', ' dana weiss ', 'ＤＡＮＡ Weiss'])(
    'does not count the approval of the requester, spelled "%s"',
    (requester) => {
      expect(decide(aGrant({ requester }))).toEqual({ allow: false, reason: 'approval-missing' })
    },
  )

  it('refuses a clock that is no number', () => {
    expect(decide(aGrant(), undefined, { nowMs: Number.NaN, epoch: 3 })).toEqual({
      allow: false,
      reason: 'not-in-period',
    })
  })

  it('refuses if signatures can not be checked', () => {
    const approvals = [approve(grant, DANA), approve(grant, ROBIN)]
    const broken: VerifySignature = () => {
      throw new Error('no crypto here')
    }
    expect(decideOpen(CHARTER, grant, approvals, NOW, broken).allow).toBe(false)
  })

  it('refuses under a charter with no audience, and under the strictest of several', () => {
    const [group] = CHARTER.audience
    const none = { ...CHARTER, audience: [] }
    const strict = { ...CHARTER, audience: [...CHARTER.audience, { group: 'b', sizeMax: 1, grantMax: HOUR }] }
    for (const [charter, reason] of [
      [none, 'no-audience'],
      [strict, 'too-long'],
    ] as const) {
      const asked = aGrant({ charter: charterHash(charter) })
      const approvals = [approve(asked, DANA), approve(asked, ROBIN)]
      expect(decideOpen(charter, asked, approvals, NOW, verify)).toEqual({ allow: false, reason })
    }
    expect(group?.grantMax).toBe(8 * HOUR)
  })

  it('refuses a list of approvals that is made to keep it busy', () => {
    expect(decide(grant, Array(33).fill(approve(grant, DANA)))).toEqual({ allow: false, reason: 'too-many-approvals' })
  })

  it('opens with both approvals, in any order', () => {
    expect(decide(grant)).toEqual({ allow: true })
    expect(decide(grant, [approve(grant, ROBIN), approve(grant, DANA)])).toEqual({ allow: true })
  })

  const garbage = fc.array(
    fc.oneof(
      fc.anything(),
      fc.record({
        approver: fc.constantFrom('Dana Weiss', 'Robin Okafor'),
        signature: fc.base64String().map((t) => t.padEnd(86, 'A').slice(0, 86)),
      }),
    ),
    { maxLength: 12 },
  )

  it('never opens because of approvals that do not verify, and never closes because of them', () => {
    fc.assert(
      fc.property(
        garbage,
        garbage,
        fc.subarray([approve(grant, DANA), approve(grant, ROBIN)]),
        (before, after, real) => {
          expect(decide(grant, [...before, ...real, ...after])).toEqual(decide(grant, real))
        },
      ),
    )
  })

  it('never opens when an approval is taken away', () => {
    const pool = [
      approve(grant, DANA),
      approve(grant, ROBIN),
      approve(aGrant({ epoch: 9 }), ROBIN),
      { approver: '', signature: '' },
    ]
    fc.assert(
      fc.property(fc.subarray(pool), fc.nat(3), (approvals, at) => {
        const fewer = approvals.toSpliced(at, 1)
        if (decide(grant, fewer).allow) expect(decide(grant, approvals).allow).toBe(true)
      }),
    )
  })
})
