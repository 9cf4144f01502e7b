import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { charterHash, type ProgrammeId } from '@fairtrace/core'
import { startLedger } from '@fairtrace/server/ledger/role'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import type { Programme } from '@fairtrace/server/runtime/programme'
import type { RunningRole } from '@fairtrace/server/runtime/role'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { DAY_KEY_GRACE_MS, DAY_MS, DayKeys } from '@fairtrace/server/vault/day-keys'
import { openKeeperClient } from '@fairtrace/server/vault/keeper-client'
import { Keystore } from '@fairtrace/server/vault/keystore'
import { openLocalKms } from '@fairtrace/server/vault/kms-local'
import { serveKeyRequests } from '@fairtrace/server/vault/participant-keys'
import { randomId, startTestGround, TEST_SEEDS, type TestGround } from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const START = 20_000 * DAY_MS + 5

describe('keys on a clock that moves', () => {
  let ground: TestGround
  let ledger: RunningRole
  let database: OpenDatabase
  let keystore: Keystore
  let folder: string
  let programme: Programme
  let nowMs = START
  const clock = { nowMs: () => nowMs }

  beforeAll(async () => {
    ground = await startTestGround({ clock })
    ledger = await startLedger({ ...ground.contextOf('ledger'), log: pino({ level: 'silent' }), clock, addresses: {} })
    database = openDatabase(ground.database.url('vault'))
    folder = mkdtempSync(join(tmpdir(), 'fairtrace-keys-'))
    keystore = new Keystore(folder, openLocalKms(join(folder, 'local-kms'), 'a passphrase'))
    const { charter } = ground
    programme = {
      id: charter.programme as ProgrammeId,
      state: 'running',
      epoch: 0,
      charterHash: charterHash(charter),
      charter,
      charters: new Map(),
      lockdown: null,
      endedUpTo: 0,
    }
  })
  afterAll(async () => {
    keystore.close()
    await database.close()
    await ledger.stop()
    await ground.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const dayKeys = () =>
    new DayKeys({ database, keystore, signer: signerFromSeed(TEST_SEEDS.vault), clock, settlingMs: 0 })
  const rows = async () =>
    (await ground.sql.query('select key_id, opens_at_ms, destroyed from vault.day_keys order by opens_at_ms')).rows

  it('are not made with a signing key that the charter does not name', async () => {
    const wrong = new DayKeys({ database, keystore, signer: signerFromSeed(TEST_SEEDS.builder), clock })
    await expect(wrong.tick(programme)).rejects.toMatchObject({ code: 'KEY_UNAVAILABLE' })
    expect(await rows()).toEqual([])
  })

  it('are made once for today and once for tomorrow, whoever asks how often', async () => {
    for (let i = 0; i < 3; i++) await dayKeys().tick(programme)
    const keys = dayKeys()
    await keys.tick(programme)
    expect((await rows()).map((row) => Number(row.opens_at_ms))).toEqual([20_000 * DAY_MS, 20_001 * DAY_MS])
    expect(keys.open.map((key) => key.keyId).sort()).toEqual((await rows()).map((row) => row.key_id).sort())
  })

  it('lose the private half that a crash left unpublished', async () => {
    await keystore.putDay('00000000000000ff', Buffer.alloc(32, 1))
    await dayKeys().tick(programme)
    expect(keystore.dayKeyIds()).not.toContain('00000000000000ff')
  })

  it('are made anew if the private half is gone: nobody may seal to a key that opens for no one', async () => {
    const [today] = await rows()
    keystore.destroyDay(today.key_id)
    await dayKeys().tick(programme)
    const again = (await rows()).filter((row) => Number(row.opens_at_ms) === 20_000 * DAY_MS)
    expect(again.some((row) => keystore.dayKeyIds().includes(row.key_id))).toBe(true)
  })

  it('are destroyed only after the grace, and only with no batch under them waiting', async () => {
    const [first] = (await rows()).filter((row) => keystore.dayKeyIds().includes(row.key_id))
    const keyId: string = first.key_id
    const batch = [randomId(), keyId, Buffer.alloc(10)]
    await ground.sql.query('insert into inbox.batches (id, vault_key_id, sealed) values ($1, $2, $3)', batch)

    nowMs = 20_001 * DAY_MS + DAY_KEY_GRACE_MS - 1
    await dayKeys().tick(programme)
    expect(keystore.dayKeyIds()).toContain(keyId)
    nowMs += 1
    await dayKeys().tick(programme)
    expect(keystore.dayKeyIds()).toContain(keyId)
    expect((await rows()).find((row) => row.key_id === keyId)?.destroyed).toBe(false)

    await ground.sql.query('delete from inbox.batches')
    const keys = dayKeys()
    await keys.tick(programme)
    expect(keystore.dayKeyIds()).not.toContain(keyId)
    expect(keys.open.map((key) => key.keyId)).not.toContain(keyId)
    expect((await rows()).find((row) => row.key_id === keyId)?.destroyed).toBe(true)
  })

  it('of participants are private before they are public, and the same after a crash in between', async () => {
    const pseudonym = randomId()
    await ground.sql.query('insert into vault.key_requests values ($1)', [pseudonym])
    const { place } = ground.keeper
    const keeper = openKeeperClient(place, signerFromSeed(TEST_SEEDS.vault), clock)
    const input = { database, keystore, keeper, vouched: { programme: programme.id, keeper: place.key } }
    expect(await serveKeyRequests(input)).toBe(1)
    const read = async () =>
      (await ground.sql.query('select public_key from vault.participant_keys where pseudonym = $1', [pseudonym]))
        .rows[0]
    const before = await read()
    // As a crash after the keystore and before the database would leave it.
    await ground.sql.query('delete from vault.participant_keys where pseudonym = $1', [pseudonym])
    await ground.sql.query('insert into vault.key_requests values ($1)', [pseudonym])
    await serveKeyRequests(input)
    expect(await read()).toEqual(before)
  })

  it('stand in the ledger, made and destroyed', async () => {
    const { rows: entries } = await ground.sql.query('select entry from ledger.entries')
    const types = entries.map((row) => JSON.parse(row.entry).type)
    expect(types.filter((type) => type === 'vault.day-key').length).toBeGreaterThanOrEqual(4)
  })
})
