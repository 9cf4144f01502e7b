import { createHash, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  type Activation,
  activationMessage,
  type Charter,
  charterHash,
  type Grant,
  grantHash,
  parseCharter,
} from '@fairtrace/core'
import { describe, expect, it } from 'vitest'
import { softwareAuthenticator } from '../../../testing/src/simulator/software-authenticator.ts'
import { signerFromSeed } from '../../server/src/runtime/jws.ts'
import { verifyGrant } from './index.ts'

const YAML = readFileSync(new URL('../../../docs/examples/charter-pilot.yaml', import.meta.url), 'utf8')
const EXAMPLE = parseCharter(YAML, 'charter.yaml')
const KEEPER = signerFromSeed(createHash('sha256').update('keeper').digest('base64url'))
const people = EXAMPLE.approvers.map(({ name }) => ({ name, key: softwareAuthenticator({ seed: name }) }))
const CHARTER: Charter = {
  ...EXAMPLE,
  keys: { ...EXAMPLE.keys, keeper: KEEPER.publicKey },
  approvers: EXAMPLE.approvers.map((approver, i) => ({ ...approver, passkey: people[i]?.key.passkey })),
}
const GRANT: Grant = {
  id: 'A'.repeat(22),
  programme: CHARTER.programme,
  epoch: 3,
  charter: charterHash(CHARTER),
  requester: { name: 'Kim Sato', group: CHARTER.audience[0]?.group ?? '' },
  purpose: CHARTER.purpose.term,
  reason: 'The first release.',
  scope: { kind: 'recordings', releaseName: 'first-release' },
  recipientKey: 'B'.repeat(43),
  requestedAtMs: 1_000,
  approveByMs: 9_000_000,
  lengthMs: 3_600_000,
}

function approvals(grant = GRANT) {
  const rpId = CHARTER.passkeys.rpId
  return people.map(({ name, key }) => ({
    approver: name,
    assertion: key.assert({ challenge: grantHash(grant), rpId }, `https://${rpId}`),
  }))
}

function activation(change: Partial<Activation> = {}, signer = KEEPER): Activation {
  const said = {
    programme: GRANT.programme,
    grant: grantHash(GRANT),
    activeFromMs: 5_000,
    endsAtMs: 3_605_000,
    ...change,
  }
  const signature = sign(null, activationMessage(said), signer.privateKey).toString('base64url')
  return { ...said, signature }
}

const document = (change: Record<string, unknown> = {}) =>
  JSON.parse(JSON.stringify({ grant: GRANT, approvals: approvals(), activation: activation(), ...change }))

describe('verifyGrant', () => {
  it.each([
    ['one approval only', { approvals: approvals().slice(0, 1) }],
    ['one person twice', { approvals: [approvals()[0], approvals()[0]] }],
    ['approvals of another grant', { approvals: approvals({ ...GRANT, lengthMs: 1 }) }],
    [
      'approvals under each other’s names',
      { approvals: approvals().map((one, i, all) => ({ ...one, approver: all[1 - i]?.approver })) },
    ],
    ['another purpose', { grant: { ...GRANT, purpose: 'dpv:Marketing' } }],
    [
      'an activation by somebody else',
      { activation: activation({}, signerFromSeed(Buffer.alloc(32, 9).toString('base64url'))) },
    ],
    ['an activation of another grant', { activation: activation({ grant: 'C'.repeat(43) }) }],
    ['an activation that lasts longer than was asked', { activation: activation({ endsAtMs: 3_605_001 }) }],
    [
      'an activation after the approvals were over',
      { activation: activation({ activeFromMs: 9_000_001, endsAtMs: 9_000_002 }) },
    ],
    ['no approvals', { approvals: undefined }],
  ])('refuses %s', (_what, change) => {
    expect(() => verifyGrant(document(change), CHARTER)).toThrow(expect.objectContaining({ code: 'SIGNATURE_INVALID' }))
  })

  it('refuses a grant under another charter', () => {
    const other = { ...CHARTER, version: 2 }
    expect(() => verifyGrant(document(), other)).toThrow(expect.objectContaining({ code: 'SIGNATURE_INVALID' }))
  })

  it('says until when it may open anything, and that it may not before it is active', () => {
    expect(verifyGrant(document(), CHARTER)).toMatchObject({ active: { fromMs: 5_000, endsAtMs: 3_605_000 } })
    expect(verifyGrant(document({ activation: null }), CHARTER)).toMatchObject({ active: null })
  })
})
