import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { VerifySignature } from '../access/approver.ts'
import { charterMessage, missingApprovals } from './approve-charter.ts'
import { charterHash } from './charter-hash.ts'
import type { Charter } from './charter-schema.ts'
import { decideStart, START_DENY_SENTENCES, type StartFacts } from './decide-start.ts'
import { parseCharter } from './parse-charter.ts'
import { workingPeriodEndMs } from './working-hours.ts'

const YAML = readFileSync(new URL('../../../../docs/examples/charter-pilot.yaml', import.meta.url), 'utf8')
const base = parseCharter(YAML, 'charter.yaml')
const SERVER = base.builds.server[0] ?? ''
const hands = { dana: hand(), robin: hand(), other: hand() }
const [dana, robin] = base.approvers as [Charter['approvers'][number], Charter['approvers'][number]]
const old: Charter = {
  ...base,
  approvers: [
    { ...dana, key: hands.dana.key },
    { ...robin, key: hands.robin.key },
  ],
}

describe('decideStart', () => {
  const facts: StartFacts = { nowMs: Date.parse('2026-06-01'), missingApprovals: [], serverBuild: SERVER }

  it.each<[string, Partial<Charter>, Partial<StartFacts>, string]>([
    ['before the impact assessment', {}, { nowMs: Date.parse('2026-05-03T23:59:59Z') }, 'impact-assessment-missing'],
    ['before the consultation', {}, { nowMs: Date.parse('2026-05-17') }, 'consultation-missing'],
    ['without a clock', {}, { nowMs: Number.NaN }, 'consultation-missing'],
    ['without a signature', {}, { missingApprovals: [{ role: 'data-protection', name: null }] }, 'approval-missing'],
    ['without one of the quorum', { quorum: base.quorum.slice(1) }, {}, 'quorum-incomplete'],
    ['on a server that nobody reviewed', {}, { serverBuild: 'home-made' }, 'server-not-reviewed'],
  ])('keeps the gate closed %s', (_when, change, changed, reason) => {
    const decision = decideStart({ ...base, ...change }, { ...facts, ...changed })
    expect(decision.allow ? [] : decision.reasons).toContain(reason)
  })

  it('names every reason, each with a sentence', () => {
    const decision = decideStart(
      { ...base, quorum: [] },
      { nowMs: 0, missingApprovals: [{ role: 'data-protection', name: null }], serverBuild: '' },
    )
    expect(decision.allow ? [] : decision.reasons).toEqual(Object.keys(START_DENY_SENTENCES))
  })

  it('opens when all of it stands', () => {
    expect(decideStart(base, facts)).toEqual({ allow: true })
  })
})

describe('missingApprovals', () => {
  const next = { ...old, version: 2 }
  const hash = charterHash(next)
  const both = [approval('Dana Weiss', hands.dana), approval('Robin Okafor', hands.robin)]
  const missing = (approvals: typeof both, to: Charter = next) => missingApprovals(old, to, hash, approvals, verifyKey)

  it.each([
    ['nobody’s', [], ['data-protection', 'worker-representative']],
    ['one role’s twice', [both[0], both[0]], ['worker-representative']],
    ['another person’s in their name', [both[0], approval('Robin Okafor', hands.other)], ['worker-representative']],
    [
      'one over another charter',
      [both[0], approval('Robin Okafor', hands.robin, 'x'.repeat(43))],
      ['worker-representative'],
    ],
    ['a stranger’s', [both[0], approval('Nobody', hands.robin)], ['worker-representative']],
    ['no signature at all', [both[0], { approver: 'Robin Okafor', signature: '' }], ['worker-representative']],
  ])('does not count %s', (_whose, approvals, roles) => {
    expect(missing(approvals as typeof both).map(({ role }) => role)).toEqual(roles)
  })

  it('is satisfied by both roles', () => {
    expect(missing(both)).toEqual([])
  })

  it('asks the representative who would be replaced, even if another one has signed', () => {
    const second = hand()
    const two: Charter = {
      ...old,
      approvers: [...old.approvers, { name: 'Kim Ito', role: 'worker-representative', key: second.key }],
    }
    const without = { ...two, approvers: [...old.approvers.slice(0, 1), ...two.approvers.slice(2)] }
    const signed = [approval('Dana Weiss', hands.dana), approval('Kim Ito', second)]
    const outgoing = [{ role: 'worker-representative', name: 'Robin Okafor' }]
    expect(missingApprovals(two, without, hash, signed, verifyKey)).toEqual(outgoing)
    expect(missingApprovals(two, without, hash, [...signed, ...both.slice(1)], verifyKey)).toEqual([])
  })

  it('treats a verifier that breaks as a signature that does not count', () => {
    const broken = () => {
      throw new Error('no such curve')
    }
    expect(missingApprovals(old, next, hash, both, broken)).toHaveLength(2)
  })

  function approval(approver: string, { privateKey }: { privateKey: KeyObject }, over: string = hash) {
    return { approver, signature: sign(null, charterMessage(over), privateKey).toString('base64url') }
  }
})

describe('workingPeriodEndMs', () => {
  const hours: Charter['workingHours'] = {
    zone: 'Europe/Berlin',
    days: ['monday', 'friday'],
    from: '07:00',
    to: '19:00',
  }
  const at = (text: string) => Date.parse(text)

  it.each([
    ['before the morning', '2026-06-01T04:59:59Z'],
    ['the instant of the evening', '2026-06-01T17:00:00Z'],
    ['on another day', '2026-06-02T08:00:00Z'],
    ['in winter, when the clocks differ', '2026-01-05T05:30:00Z'],
  ])('is null %s', (_when, time) => {
    expect(workingPeriodEndMs(hours, at(time))).toBeNull()
  })

  it('is null for a time that is none', () => {
    expect(workingPeriodEndMs(hours, Number.NaN)).toBeNull()
  })

  it('is the evening of that day in that place', () => {
    expect(workingPeriodEndMs(hours, at('2026-06-01T05:00:00Z'))).toBe(at('2026-06-01T17:00:00Z'))
    expect(workingPeriodEndMs(hours, at('2026-01-05T17:59:59.900Z'))).toBe(at('2026-01-05T18:00:00Z'))
  })

  it('lets a day last until midnight', () => {
    const whole = { ...hours, zone: 'UTC', from: '00:00', to: '24:00' }
    expect(workingPeriodEndMs(whole, at('2026-06-01T00:00:00Z'))).toBe(at('2026-06-02T00:00:00Z'))
  })
})

function hand(): { key: string; privateKey: KeyObject } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { key: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64url'), privateKey }
}

function verifyKey(message: Uint8Array, signature: string, key: string): boolean {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key, 'base64url')])
  return verify(null, message, { key: der, format: 'der', type: 'spki' }, Buffer.from(signature, 'base64url'))
}
verifyKey satisfies VerifySignature
