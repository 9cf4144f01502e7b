import { readFileSync } from 'node:fs'
import { parseCharter } from '@fairtrace/core'
import { describe, expect, it } from 'vitest'
import { checkpointText, signNote } from '../../ledger/src/index.ts'
import { signerFromSeed } from '../../server/src/runtime/jws.ts'
import {
  type Cosigner,
  charterPolicy,
  createCosigner,
  formatPolicy,
  formatVerifierKey,
  parsePolicy,
  trustPolicy,
} from './index.ts'

const seedOf = (byte: number) => Buffer.alloc(32, byte).toString('base64url')
const LOG = signerFromSeed(seedOf(9))
const ORIGIN = 'fairtrace/order-entry'
const [W1, W2, W3] = [1, 2, 3].map((byte) => createCosigner(`witness.example/w${byte}`, seedOf(byte)))
if (W1 === undefined || W2 === undefined || W3 === undefined) throw new RangeError('three cosigners')
const [K1, K2, K3] = [W1, W2, W3].map(({ key }) => formatVerifierKey(key))
const LOG_KEY = formatVerifierKey(
  charterPolicy({ programme: 'order-entry', keys: { ledger: LOG.publicKey } as never }).logs[0]?.key ?? W1.key,
)
/** The same key as the first witness's, under another name. */
const K1_AGAIN = formatVerifierKey(createCosigner('impostor.example', seedOf(1)).key)

/** A checkpoint with the cosignatures of these witnesses. */
function cosigned(...witnesses: readonly Cosigner[]): string {
  const text = checkpointText({ origin: ORIGIN, size: 7, root: Buffer.alloc(32, 7) })
  const lines = witnesses.map((witness) => witness.cosign(text, 1_700_000_000_000))
  return signNote(text, { name: ORIGIN, ...LOG }) + lines.join('')
}

