import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { CoMETRE } from '@transmute/rfc9162'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signerFromSeed } from '../../server/src/runtime/jws.ts'
import { isConsistent, isIncluded, parseTlogProof, verifyCheckpoint, verifyNote } from '../../verify/src/index.ts'
import { encodeEntryBundle } from './entry-bundle.ts'
import { leafHash, rootOf } from './merkle.ts'
import { consistencyProof, inclusionProof, type ReadTile } from './proofs.ts'
import { RightEdge } from './right-edge.ts'
import { checkpointText, noteKeyId, readOwnCheckpoint, signNote } from './signed-note.ts'
import { entriesPath, parseLedgerPath, tilePath, tileWidth } from './tile-path.ts'
import { encodeTlogProof } from './tlog-proof.ts'

const oracle = CoMETRE.RFC9162_SHA256
const vector = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../testing/vectors/${name}.json`, import.meta.url), 'utf8'))

/** A log of `size` numbered entries, and the tiles that it wrote. */
function aLog(size: number): { edge: RightEdge; leaves: Buffer[]; tiles: Map<string, Buffer>; readTile: ReadTile } {
  const edge = RightEdge.empty()
  const leaves: Buffer[] = []
  const tiles = new Map<string, Buffer>()
  for (let i = 0; i < size; i++) {
    const leaf = leafHash(Buffer.from(`entry ${i}`))
    leaves.push(leaf)
    edge.append(leaf)
    if (i % 1_000 === 0) save()
  }
  save()
  return {
    edge,
    leaves,
    tiles,
    readTile: async (level, index, width) => tiles.get(`${level}/${index}`)?.subarray(0, 32 * width) ?? null,
  }

  function save(): void {
    for (const { level, index, data } of edge.takeChanged()) tiles.set(`${level}/${index}`, data)
  }
}

/** Sizes around every edge of the tree. */
const sizes = fc.oneof(
  fc.integer({ min: 1, max: 700 }),
  fc.constantFrom(1, 2, 255, 256, 257, 511, 512, 513, 1_024, 65_535, 65_536, 65_537, 70_000),
)
const logs = new Map<number, ReturnType<typeof aLog>>()
const logOf = (size: number) => {
  const log = logs.get(size) ?? aLog(size)
  logs.set(size, log)
  return log
}

describe('the Merkle tree', () => {
  it('gives the roots of the reference tree', () => {
    const { leavesHex, rootsHex } = vector('rfc6962-tree')
    const edge = RightEdge.empty()
    expect(edge.root().toString('hex')).toBe(rootsHex[0])
    leavesHex.forEach((hex: string, i: number) => {
      edge.append(leafHash(Buffer.from(hex, 'hex')))
      expect(edge.root().toString('hex')).toBe(rootsHex[i + 1])
    })
  })

  it('agrees with a second implementation, whatever the size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 600 }), async (size) => {
        const { edge, leaves } = logOf(size)
        const theirs = await Promise.all(leaves.map((_, i) => oracle.leaf(new TextEncoder().encode(`entry ${i}`))))
        expect(edge.root()).toEqual(Buffer.from(await oracle.root(theirs)))
        expect(leaves.map((leaf) => leaf.toString('hex'))).toEqual(
          theirs.map((leaf) => Buffer.from(leaf).toString('hex')),
        )
      }),
      { numRuns: 15 },
    )
  })

  it('has the tiles that the specification names', () => {
    for (const { size, full, partial } of vector('tlog-tiles').sizes) {
      const widths = [...logOf(size).tiles].map(([name, data]) => ({
        level: Number(name.split('/')[0]),
        width: data.length / 32,
      }))
      for (const [level, count] of Object.entries(full)) {
        expect(widths.filter((tile) => tile.level === Number(level) && tile.width === 256)).toHaveLength(Number(count))
      }
      expect(widths.filter(({ width }) => width < 256)).toEqual(expect.arrayContaining(partial))
      expect(widths.filter(({ width }) => width < 256)).toHaveLength(partial.length)
    }
  })

  it('continues from its stored tiles as if it had never stopped', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 300 }), async (size, more) => {
        const { readTile, edge } = logOf(size)
        const again = await RightEdge.load(size, async (level, index) => {
          const data = await readTile(level, index, tileWidth(size, level, index))
          return data === null ? null : Buffer.from(data)
        })
        expect(again.root()).toEqual(edge.root())
        const straight = aLog(size + more)
        for (const leaf of straight.leaves.slice(size)) again.append(leaf)
        expect(again.root()).toEqual(straight.edge.root())
      }),
      { numRuns: 10 },
    )
  })

  it('refuses to continue where a tile is missing or too short', async () => {
    await expect(RightEdge.load(300, async () => null)).rejects.toMatchObject({ code: 'LEDGER_INVALID' })
    await expect(RightEdge.load(300, async () => Buffer.alloc(32))).rejects.toMatchObject({ code: 'LEDGER_INVALID' })
  })
})

describe('proofs', () => {
  it('refuses an entry that the log does not have, and a log that would shrink', async () => {
    const { readTile } = logOf(5)
    await expect(inclusionProof(5, 5, readTile)).rejects.toMatchObject({ code: 'LEDGER_INVALID' })
    await expect(inclusionProof(Number.NaN, 5, readTile)).rejects.toMatchObject({ code: 'LEDGER_INVALID' })
    await expect(consistencyProof(6, 5, readTile)).rejects.toMatchObject({ code: 'LEDGER_INVALID' })
    await expect(inclusionProof(0, 5, async () => null)).rejects.toMatchObject({ code: 'LEDGER_INVALID' })
  })

  it('shows every entry of every size, and no other entry', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, a, b) => {
        const { readTile, edge, leaves } = logOf(size)
        const index = a % size
        const path = await inclusionProof(index, size, readTile)
        const claim = { leaf: leaves[index] ?? Buffer.alloc(0), index, size, root: edge.root(), path }
        expect(isIncluded(claim)).toBe(true)
        const other = b % size
        if (other !== index) {
          expect(isIncluded({ ...claim, leaf: leaves[other] ?? Buffer.alloc(0) })).toBe(false)
          expect(isIncluded({ ...claim, index: other })).toBe(false)
        }
        expect(isIncluded({ ...claim, path: [...path, Buffer.alloc(32)] })).toBe(false)
        if (path.length > 0) expect(isIncluded({ ...claim, path: path.slice(1) })).toBe(false)
      }),
      { numRuns: 60 },
    )
  })

  it('gives the proofs of a second implementation', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 300 }),
        fc.nat(),
        async (a, b, at) => {
          const [oldSize, newSize] = a < b ? [a, b] : [b, a]
          const { readTile, leaves } = logOf(newSize)
          const index = at % newSize
          const ours = await inclusionProof(index, newSize, readTile)
          const theirs = await oracle.inclusion_proof(index, leaves)
          expect(ours).toEqual(theirs.inclusion_path.map((hash) => Buffer.from(hash)))
          if (oldSize === newSize) return
          const before = await oracle.inclusion_proof(0, leaves.slice(0, oldSize))
          const consistency = await oracle.consistency_proof(before, leaves)
          // The oracle also names the old root where it is a complete subtree; RFC 6962 leaves out what the verifier knows.
          const known = Number.isInteger(Math.log2(oldSize)) ? 1 : 0
          expect(await consistencyProof(oldSize, newSize, readTile)).toEqual(
            consistency.consistency_path.slice(known).map((hash) => Buffer.from(hash)),
          )
        },
      ),
      { numRuns: 25 },
    )
  })

  it('agrees with a second implementation on every proof of every size up to 33, in both directions', async () => {
    const { leaves } = logOf(33)
    for (let size = 1; size <= 33; size++) {
      const { readTile, edge } = logOf(size)
      const some = leaves.slice(0, size)
      const root = await oracle.root(some)
      expect(edge.root()).toEqual(Buffer.from(root))
      for (let index = 0; index < size; index++) {
        const theirs = await oracle.inclusion_proof(index, some)
        const path = await inclusionProof(index, size, readTile)
        const leaf = leaves[index] ?? Buffer.alloc(0)
        // Ours convinces them, and theirs convinces us.
        expect(isIncluded({ leaf, index, size, root, path: theirs.inclusion_path })).toBe(true)
        const folded = await oracle.verify_inclusion_proof(leaf, { ...theirs, inclusion_path: path })
        expect(Buffer.from(folded)).toEqual(Buffer.from(root))
      }
      for (let oldSize = 1; oldSize < size; oldSize++) {
        const path = await consistencyProof(oldSize, size, readTile)
        const oldRoot = rootOf(leaves.slice(0, oldSize))
        expect(isConsistent({ oldSize, oldRoot, newSize: size, newRoot: root, path })).toBe(true)
        // The same path shows no other size.
        if (oldSize > 1)
          expect(isConsistent({ oldSize: oldSize - 1, oldRoot, newSize: size, newRoot: root, path })).toBe(false)
      }
    }
  })

  it('shows that a log only grew, and never that it was rewritten', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (newSize, at) => {
        const oldSize = at % (newSize + 1)
        const { readTile, edge, leaves } = logOf(newSize)
        const path = await consistencyProof(oldSize, newSize, readTile)
        const claim = { oldSize, oldRoot: rootOf(leaves.slice(0, oldSize)), newSize, newRoot: edge.root(), path }
        expect(isConsistent(claim)).toBe(true)
        expect(isConsistent({ ...claim, oldRoot: Buffer.alloc(32, 1) })).toBe(false)
        expect(isConsistent({ ...claim, path: [...path, Buffer.alloc(32)] })).toBe(false)
        if (oldSize > 0) expect(isConsistent({ ...claim, newRoot: Buffer.alloc(32, 1) })).toBe(false)
      }),
      { numRuns: 40 },
    )
  })
})

describe('names of tiles', () => {
  it('refuses every second spelling', () => {
    for (const path of [
      '/tile/00/000',
      '/tile/64/000',
      '/tile/0/x000/001',
      '/tile/0/0',
      '/tile/0/1234',
      '/tile/0/000.p/0',
      '/tile/0/000.p/256',
      '/tile/0/000.p/01',
      '/tile/-1/000',
      '/tile/entries/000/',
      '/tile/0/../000',
      'checkpoint',
      '/checkpoint?',
      '/tile/0/x0/000',
      '',
    ]) {
      expect(parseLedgerPath(path)).toBeNull()
    }
  })

  it('gives the example of the specification', () => {
    const { number, path } = vector('tlog-tiles').index
    expect(tilePath(0, number, 256)).toBe(`/tile/0/${path}`)
    expect(entriesPath(number, 3)).toBe(`/tile/entries/${path}.p/3`)
  })

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.nat(63), fc.nat(2 ** 40), fc.integer({ min: 1, max: 256 }), (level, index, width) => {
        expect(parseLedgerPath(tilePath(level, index, width))).toEqual({ kind: 'tile', level, index, width })
        expect(parseLedgerPath(entriesPath(index, width))).toEqual({ kind: 'entries', index, width })
      }),
    )
  })
})

describe('signed notes', () => {
  const { note, privateKey, verifierKey } = vector('signed-note')
  // A Go signing key is a name, an id, and the type with the seed; a verifier key the same with the public key.
  const seed = Buffer.from(privateKey.split('+').slice(4).join('+'), 'base64').subarray(1)
  const publicKey = Buffer.from(verifierKey.split('+').slice(2).join('+'), 'base64').subarray(1)
  const signer = signerFromSeed(seed.toString('base64url'))

  it('gives the published note, byte for byte', () => {
    const text = note.slice(0, note.lastIndexOf('\n\n') + 1)
    expect(signer.publicKey).toBe(publicKey.toString('base64url'))
    expect(noteKeyId('PeterNeumann', publicKey).toString('hex')).toBe('c74f20a3')
    expect(signNote(text, { name: 'PeterNeumann', ...signer })).toBe(note)
    expect(verifyNote(note, 'PeterNeumann', publicKey.toString('base64url'))).toBe(text)
  })

  it('takes up only a checkpoint that it signed itself, under its own name', () => {
    const own = { raw: signer.publicKey, key: createPublicKey(signer.privateKey) }
    const checkpoint = { origin: 'fairtrace/orders', size: 7, root: Buffer.alloc(32, 9) }
    const written = signNote(checkpointText(checkpoint), { name: checkpoint.origin, ...signer })
    for (const forged of [
      note,
      '',
      'x',
      written.replace('\n7\n', '\n8\n'),
      written.replace('fairtrace/orders', 'fairtrace/others'),
      written.replaceAll('fairtrace/orders', 'fairtrace/others'),
    ]) {
      expect(() => readOwnCheckpoint(forged, own)).toThrow(expect.objectContaining({ code: 'LEDGER_INVALID' }))
    }
    expect(readOwnCheckpoint(written, own)).toEqual(checkpoint)
    expect(verifyCheckpoint(written, signer.publicKey, 'fairtrace/orders').size).toBe(7)
  })
})

describe('files', () => {
  it('refuses an entry that a bundle has no room to name', () => {
    expect(() => encodeEntryBundle([Buffer.alloc(65_536)])).toThrow(expect.objectContaining({ code: 'LEDGER_INVALID' }))
    expect(encodeEntryBundle([Buffer.from('ab'), Buffer.alloc(0)]).toString('hex')).toBe('000261620000')
  })

  it('reads back the proofs that it writes', () => {
    const path = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    for (const extra of [undefined, Buffer.from('x')]) {
      const text = encodeTlogProof({ index: 3, path, checkpoint: 'a\n1\nb\n\n— a b\n', ...(extra && { extra }) })
      const parsed = parseTlogProof(text)
      expect(parsed).toMatchObject({ index: 3, checkpoint: 'a\n1\nb\n\n— a b\n' })
      expect(parsed.path.map((hash) => Buffer.from(hash))).toEqual(path)
      expect(parsed.extra === null ? undefined : Buffer.from(parsed.extra)).toEqual(extra)
    }
  })
})
