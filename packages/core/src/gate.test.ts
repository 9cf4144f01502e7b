import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { charterHash } from './charter/charter-hash.ts'
import { type Charter, QUORUM_ROLES } from './charter/charter-schema.ts'
import { parseCharter } from './charter/parse-charter.ts'
import {
  decideGate,
  decideStayOpen,
  drawStatement,
  GATE_MISSING_SENTENCES,
  type GateFacts,
  type GateSignature,
  gateMessage,
  gateStatementHash,
  missingQuorum,
} from './gate.ts'

const base = parseCharter(
  readFileSync(new URL('../../../docs/examples/charter-pilot.yaml', import.meta.url), 'utf8'),
  'charter.yaml',
)
const hands = QUORUM_ROLES.map((role) => ({
  role,
  name: base.quorum.find((one) => one.role === role)?.name ?? '',
  ...hand(),
}))
const charter: Charter = { ...base, quorum: hands.map(({ name, role, key }) => ({ name, role, key })) }
const NONCE = 'A'.repeat(22)
const OTHER = 'B'.repeat(22)
const digest = (letter: string) => letter.repeat(43)
const build = charter.builds.server[0] ?? ''

function unsigned(overrides: Partial<GateFacts> = {}): GateFacts {
  return {
    nowMs: Date.parse('2026-06-01'),
    programme: charter.programme,
    state: 'locked',
    epoch: 7,
    charterHash: charterHash(charter),
    missingApprovals: [],
    builds: [build],
    safeguards: ['one', 'two'],
    evidence: new Map([
      ['one', digest('a')],
      ['two', digest('b')],
    ]),
    hasUnannounced: true,
    exposures: [],
    incidents: [{ id: NONCE, hasRootCause: true, isDrilledSince: true, areNoticesSent: true }],
    statement: null,
    signatures: [],
    asks: 'all',
    ...overrides,
  }
}

/** Everything stands. */
function facts(): GateFacts {
  const statement = drawStatement(unsigned(), NONCE)
  return { ...unsigned(), statement, signatures: hands.map((one) => signed(one, gateStatementHash(statement))) }
}

function signed({ name, privateKey }: { name: string; privateKey: KeyObject }, hash: string): GateSignature {
  return { name, signature: sign(null, gateMessage(hash), privateKey).toString('base64url') }
}

function reasonsOf(changed: GateFacts): readonly string[] {
  const decision = decideGate(charter, changed, verifyKey)
  return decision.open ? [] : decision.missing.map(({ reason }) => reason)
}

/** Each takes one thing away, and says what is missed then. */
const TAKEN: readonly (readonly [what: string, take: (whole: GateFacts) => GateFacts, reason: string])[] = [
  ['a day before the consultation', (f) => ({ ...f, nowMs: Date.parse('2026-05-10') }), 'consultation-missing'],
  ['no clock', (f) => ({ ...f, nowMs: Number.NaN }), 'impact-assessment-missing'],
  ['an approval', (f) => ({ ...f, missingApprovals: [{ role: 'data-protection', name: null }] }), 'approval-missing'],
  ['a draft', (f) => ({ ...f, state: 'draft' }), 'state-final'],
  ['another build beside', (f) => ({ ...f, builds: [build, 'home-made'] }), 'server-not-reviewed'],
  ['no build at all', (f) => ({ ...f, builds: [] }), 'server-not-reviewed'],
  ['no catalogue', (f) => ({ ...f, safeguards: [] }), 'catalogue-missing'],
  ['one piece of evidence', (f) => ({ ...f, evidence: new Map([['one', digest('a')]]) }), 'evidence-missing'],
  ['the unannounced drill', (f) => ({ ...f, hasUnannounced: false }), 'unannounced-missing'],
  ['an open exposure', (f) => ({ ...f, exposures: ['x'] }), 'exposure-open'],
  ['a root cause', (f) => incident(f, { hasRootCause: false }), 'root-cause-missing'],
  ['a drill since', (f) => incident(f, { isDrilledSince: false }), 'fault-not-drilled'],
  ['the notices', (f) => incident(f, { areNoticesSent: false }), 'notices-missing'],
  ['the statement', (f) => ({ ...f, statement: null }), 'statement-missing'],
  ['another epoch', (f) => ({ ...f, epoch: 8 }), 'statement-void'],
  ['another charter', (f) => ({ ...f, charterHash: digest('c') }), 'statement-void'],
  ['another programme', (f) => ({ ...f, programme: 'another-one' }), 'statement-void'],
  ['an incident that came after', (f) => incident(f, { id: OTHER }), 'statement-void'],
  ...QUORUM_ROLES.map(
    (role, i) =>
      [
        `the signature of ${role}`,
        (f: GateFacts) => ({ ...f, signatures: f.signatures.toSpliced(i, 1) }),
        'signature-missing',
      ] as const,
  ),
]

function incident(whole: GateFacts, changed: Partial<GateFacts['incidents'][number]>): GateFacts {
  return { ...whole, incidents: whole.incidents.map((one) => ({ ...one, ...changed })) }
}

