import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { base64url } from '../base64url.ts'
import { charterHash } from '../charter/charter-hash.ts'
import type { Charter } from '../charter/charter-schema.ts'
import { parseCharter } from '../charter/parse-charter.ts'
import { type Activation, activationMessage } from './activation.ts'
import { type Approval, isAsserted, type Passkey } from './approval.ts'
import { type AccessSignatures, decideAccess, decideActivation } from './decide-open.ts'
import { type Grant, grantHash } from './grant.ts'

const HOUR = 3_600_000
const file = new URL('../../../../docs/examples/charter-pilot.yaml', import.meta.url)
const EXAMPLE = parseCharter(readFileSync(file, 'utf8'), 'charter.yaml')
const passkeyOf = (name: string): Passkey => ({
  alg: 'EdDSA',
  credential: base64url(createHash('sha256').update(name).digest()),
  key: base64url(createHash('sha256').update(`key ${name}`).digest()),
})
const CHARTER: Charter = {
  ...EXAMPLE,
  approvers: EXAMPLE.approvers.map((approver) => ({ ...approver, passkey: passkeyOf(approver.name) })),
}
const [DANA, ROBIN] = CHARTER.approvers.map(({ name }) => name) as [string, string]
const RP = CHARTER.passkeys.rpId
const NOW = { nowMs: 10 * HOUR, epoch: 3 }

// What is decided here is which signatures count; the algorithms themselves are tested where they are used.
const signed = (message: Uint8Array, key: string) => createHash('sha512').update(key).update(message).digest()
const SIGNATURES: AccessSignatures = {
  ed25519: (message, signature, key) => signature === signed(message, key).toString('base64url'),
  passkey: (message, signature, { key }) => signed(message, key).equals(signature),
}

function aGrant(overrides: Partial<Grant> = {}): Grant {
  return {
    id: 'A'.repeat(22),
    programme: CHARTER.programme,
    epoch: 3,
    charter: charterHash(CHARTER),
    requester: { name: 'Kim Sato', group: CHARTER.audience[0]?.group ?? '' },
    purpose: CHARTER.purpose.term,
    reason: 'The first release.',
    scope: { kind: 'recordings', releaseName: 'first-release' },
    recipientKey: 'B'.repeat(43),
    requestedAtMs: 8 * HOUR,
    approveByMs: 12 * HOUR,
    lengthMs: 4 * HOUR,
    ...overrides,
  }
}

interface Said {
  readonly challenge?: string
  readonly origin?: string
  readonly type?: string
  readonly flags?: number
  readonly rpId?: string
  readonly credential?: string
  readonly crossOrigin?: boolean
}

function approve(grant: Grant, approver: string, said: Said = {}): Approval {
  const passkey = passkeyOf(approver)
  const {
    challenge = grantHash(grant),
    origin = `https://${RP}`,
    type = 'webauthn.get',
    flags = 0x05,
    crossOrigin,
  } = said
  const clientData = Buffer.from(
    JSON.stringify({ type, challenge, origin, ...(crossOrigin === undefined ? {} : { crossOrigin }) }),
  )
  const data = Buffer.concat([
    createHash('sha256')
      .update(said.rpId ?? RP)
      .digest(),
    Buffer.from([flags, 0, 0, 0, 1]),
  ])
  const message = Buffer.concat([data, createHash('sha256').update(clientData).digest()])
  return {
    approver,
    assertion: {
      credential: said.credential ?? passkey.credential,
      clientDataJSON: base64url(clientData),
      authenticatorData: base64url(data),
      signature: base64url(signed(message, passkey.key)),
    },
  }
}

function activate(grant: Grant, overrides: Partial<Activation> = {}, key: string = CHARTER.keys.keeper): Activation {
  const statement = {
    programme: grant.programme,
    grant: grantHash(grant),
    activeFromMs: 9 * HOUR,
    endsAtMs: 9 * HOUR + grant.lengthMs,
    ...overrides,
  }
  return { ...statement, signature: signed(activationMessage(statement), key).toString('base64url') }
}

