/** What goes by itself: rows and bytes of what nobody can open, and the keys of what is older than the charter allows. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { startLedger } from '@fairtrace/server/ledger/role'
import type { RunningRole } from '@fairtrace/server/runtime/role'
import { DAY_MS } from '@fairtrace/server/vault/day-keys'
import { startVault } from '@fairtrace/server/vault/role'
import { segmentKey } from '@fairtrace/server/vault/segment'
import {
  aBatch,
  aDevice,
  startRoleProcess,
  startTestGround,
  type TestDevice,
  type TestGround,
  waitFor,
} from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const log = pino({ level: 'silent' })

describe('what the vault tidies away', () => {
  let ground: TestGround
  let ledger: RunningRole
  let vault: RunningRole
  let offsetMs = 0
  const clock = { nowMs: () => Date.now() + offsetMs }
  const start = () => startVault({ ...ground.contextOf('vault'), log, clock, addresses: {} })
  const people = Array.from({ length: 4 }, () => aDevice())
  const [first, second, third, last] = people.map(({ pseudonym }) => pseudonym)
  let sequence = 0

  beforeAll(async () => {
    ground = await startTestGround({ clock })
    ledger = await startLedger({ ...ground.contextOf('ledger'), log, clock, addresses: {} })
    vault = await start()
    await ground.vaultKey()
    await ground.addParticipants(people.map(({ pseudonym }) => pseudonym))
    await send(people)
  })
  afterAll(async () => {
    await vault.stop()
    await ledger.stop()
    await ground.stop()
  })

  const rows = async (text: string, values: unknown[] = []) => (await ground.sql.query(text, values)).rows
  async function send(devices: readonly TestDevice[]): Promise<void> {
    const vaultKey = await ground.vaultKey()
    for (const device of devices) {
      const batch = aBatch({ charter: ground.charter, vaultKey, device, sequence: sequence++, atMs: clock.nowMs() })
      await rows('insert into inbox.batches (id, vault_key_id, sealed) values ($1, $2, $3)', [
        batch.id,
        vaultKey.keyId,
        batch.bytes,
      ])
    }
    await rows('notify fairtrace_inbox')
    await waitFor(async () => ((await rows('select 1 from inbox.batches')).length === 0 ? true : null))
  }
  const erase = async (pseudonym: string | undefined) => {
    await rows('insert into vault.erasure_requests values ($1, 2)', [pseudonym])
    await rows('notify fairtrace_key_requests')
  }
  const indexed = async () =>
    (await rows('select distinct pseudonym from vault.chunks')).map((row) => row.pseudonym).sort()
  const segments = async (): Promise<string[]> => (await rows('select id from vault.segments')).map(({ id }) => id)
  const isThere = (id: string) => existsSync(join(ground.objectsDir, segmentKey(id)))
  const checked = async () => {
    const id = `check-${Math.random()}`
    await rows('insert into vault.checks (id, bytes_per_second) values ($1, 1000000000)', [id])
    return await waitFor(async () => {
      const [row] = await rows('select state, findings from vault.checks where id = $1', [id])
      return row?.state === 'done' ? row.findings : null
    })
  }

  it('goes from the index, and then from the disk, after erasures; what others gave stays as it is', async () => {
    expect(await indexed()).toEqual(people.map(({ pseudonym }) => pseudonym).sort())
    const before = await segments()
    for (const pseudonym of [first, second, third]) await erase(pseudonym)
    await waitFor(async () => ((await indexed()).join() === last ? true : null))
    // More than half of each segment that held several people is noise: it is written anew, and the old object is gone.
    await waitFor(async () => {
      const [row] = await rows('select count(*)::int as wasteful from vault.segments where live_bytes * 2 < bytes')
      return row.wasteful === 0 ? true : null
    })
    const after = await segments()
    expect(after.length).toBe(1)
    for (const id of before.filter((one) => !after.includes(one)))
      await waitFor(async () => (isThere(id) ? null : true))
    expect(await checked()).toEqual([])
    expect(await rows('select kind from install.exposures')).toEqual([])
    expect(await rows('select * from vault.dead_content_keys union all select pseudonym from vault.erased')).toEqual([])
  })

  it('is whole wherever the vault is killed meanwhile', async () => {
    await vault.stop()
    const devices = Array.from({ length: 12 }, () => aDevice())
    let running = await startRoleProcess(ground.contextOf('vault'))
    await ground.addParticipants(devices.map(({ pseudonym }) => pseudonym))
    await send(devices)
    for (const [i, { pseudonym }] of devices.slice(0, 10).entries()) {
      await erase(pseudonym)
      await new Promise((resolve) => setTimeout(resolve, i * 40))
      await running.kill()
      running = await startRoleProcess(ground.contextOf('vault'))
    }
    const left = devices.slice(10).map(({ pseudonym }) => pseudonym)
    await waitFor(async () => ((await indexed()).join() === [...left, last].sort().join() ? true : null))
    await running.stop()
    vault = await start()
    expect(await checked()).toEqual([])
    expect(await rows('select kind from install.exposures')).toEqual([])
  })

  it('loses its keys once retention is over, by itself, and says so in the ledger', async () => {
    const periods = async () =>
      (await rows('select distinct period from vault.content_keys')).map(({ period }) => period)
    const [old] = await periods()
    expect((await periods()).length).toBe(1)
    offsetMs = ground.charter.retention.recordings - DAY_MS
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    expect(await periods()).toEqual([old])
    offsetMs = ground.charter.retention.recordings + DAY_MS
    await waitFor(async () => ((await periods()).length === 0 ? true : null))
    await waitFor(async () => ((await indexed()).length === 0 ? true : null))
    await waitFor(async () => ((await segments()).length === 0 ? true : null))
    await waitFor(async () => {
      const entries = await rows(`select 1 from ledger.entries where entry like '%retention.applied%'`)
      return entries.length > 0 ? true : null
    })
    expect(await checked()).toEqual([])
  })
})
