/** Other people's published vectors: what they accept we accept, what they refuse we refuse. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fromBase64 } from './encoding.ts'
import {
  cosignaturesOf,
  createWitness,
  formatVerifierKey,
  isConsistent,
  isIncluded,
  openNote,
  parseVerifierKey,
  requireLogSignature,
  verifierKey,
  type WitnessState,
} from './index.ts'

const vector = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../testing/vectors/${name}.json`, import.meta.url), 'utf8'))
const bytes = (text: string | null) => fromBase64(text ?? '') ?? new Uint8Array(0)
const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

interface ConsistencyVector {
  readonly desc: string
  readonly size1: number
  readonly size2: number
  readonly root1: string
  readonly root2: string
  readonly proof: readonly string[] | null
  readonly wantErr: boolean
}

interface InclusionVector {
  readonly desc: string
  readonly leafIdx: number
  readonly treeSize: number
  readonly root: string
  readonly leafHash: string
  readonly proof: readonly string[] | null
  readonly wantErr: boolean
}

describe('proofs of RFC 6962', () => {
  const { consistency, inclusion } = vector('rfc6962-proofs') as {
    consistency: ConsistencyVector[]
    inclusion: InclusionVector[]
  }

  it.each(consistency)('decides as the vector says: $desc', ({ size1, size2, root1, root2, proof, wantErr }) => {
    const path = (proof ?? []).map(bytes)
    const claim = { oldSize: size1, oldRoot: bytes(root1), newSize: size2, newRoot: bytes(root2), path }
    expect(isConsistent(claim)).toBe(!wantErr)
  })

  it.each(inclusion)('decides as the vector says: $desc', ({ leafIdx, treeSize, root, leafHash, proof, wantErr }) => {
    const path = (proof ?? []).map(bytes)
    const claim = { leaf: bytes(leafHash), index: leafIdx, size: treeSize, root: bytes(root), path }
    expect(isIncluded(claim)).toBe(!wantErr)
  })
})

describe('a cosigned checkpoint of the public witness network', () => {
  const { note, logKey, witnessKey, witnessedAtSeconds } = vector('tlog-cosignature')

  it('verifies under the keys of its log and of its witness, and under no other', () => {
    const opened = openNote(note)
    const witness = parseVerifierKey(witnessKey)
    requireLogSignature(opened, parseVerifierKey(logKey))
    expect(cosignaturesOf(opened, [witness])).toMatchObject([
      { witness: 'remora.n621.de', atMs: witnessedAtSeconds * 1_000 },
    ])
    expect(cosignaturesOf(opened, [verifierKey('witness.example', 0x04, witness.publicKey)])).toEqual([])
    expect(() => requireLogSignature(opened, witness)).toThrow(expect.objectContaining({ code: 'LEDGER_INVALID' }))
  })

  it('writes the keys as they were read', () => {
    for (const vkey of [logKey, witnessKey]) expect(formatVerifierKey(parseVerifierKey(vkey))).toBe(vkey)
  })

  it('no longer verifies once its text, its time or its signature changes', () => {
    const witness = parseVerifierKey(witnessKey)
    const lines = note.split('\n') as string[]
    const own = lines.findIndex((line) => line.startsWith('— remora'))
    const line = lines[own] ?? ''
    const changed = [
      note.replace('1432088532', '1432088533'),
      lines.with(own, line.replace('5wAAAABqEi', '5wAAAABqEj')).join('\n'),
      lines.with(own, `${line.slice(0, -6)}AAAA==`).join('\n'),
    ]
    for (const forged of changed) {
      expect(() => cosignaturesOf(openNote(forged), [witness])).toThrow(
        expect.objectContaining({ code: 'LEDGER_INVALID' }),
      )
    }
  })
})

describe('the witness of another implementation', () => {
  it('answers every request as that one does', async () => {
    const { requests, origin, logPublicKeyHex, witnessSeedHex } = vector('tlog-witness')
    const states = new Map<string, WitnessState>()
    const witness = createWitness({
      name: 'example.com/witness',
      seed: Buffer.from(witnessSeedHex, 'hex').toString('base64url'),
      logs: new Map([[origin, formatVerifierKey(verifierKey(origin, 0x01, hex(logPublicKeyHex)))]]),
      storage: {
        read: async (name) => states.get(name) ?? null,
        write: async (name, state) => void states.set(name, state),
      },
      clock: () => 1_700_000_000_000,
    })
    for (const { body, status, size } of requests) {
      const answer = await witness.addCheckpoint(body)
      // Its second request has a spare bit in the base64 of a signature; ours reads one spelling only, and refuses earlier.
      expect(answer.status).toBe(body.includes('6gx=') ? 400 : status)
      if (answer.status === 200) expect(answer.cosignatures).toMatch(/^— example\.com\/witness \S+\n$/)
      if (answer.status === 409) expect(answer.body).toBe(`${size}\n`)
    }
    const stored = openNote(states.get(origin)?.note ?? '')
    expect(cosignaturesOf(stored, [witness.key])).toMatchObject([{ atMs: 1_700_000_000_000 }])
  })
})