const both = (grant: Grant) => [approve(grant, DANA), approve(grant, ROBIN)]
const asks = (grant: Grant, approvals: unknown = both(grant), now = NOW) =>
  decideActivation(CHARTER, grant, approvals, now, SIGNATURES)
const opens = (grant: Grant, activation: unknown = activate(grant), now = NOW) =>
  decideAccess(CHARTER, grant, both(grant), activation, now, SIGNATURES)
const denied = (reason: string) => ({ allow: false, reason })

describe('decideActivation', () => {
  it.each([
    ['a grant with a field too many', { ...aGrant(), note: 'x' } as Grant, 'grant-malformed'],
    ['another programme', aGrant({ programme: 'other-pilot' }), 'other-programme'],
    ['another charter', aGrant({ charter: 'C'.repeat(43) }), 'other-charter'],
    ['an epoch that is over', aGrant({ epoch: 2 }), 'epoch-over'],
    ['an epoch that has not come', aGrant({ epoch: 4 }), 'epoch-over'],
    ['another purpose', aGrant({ purpose: 'dpv:ServiceProvision' }), 'other-purpose'],
    [
      'a purpose that is forbidden for ever',
      aGrant({ purpose: 'dpv:PersonnelPerformanceMonitoring' }),
      'other-purpose',
    ],
    ['a group outside the audience', aGrant({ requester: { name: 'Kim', group: 'marketing' } }), 'not-in-audience'],
    ['a millisecond more than the group may have', aGrant({ lengthMs: 8 * HOUR + 1 }), 'too-long'],
    ['approvals that come too late', aGrant({ approveByMs: NOW.nowMs - 1 }), 'approved-too-late'],
  ] as const)('refuses %s', (_what, grant, reason) => {
    expect(asks(grant)).toEqual(denied(reason))
  })

  const grant = aGrant()
  it.each<[string, unknown]>([
    ['no approvals', []],
    ['approvals that are no list', { 0: approve(grant, DANA), 1: approve(grant, ROBIN) }],
    ['only data protection', [approve(grant, DANA)]],
    ['the same approval twice', [approve(grant, DANA), approve(grant, DANA)]],
    ['one person under both names', [approve(grant, DANA), { ...approve(grant, DANA), approver: ROBIN }]],
    ['an approval of another grant', [approve(grant, DANA), approve(aGrant({ reason: 'Else.' }), ROBIN)]],
    [
      'an approval of the same request with a longer life',
      [approve(grant, DANA), approve(aGrant({ lengthMs: 5 * HOUR }), ROBIN)],
    ],
    ['a page of another place', [approve(grant, DANA), approve(grant, ROBIN, { origin: `https://evil.${RP}` })]],
    ['a page without TLS', [approve(grant, DANA), approve(grant, ROBIN, { origin: `http://${RP}` })]],
    ['another relying party', [approve(grant, DANA), approve(grant, ROBIN, { rpId: 'evil.example' })]],
    [
      'a registration in place of an approval',
      [approve(grant, DANA), approve(grant, ROBIN, { type: 'webauthn.create' })],
    ],
    ['a person who was there and did not prove it', [approve(grant, DANA), approve(grant, ROBIN, { flags: 0x01 })]],
    ['nobody at the key', [approve(grant, DANA), approve(grant, ROBIN, { flags: 0x04 })]],
    ['a frame in somebody else’s page', [approve(grant, DANA), approve(grant, ROBIN, { crossOrigin: true })]],
    [
      'a passkey that the charter does not name',
      [approve(grant, DANA), approve(grant, ROBIN, { credential: 'C'.repeat(22) })],
    ],
    ['an approval that is no object', [approve(grant, DANA), 'yes']],
  ])('refuses %s', (_what, approvals) => {
    expect(asks(grant, approvals)).toEqual(denied('approval-missing'))
  })

  it('refuses more approvals than anybody would send', () => {
    expect(
      asks(
        grant,
        Array.from({ length: 33 }, () => approve(grant, DANA)),
      ),
    ).toEqual(denied('too-many-approvals'))
  })

  it.each([DANA, ` ${DANA.toUpperCase()} `])('does not count the approval of the requester, spelled "%s"', (name) => {
    const own = aGrant({ requester: { ...grant.requester, name } })
    expect(asks(own)).toEqual(denied('approval-missing'))
  })

  it('does not count an approver without a passkey', () => {
    const without = { ...CHARTER, approvers: EXAMPLE.approvers }
    const asked = aGrant({ charter: charterHash(without) })
    expect(decideActivation(without, asked, both(asked), NOW, SIGNATURES)).toEqual(denied('approval-missing'))
  })

  it('counts a signature that can not be checked as none', () => {
    const throwing = () => {
      throw new Error('no such curve')
    }
    expect(decideActivation(CHARTER, grant, both(grant), NOW, { passkey: throwing })).toEqual(
      denied('approval-missing'),
    )
  })

  it('allows two approvals in time, whatever else lies beside them', () => {
    expect(asks(grant, [null, ...both(grant), 'x'])).toEqual({
      allow: true,
      grant,
      approvers: { 'data-protection': DANA, 'worker-representative': ROBIN },
    })
  })
})

