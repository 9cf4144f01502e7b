import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkpointText,
  consistencyProof,
  leafHash,
  type ReadTile,
  RightEdge,
  signNote,
} from '../../ledger/src/index.ts'
import { type Signer, signerFromSeed } from '../../server/src/runtime/jws.ts'
import {
  cosignaturesOf,
  createWitness,
  formatVerifierKey,
  openNote,
  verifierKey,
  type Witness,
  type WitnessConflict,
  type WitnessState,
} from './index.ts'

const ORIGIN = 'fairtrace/orders'
const seedOf = (byte: number) => Buffer.alloc(32, byte).toString('base64url')
const LOG = signerFromSeed(seedOf(1))
const STRANGER = signerFromSeed(seedOf(2))
const NOW_MS = 1_700_000_000_123

interface Tree {
  readonly note: (signer?: Signer, origin?: string) => string
  readonly readTile: ReadTile
}

/** A log of `size` entries; another `tag`, another history. */
function aTree(size: number, tag = 'entry'): Tree {
  const edge = RightEdge.empty()
  for (let i = 0; i < size; i++) edge.append(leafHash(Buffer.from(`${tag} ${i}`)))
  const tiles = new Map(edge.takeChanged().map(({ level, index, data }) => [`${level}/${index}`, data]))
  return {
    readTile: async (level, index, width) => tiles.get(`${level}/${index}`)?.subarray(0, 32 * width) ?? null,
    note: (signer = LOG, origin = ORIGIN) =>
      signNote(checkpointText({ origin, size, root: edge.root() }), { name: origin, ...signer }),
  }
}

async function proofLines(old: number, size: number, tree: Tree): Promise<string> {
  const path = old === 0 || old >= size ? [] : await consistencyProof(old, size, tree.readTile)
  return path.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('')
}

async function request(old: number, size: number, tree = aTree(size), note = tree.note()): Promise<string> {
  return `old ${old}\n${await proofLines(old, size, tree)}\n${note}`
}

function aWitness(): { witness: Witness; states: Map<string, WitnessState>; conflicts: WitnessConflict[] } {
  const states = new Map<string, WitnessState>()
  const conflicts: WitnessConflict[] = []
  const witness = createWitness({
    name: 'union.example/witness',
    seed: seedOf(3),
    logs: new Map([[ORIGIN, formatVerifierKey(verifierKey(ORIGIN, 0x01, Buffer.from(LOG.publicKey, 'base64url')))]]),
    storage: {
      read: async (origin) => states.get(origin) ?? null,
      write: async (origin, state) => void states.set(origin, state),
    },
    clock: () => NOW_MS,
    onConflict: (conflict) => void conflicts.push(conflict),
  })
  return { witness, states, conflicts }
}

