/** The ledger, end to end on PostgreSQL with fsync on; and proofs from a tree of ten million leaves, which is built in memory. */
import { createHash } from 'node:crypto'
import { charterHash, LEDGER_SALT_BYTES, ledgerEntry } from '@fairtrace/core'
import {
  checkpointText,
  encodeTlogProof,
  inclusionProof,
  leafHash,
  type ReadTile,
  RightEdge,
  signNote,
} from '@fairtrace/ledger'
import { appendToLedger } from '@fairtrace/server/ledger/append'
import { ledgerProof } from '@fairtrace/server/ledger/proof'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { aCharter, CHARTER_YAML, ledgerContext, startRoleProcess, startTestDatabase } from '@fairtrace/testing/harness'
import {
  createCosigner,
  formatVerifierKey,
  LOG_KEY_TYPE,
  parsePolicy,
  trustPolicy,
  verifierKey,
  verifyInclusion,
} from '@fairtrace/verify'
import type { Benchmark, Runs } from './benchmark.ts'

const RUNS = 5
const ENTRIES = 20_000
/** Appends that wait at the same time, as callers of several roles would. */
const CONCURRENT = 4_000
const PROOFS = 200
const LEAVES = 10_000_000

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'ledger.append',
    unit: 'entries/s',
    better: 'higher',
    target: 10_000,
    peerName: null,
    run: () => withLedger(measureAppend),
  },
  {
    // From the call to the proof in hand, p99.
    name: 'ledger.proof-available',
    unit: 'ms',
    better: 'lower',
    target: 1_000,
    peerName: null,
    run: () => withLedger(measureProof),
  },
  {
    name: 'ledger.proof-size.10m',
    unit: 'bytes',
    better: 'lower',
    target: null,
    peerName: null,
    run: async () => ({ ours: [Buffer.byteLength((await bigProof()).text)], peer: null }),
  },
  {
    // Log's signature, one cosignature, and the path to the root.
    name: 'ledger.proof-verify.10m',
    unit: 'ms',
    better: 'lower',
    target: null,
    peerName: null,
    run: measureVerify,
  },
]

async function withLedger(measure: (database: OpenDatabase) => Promise<Runs>): Promise<Runs> {
  const server = await startTestDatabase({ fsync: true })
  const database = openDatabase(server.url('portal'))
  try {
    const charter = aCharter()
    await database.db
      .insertInto('install.programme')
      .values({
        id: charter.programme,
        state: 'running',
        epoch: 0,
        charter_hash: charterHash(charter),
        charter_yaml: CHARTER_YAML,
      })
      .execute()
    const ledger = await startRoleProcess(ledgerContext(server.url('ledger')))
    try {
      const append = (i: number) => appendToLedger(database, 'bench.entry', { i }, { waitForCheckpoint: true })
      await Promise.all(Array.from({ length: 1_000 }, (_, i) => append(i)))
      return await measure(database)
    } finally {
      await ledger.stop()
    }
  } finally {
    await database.close()
    await server.stop()
  }
}

async function measureAppend(database: OpenDatabase): Promise<Runs> {
  const append = (i: number) => appendToLedger(database, 'bench.entry', { i }, { waitForCheckpoint: true })
  const ours: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const startMs = performance.now()
    let next = 0
    await Promise.all(
      Array.from({ length: CONCURRENT }, async () => {
        while (next < ENTRIES) await append(next++)
      }),
    )
    ours.push((ENTRIES * 1_000) / (performance.now() - startMs))
  }
  return { ours, peer: null }
}

async function measureProof(database: OpenDatabase): Promise<Runs> {
  const ours: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const times: number[] = []
    for (let i = 0; i < PROOFS; i++) {
      const startMs = performance.now()
      const { index, salt } = await appendToLedger(database, 'bench.entry', { i }, { waitForCheckpoint: true })
      await ledgerProof(database, index, salt)
      times.push(performance.now() - startMs)
    }
    ours.push(times.toSorted((a, b) => a - b)[Math.floor(PROOFS * 0.99)] ?? Number.NaN)
  }
  return { ours, peer: null }
}

async function measureVerify(): Promise<Runs> {
  const { text, entry, policy } = await bigProof()
  const trust = trustPolicy(parsePolicy(policy))
  const ours: number[] = []
  for (let run = 0; run < RUNS + 1; run++) {
    const startMs = performance.now()
    for (let i = 0; i < PROOFS; i++) verifyInclusion(entry, text, trust)
    ours.push((performance.now() - startMs) / PROOFS)
  }
  // The first run warms the curve's tables.
  return { ours: ours.slice(1), peer: null }
}

interface BigProof {
  readonly text: string
  readonly entry: string
  readonly policy: string
}
let big: Promise<BigProof> | null = null

/** Built once. The leaves are counted hashes, all but the one that is proved: what they are changes nothing about the tree. */
function bigProof(): Promise<BigProof> {
  big ??= buildBigProof()
  return big
}

async function buildBigProof(): Promise<BigProof> {
  const seedOf = (name: string) => createHash('sha256').update(name).digest('base64url')
  const log = signerFromSeed(seedOf('log'))
  const witness = createCosigner('witness.example', seedOf('witness'))
  const origin = 'fairtrace/bench'
  const salt = new Uint8Array(LEDGER_SALT_BYTES)
  const entry = ledgerEntry('bench.entry', { i: 1 }, salt)
  const index = 7_654_321
  const edge = RightEdge.empty()
  const tiles = new Map<string, Buffer>()
  const keep = () => {
    for (const { level, index: place, data } of edge.takeChanged()) tiles.set(`${level}/${place}`, data)
  }
  for (let i = 0; i < LEAVES; i++) {
    const counted = Buffer.alloc(32)
    counted.writeUInt32BE(i)
    edge.append(i === index ? leafHash(Buffer.from(entry)) : counted)
    if (i % 65_536 === 0) keep()
  }
  keep()
  const read: ReadTile = async (level, place, width) => tiles.get(`${level}/${place}`)?.subarray(0, 32 * width) ?? null
  const text = checkpointText({ origin, size: LEAVES, root: edge.root() })
  const checkpoint = signNote(text, { name: origin, ...log }) + witness.cosign(text, Date.now())
  const path = await inclusionProof(index, LEAVES, read)
  const extra = Buffer.from(JSON.stringify({ salt: Buffer.from(salt).toString('base64url') }))
  const key = verifierKey(origin, LOG_KEY_TYPE, Buffer.from(log.publicKey, 'base64url'))
  return {
    text: encodeTlogProof({ index, path, checkpoint, extra }),
    entry,
    policy: `log ${formatVerifierKey(key)}\nwitness w ${formatVerifierKey(witness.key)}\nquorum w\n`,
  }
}