describe('decideAccess', () => {
  const grant = aGrant()
  it.each<[string, unknown, string]>([
    ['no activation', null, 'not-active'],
    ['an activation of another grant', activate(aGrant({ reason: 'Else.' })), 'not-active'],
    ['an activation by somebody else than the keeper', activate(grant, {}, CHARTER.keys.vault), 'not-active'],
    ['an activation for longer than was approved', activate(grant, { endsAtMs: 13 * HOUR + 1 }), 'not-active'],
    [
      'an activation after the last moment for approvals',
      activate(grant, { activeFromMs: 12 * HOUR + 1, endsAtMs: 13 * HOUR }),
      'not-active',
    ],
    [
      'the millisecond before it is active',
      activate(grant, { activeFromMs: NOW.nowMs + 1, endsAtMs: NOW.nowMs + HOUR }),
      'not-in-period',
    ],
    ['the millisecond in which it ends', activate(grant, { endsAtMs: NOW.nowMs }), 'not-in-period'],
  ])('refuses %s', (_what, activation, reason) => {
    expect(opens(grant, activation)).toEqual(denied(reason))
  })

  it('refuses what may not even become active', () => {
    const other = aGrant({ epoch: 2 })
    expect(opens(other)).toEqual(denied('epoch-over'))
    expect(decideAccess(CHARTER, grant, [], activate(grant), NOW, SIGNATURES)).toEqual(denied('approval-missing'))
  })

  it('refuses a clock that is no number', () => {
    expect(opens(grant, activate(grant), { nowMs: Number.NaN, epoch: 3 })).toEqual(denied('not-in-period'))
  })

  it('opens from its activation to its end, though the time for approvals is over', () => {
    const late = { nowMs: 12.5 * HOUR, epoch: 3 }
    expect(opens(grant, activate(grant, { activeFromMs: 11 * HOUR, endsAtMs: 13 * HOUR }), late)).toEqual({
      allow: true,
      grant,
      approvers: { 'data-protection': DANA, 'worker-representative': ROBIN },
    })
  })

  it('opens nothing once any field of the grant is changed after the approvals', () => {
    const approvals = both(grant)
    const activation = activate(grant)
    fc.assert(
      fc.property(fc.constantFrom(...(Object.keys(grant) as (keyof Grant)[])), fc.anything(), (field, value) => {
        fc.pre(JSON.stringify(value) !== JSON.stringify(grant[field]))
        const changed = { ...grant, [field]: value }
        return !decideAccess(CHARTER, changed, approvals, activation, NOW, SIGNATURES).allow
      }),
    )
  })
})

describe('isAsserted', () => {
  it('never throws, whatever is sent', () => {
    const passkey = passkeyOf(DANA)
    const good = approve(aGrant(), DANA).assertion
    fc.assert(
      fc.property(fc.constantFrom(...(Object.keys(good) as (keyof typeof good)[])), fc.string(), (field, text) => {
        fc.pre(text !== good[field])
        return !isAsserted({ ...good, [field]: text }, passkey, grantHash(aGrant()), RP, SIGNATURES.passkey)
      }),
    )
  })
})
