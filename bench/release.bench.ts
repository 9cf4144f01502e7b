/**
 * Release build: from shielded actions in memory to a finished, durable folder (k-anonymity, contribution cap, shuffle, four
 * trajectory formats, schematics, Parquet, CSV, encryption, card, lineage, digests, signature). Beside it what a part of that costs at least: DuckDB writing the same rows to Parquet.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReleaseManifest } from '@fairtrace/core'
import { openReleaseInto, stageRelease } from '@fairtrace/release'
import { signerFromSeed, signJws } from '@fairtrace/server/runtime/jws'
import { aCharter, CHARTER_YAML, type GeneratedPart, recordedParts, TEST_SEEDS } from '@fairtrace/testing/harness'
import type { Benchmark, Runs } from './benchmark.ts'
import { copyToParquet } from './peers/duckdb-parquet.ts'

const PEOPLE = 100
const RECORDINGS_EACH = 25
const ACTIONS_EACH = 220
const RUNS = 4
const KEY = new Uint8Array(32)

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'release.build',
    unit: 'actions/s',
    better: 'higher',
    target: 500_000,
    peerName: 'DuckDB Parquet write alone',
    run,
  },
]

async function run(): Promise<Runs> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-bench-release-'))
  const parts = [
    ...recordedParts(aCharter(), {
      people: PEOPLE,
      recordingsPerPerson: RECORDINGS_EACH,
      actionsPerRecording: ACTIONS_EACH,
    }),
  ]
  const ours: number[] = []
  const peer: number[] = []
  try {
    // The first run of each warms up code and disk; it doesn't count.
    for (let i = 0; i <= RUNS; i++) {
      const directory = join(folder, `release-${i}`)
      const { rate, manifest } = await build(directory, parts)
      const opened = join(folder, `opened-${i}`)
      await openReleaseInto(directory, manifest, KEY, opened)
      const copied = await copyToParquet(join(opened, 'data/*.parquet'), join(folder, 'peer.parquet'))
      rmSync(directory, { recursive: true })
      rmSync(opened, { recursive: true })
      if (i === 0) continue
      ours.push(rate)
      peer.push(copied)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return { ours, peer }
}

/** `rate`: released actions a second. */
async function build(
  directory: string,
  parts: readonly GeneratedPart[],
): Promise<{ readonly rate: number; readonly manifest: ReleaseManifest }> {
  const charter = aCharter()
  const signer = signerFromSeed(TEST_SEEDS.builder)
  const startedMs = performance.now()
  const staged = await stageRelease({
    directory,
    name: 'bench',
    charter: { ...charter, release: { ...charter.release, segmentActionsMax: 20, segmentsPerPersonMax: 10_000 } },
    charterYaml: CHARTER_YAML,
    seed: '1',
    secret: new Uint8Array(32),
    recipient: 'grant 1',
    key: KEY,
    publishedAtMs: Date.UTC(2026, 9, 1),
    parts,
    sign: (typ, payload) => signJws(typ, payload, signer),
    builder: signer.publicKey,
  })
  await staged.publish(null)
  const { manifest } = staged
  return { rate: (Number(manifest.counts.actions) / (performance.now() - startedMs)) * 1_000, manifest }
}
