/** A release as it is really built, logged in a real ledger, and verified by the one who receives it. */
import { createReadStream, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { charterHash, RELEASE_ENTRY_TYPE } from '@fairtrace/core'
import { stageRelease } from '@fairtrace/release'
import { appendToLedger } from '@fairtrace/server/ledger/append'
import { ledgerProof } from '@fairtrace/server/ledger/proof'
import { signerFromSeed, signJws } from '@fairtrace/server/runtime/jws'
import { openDatabase } from '@fairtrace/server/store/database'
import {
  aCharter,
  CHARTER_YAML,
  recordedParts,
  startTestDatabase,
  startTestLedger,
  TEST_SEEDS,
} from '@fairtrace/testing/harness'
import { verifyRelease } from '@fairtrace/verify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const CHARTER = aCharter()
const folder = mkdtempSync(join(tmpdir(), 'fairtrace-ledger-release-'))
const release = join(folder, 'spring')

const source = {
  list: async () =>
    readdirSync(release, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(release.length + 1)),
  read: async (path: string) => (existsSync(join(release, path)) ? createReadStream(join(release, path)) : null),
}

beforeAll(async () => {
  const server = await startTestDatabase()
  const database = openDatabase(server.url('builder'))
  const portal = openDatabase(server.url('portal'))
  const ledger = await startTestLedger(server.url('ledger'))
  try {
    await portal.db
      .insertInto('install.programme')
      .values({
        id: CHARTER.programme,
        state: 'running',
        epoch: 0,
        charter_hash: charterHash(CHARTER),
        charter_yaml: CHARTER_YAML,
      })
      .execute()
    const signer = signerFromSeed(TEST_SEEDS.builder)
    const staged = await stageRelease({
      directory: release,
      name: 'spring',
      charter: CHARTER,
      charterYaml: CHARTER_YAML,
      seed: 'draw',
      secret: new Uint8Array(32).fill(9),
      recipient: 'grant 1',
      key: new Uint8Array(32).fill(8),
      publishedAtMs: Date.UTC(2026, 9, 1),
      parts: recordedParts(CHARTER, { people: 12, recordingsPerPerson: 3, actionsPerRecording: 60 }),
      sign: (typ, payload) => signJws(typ, payload, signer),
      builder: signer.publicKey,
    })
    const { index, salt } = await appendToLedger(
      database,
      RELEASE_ENTRY_TYPE,
      { manifest: staged.id },
      { waitForCheckpoint: true },
    )
    await staged.publish(Buffer.from(await ledgerProof(database, index, salt)))
  } finally {
    await ledger.stop()
    await portal.close()
    await database.close()
    await server.stop()
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a release that was built and logged', () => {
  it('verifies from its folder and the hash of its charter alone', async () => {
    const { manifest, ledger } = await verifyRelease(source, { charter: charterHash(CHARTER) })
    expect(manifest.name).toBe('spring')
    expect(ledger).toMatchObject({ index: 0, size: 1 })
  })

  it('does not verify with a file more', async () => {
    writeFileSync(join(release, 'notes.txt'), 'x')
    await expect(verifyRelease(source, { charter: null })).rejects.toMatchObject({ code: 'RELEASE_SHARD_MISMATCH' })
    rmSync(join(release, 'notes.txt'))
  })
})