describe('a witness', () => {
  it.each([
    ['nothing', ''],
    ['no old size', `\n${aTree(3).note()}`],
    ['an old size with a zero in front', `old 00\n\n${aTree(3).note()}`],
    ['a negative old size', `old -1\n\n${aTree(3).note()}`],
    ['a proof that is no hash', `old 0\nAAAA\n\n${aTree(3).note()}`],
    ['64 lines of proof', `old 0\n${`${'A'.repeat(43)}=\n`.repeat(64)}\n${aTree(3).note()}`],
    ['an old size beyond the checkpoint', `old 4\n\n${aTree(3).note()}`],
    ['a body of more than 64 KiB', `old 0\n\n${aTree(3).note()}${'x'.repeat(65_536)}`],
    ['a note without signature', `old 0\n\n${ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n`],
  ])('answers 400 to %s, and remembers nothing', async (_what, body) => {
    const { witness, states } = aWitness()
    await expect(witness.addCheckpoint(body)).resolves.toMatchObject({ status: 400 })
    expect(states.size).toBe(0)
  })

  it('answers 404 to a log that it does not know, and 403 to one that did not sign', async () => {
    const { witness } = aWitness()
    const tree = aTree(3)
    const ask = async (note: string) => (await witness.addCheckpoint(await request(0, 3, tree, note))).status
    expect(await ask(tree.note(LOG, 'fairtrace/others'))).toBe(404)
    expect(await ask(tree.note(STRANGER))).toBe(403)
    expect(await ask(tree.note().replace('\n3\n', '\n4\n'))).toBe(403)
    // Malformed, says the specification, although another line would verify.
    const forged = tree.note().replace(/(— \S+ \S{20})./u, '$1A')
    expect(await ask(`${tree.note()}${forged.split('\n\n')[1]}`)).toBe(403)
  })

  it('refuses an empty log under another root, and a proof that comes with none to prove', async () => {
    const { witness } = aWitness()
    const root = Buffer.alloc(32, 1)
    const note = signNote(checkpointText({ origin: ORIGIN, size: 0, root }), { name: ORIGIN, ...LOG })
    await expect(witness.addCheckpoint(`old 0\n\n${note}`)).resolves.toMatchObject({ status: 422 })
    const body = `old 0\n${'A'.repeat(43)}=\n\n${aTree(3).note()}`
    await expect(witness.addCheckpoint(body)).resolves.toMatchObject({ status: 422 })
  })

  it('refuses a rollback and says what it has', async () => {
    const { witness, states } = aWitness()
    await witness.addCheckpoint(await request(0, 300))
    await expect(witness.addCheckpoint(await request(0, 200))).resolves.toEqual({ status: 409, body: '300\n' })
    await expect(witness.addCheckpoint(await request(200, 200))).resolves.toEqual({ status: 409, body: '300\n' })
    expect(states.get(ORIGIN)?.size).toBe(300)
  })

  it('refuses a split view, and keeps both signed checkpoints', async () => {
    const { witness, states, conflicts } = aWitness()
    await witness.addCheckpoint(await request(0, 300))
    const other = aTree(300, 'other').note()
    await expect(witness.addCheckpoint(`old 300\n\n${other}`)).resolves.toMatchObject({ status: 422 })
    expect(conflicts).toEqual([{ origin: ORIGIN, seen: states.get(ORIGIN)?.note, offered: other }])
    const longer = aTree(400, 'other')
    await expect(witness.addCheckpoint(await request(300, 400, longer))).resolves.toMatchObject({ status: 422 })
    expect(states.get(ORIGIN)?.size).toBe(300)
  })

  it('follows a log as it grows, and is never ahead of what it has stored', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 6 }), async (sizes) => {
        const { witness, states } = aWitness()
        let size = 0
        for (const next of sizes.toSorted((a, b) => a - b)) {
          const answer = await witness.addCheckpoint(await request(size, next))
          expect(answer.status).toBe(200)
          const note = openNote(states.get(ORIGIN)?.note ?? '')
          expect(cosignaturesOf(note, [witness.key])).toMatchObject([{ atMs: 1_700_000_000_000 }])
          if (answer.status === 200) expect(states.get(ORIGIN)?.note.endsWith(answer.cosignatures)).toBe(true)
          size = next
        }
      }),
      { numRuns: 15 },
    )
  })

  it('decides one request at a time, so that the slower of two can’t roll it back', async () => {
    const { witness, states } = aWitness()
    await witness.addCheckpoint(await request(0, 1))
    const bodies = [await request(1, 5), await request(1, 3)]
    const answers = await Promise.all(bodies.map((body) => witness.addCheckpoint(body)))
    expect(answers.map(({ status }) => status)).toEqual([200, 409])
    expect(states.get(ORIGIN)?.size).toBe(5)
  })

  it('cosigns nothing that it could not store, and goes on afterwards', async () => {
    const states = new Map<string, WitnessState>()
    let isFull = true
    const witness = createWitness({
      name: 'w',
      seed: seedOf(3),
      logs: new Map([[ORIGIN, formatVerifierKey(verifierKey(ORIGIN, 0x01, Buffer.from(LOG.publicKey, 'base64url')))]]),
      storage: {
        read: async (origin) => states.get(origin) ?? null,
        write: async (origin, state) => {
          if (isFull) throw new Error('no space')
          states.set(origin, state)
        },
      },
      clock: () => NOW_MS,
    })
    await expect(witness.addCheckpoint(await request(0, 3))).rejects.toThrow('no space')
    isFull = false
    await expect(witness.addCheckpoint(await request(0, 2))).resolves.toMatchObject({ status: 200 })
  })
})