describe('a policy', () => {
  // The cases are those of the reference implementation, transparency-dev/formats, policy/tlog_policy_test.go.
  it.each([
    ['a control character', 'quorum none\n\x01'],
    ['a carriage return', 'quorum none\r\n'],
    ['a keyword that it does not know', 'quibble w1\nquorum none\n'],
    ['a comment behind a line', `witness w1 ${K1} https://w1.example/ # comment\nquorum w1\n`],
    ['a log without key', 'log\nquorum none\n'],
    ['a log with garbage for a key', 'log garbage\nquorum none\n'],
    ['a log under a key of a witness', `log ${K1}\nquorum none\n`],
    ['a log twice', `log ${LOG_KEY}\nlog ${LOG_KEY} https://log.example/\nquorum none\n`],
    ['a witness without key', 'witness w1\nquorum none\n'],
    ['a witness under a key of a log', `witness w1 ${LOG_KEY}\nquorum w1\n`],
    ['a witness whose key has another id', `witness w1 ${K1?.replace(/\+[0-9a-f]{8}\+/, '+00000000+')}\nquorum w1\n`],
    ['a witness called none', `witness none ${K1}\nquorum none\n`],
    ['a name twice', `witness w1 ${K1}\nwitness w1 ${K2}\nquorum w1\n`],
    ['a key twice, under two names', `witness w1 ${K1}\nwitness w2 ${K1_AGAIN}\nquorum w1\n`],
    ['a group with the name of a witness', `witness w1 ${K1}\ngroup w1 any w1\nquorum w1\n`],
    ['a group of nobody', `witness w1 ${K1}\ngroup g1 1\nquorum w1\n`],
    ['a group called none', `witness w1 ${K1}\ngroup none any w1\nquorum none\n`],
    ['a threshold of zero', `witness w1 ${K1}\ngroup g1 0 w1\nquorum g1\n`],
    ['a threshold below zero', `witness w1 ${K1}\ngroup g1 -1 w1\nquorum g1\n`],
    ['a threshold beyond the members', `witness w1 ${K1}\ngroup g1 2 w1\nquorum g1\n`],
    ['a member that is unknown', `witness w1 ${K1}\ngroup g1 any w2\nquorum g1\n`],
    ['a member that comes later', `group g1 any w1\nwitness w1 ${K1}\nquorum g1\n`],
    ['none as a member', `witness w1 ${K1}\ngroup g1 any none w1\nquorum g1\n`],
    ['a member twice', `witness w1 ${K1}\ngroup g1 all w1 w1\nquorum g1\n`],
    ['a member of two groups', `witness w1 ${K1}\nwitness w2 ${K2}\ngroup g1 any w1 w2\ngroup g2 any w1\nquorum g1\n`],
    ['no quorum', `witness w1 ${K1}\n`],
    ['two quorums', `witness w1 ${K1}\nquorum w1\nquorum w1\n`],
    ['a quorum that is unknown', 'quorum unknown\n'],
    ['a quorum before its witness', `quorum w1\nwitness w1 ${K1}\n`],
    ['a quorum without name', 'quorum\n'],
  ])('is refused with %s', (_what, text) => {
    expect(() => parsePolicy(text)).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }))
  })

  it('is read with comments, tabs, keywords as names, and written back the same', () => {
    const text = `# comment\n\n\tlog ${LOG_KEY}  https://log.example/ledger\n witness any ${K1}\nwitness all ${K2}\ngroup group 2 any all\nquorum group`
    const policy = parsePolicy(text)
    expect(policy).toMatchObject({
      logs: [{ name: ORIGIN, url: 'https://log.example/ledger' }],
      witnesses: [{ name: 'any', url: null }, { name: 'all' }],
      groups: [{ name: 'group', threshold: 2, members: ['any', 'all'] }],
      quorum: 'group',
    })
    expect(parsePolicy(formatPolicy(policy))).toEqual(policy)
    expect(parsePolicy('quorum none\n')).toEqual({ logs: [], witnesses: [], groups: [], quorum: null })
  })

  it.each([
    ['everybody', [W1, W2, W3], true],
    ['as few as suffice', [W1, W3], true],
    ['the outer one without the inner group', [W1], false],
    ['the inner group without the outer one', [W2, W3], false],
    ['nobody', [], false],
    ['one of them twice', [W1, W1], false],
  ] as const)('is satisfied or not by %s', (_who, witnesses, isSatisfied) => {
    const policy = parsePolicy(
      `log ${LOG_KEY}\nwitness w1 ${K1}\nwitness w2 ${K2}\nwitness w3 ${K3}\ngroup inner any w2 w3\ngroup outer all w1 inner\nquorum outer\n`,
    )
    const judge = () => trustPolicy(policy)(cosigned(...witnesses))
    if (isSatisfied) expect(judge()).toMatchObject({ origin: ORIGIN, size: 7 })
    else expect(judge).toThrow(expect.objectContaining({ code: 'LEDGER_INVALID' }))
  })

  it('takes no cosignature that was made for another checkpoint', () => {
    const policy = parsePolicy(`log ${LOG_KEY}\nwitness w1 ${K1}\nquorum w1\n`)
    const other = W1.cosign(checkpointText({ origin: ORIGIN, size: 8, root: Buffer.alloc(32, 8) }), 1_700_000_000_000)
    expect(() => trustPolicy(policy)(cosigned() + other)).toThrow(expect.objectContaining({ code: 'LEDGER_INVALID' }))
    expect(trustPolicy(policy)(cosigned(W1, W2)).cosignatures).toHaveLength(1)
  })

  it('follows from a charter, with and without witnesses', () => {
    const yaml = readFileSync(new URL('../../../docs/examples/charter-pilot.yaml', import.meta.url), 'utf8')
    const charter = parseCharter(yaml, 'charter.yaml')
    expect(formatPolicy(charterPolicy(charter))).toMatch(/^log fairtrace\/\S+\nquorum none\n$/)
    const key = Buffer.from(W1.key.publicKey).toString('base64url')
    const watched = { ...charter, ledger: { witnesses: [{ name: W1.key.name, key }], quorum: 1 } }
    const policy = charterPolicy(watched)
    expect(parsePolicy(formatPolicy(policy))).toEqual(policy)
    expect(policy).toMatchObject({ groups: [{ threshold: 1 }], witnesses: [{ key: { type: 4 } }] })
  })
})