describe('decideGate', () => {
  it.each(TAKEN)('stays closed with %s missing', (_what, take, reason) => {
    expect(reasonsOf(take(facts()))).toContain(reason)
  })

  it('opens when all of it stands', () => {
    expect(decideGate(charter, facts(), verifyKey)).toEqual({ open: true })
  })

  it('stays closed whatever else is missing too, and names each', () => {
    fc.assert(
      fc.property(fc.subarray([...TAKEN], { minLength: 1 }), (taken) => {
        const [first] = taken
        const reasons = reasonsOf(taken.reduce((f, [, take]) => take(f), facts()))
        expect(reasons.length).toBeGreaterThan(0)
        // One alone is named whatever is taken besides, unless that makes it a question that isn't asked any more.
        if (first !== undefined && taken.length === 1) expect(reasons).toContain(first[2])
      }),
    )
  })

  it('has a sentence for every reason', () => {
    const decision = decideGate(charter, { ...unsigned(), exposures: ['x'] }, verifyKey)
    for (const { sentence } of decision.open ? [] : decision.missing) expect(sentence.length).toBeGreaterThan(10)
    expect(Object.values(GATE_MISSING_SENTENCES).every((sentence) => sentence.length > 10)).toBe(true)
  })

  it('lets newer evidence of the same safeguards stand for what was signed', () => {
    const whole = facts()
    expect(
      reasonsOf({
        ...whole,
        evidence: new Map([
          ['one', digest('x')],
          ['two', digest('b')],
        ]),
      }),
    ).toEqual([])
  })

  it('asks a demonstration that was never locked for neither evidence nor signatures, and still for reviewed builds', () => {
    const bare = unsigned({
      state: 'approved',
      asks: 'demonstration',
      evidence: new Map(),
      hasUnannounced: false,
      incidents: [],
    })
    expect(reasonsOf(bare)).toEqual([])
    expect(reasonsOf({ ...bare, builds: ['home-made'] })).toEqual(['server-not-reviewed'])
  })

  it('asks a resumed programme for evidence, and not for signatures again', () => {
    const paused = unsigned({ state: 'paused', asks: 'unsigned' })
    expect(reasonsOf(paused)).toEqual([])
    expect(reasonsOf({ ...paused, evidence: new Map() })).toEqual(['evidence-missing', 'evidence-missing'])
  })
})

describe('missingQuorum', () => {
  const hash = gateStatementHash(drawStatement(unsigned(), NONCE))
  const all = hands.map((one) => signed(one, hash))

  it.each<[string, readonly GateSignature[], number]>([
    ['nobody', [], 4],
    ['three', all.slice(1), 1],
    ['one person four times', Array.from({ length: 4 }, () => all[0]).filter((one) => one !== undefined), 3],
    [
      'one person under two names',
      [
        ...all.slice(0, 3),
        signed(
          { ...hands[0], name: hands[3]?.name ?? '' } as (typeof hands)[0] & { name: string; privateKey: KeyObject },
          hash,
        ),
      ],
      1,
    ],
    ['a signature over another statement', [...all.slice(0, 3), signed(hands[3] ?? fail(), digest('z'))], 1],
    ['a stranger', [...all.slice(0, 3), signed({ ...hand(), name: 'Nobody' }, hash)], 1],
  ])('is not met by %s', (_who, signatures, left) => {
    expect(missingQuorum(charter, hash, signatures, verifyKey)).toHaveLength(left)
  })

  it('counts nobody for two roles, even in a charter that gives one key twice', () => {
    const [a, b, c] = charter.quorum
    const doubled = { ...charter, quorum: [a, b, c, { ...charter.quorum[3], key: a?.key }] as Charter['quorum'] }
    const fourth = signed({ name: hands[3]?.name ?? '', privateKey: (hands[0] ?? fail()).privateKey }, hash)
    expect(missingQuorum(doubled, hash, [...all.slice(0, 3), fourth], verifyKey)).toHaveLength(1)
  })

  it('treats a verifier that breaks as no signature', () => {
    const broken = () => {
      throw new Error('no such curve')
    }
    expect(missingQuorum(charter, hash, all, broken)).toHaveLength(4)
  })
})

describe('decideStayOpen', () => {
  it('closes when evidence lapses or another build runs, and not for signatures', () => {
    expect(decideStayOpen(charter, unsigned({ state: 'running' }))).toEqual({ open: true })
    expect(decideStayOpen(charter, unsigned({ evidence: new Map() })).open).toBe(false)
    expect(decideStayOpen(charter, unsigned({ builds: [build, 'home-made'], asks: 'demonstration' })).open).toBe(false)
  })
})

function fail(): never {
  throw new RangeError('four hands')
}

function hand(): { key: string; privateKey: KeyObject } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { key: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64url'), privateKey }
}

function verifyKey(message: Uint8Array, signature: string, key: string): boolean {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key, 'base64url')])
  return verify(null, message, { key: der, format: 'der', type: 'spki' }, Buffer.from(signature, 'base64url'))
}
