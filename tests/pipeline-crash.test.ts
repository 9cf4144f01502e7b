import { setTimeout as sleep } from 'node:timers/promises'
import { startLedger } from '@fairtrace/server/ledger/role'
import { FileObjects } from '@fairtrace/server/store/objects'
import { SEGMENT_HEADER_BYTES, segmentKey } from '@fairtrace/server/vault/segment'
import {
  aBatch,
  aDevice,
  aPermit,
  type RoleProcess,
  startRoleProcess,
  startTestGround,
  type TestBatch,
  waitFor,
} from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'

const DEVICES = 20
const BATCHES_PER_DEVICE = 40
const KILLS_MIN = 8
const LANES = 16

describe('intake and vault, killed at any moment', () => {
  it('lose nothing that was acknowledged and store nothing twice', { timeout: 180_000 }, async () => {
    const ground = await startTestGround({ fsync: true })
    const log = pino({ level: 'silent' })
    const clock = { nowMs: () => Date.now() }
    const ledger = await startLedger({ ...ground.contextOf('ledger'), log, clock, addresses: {} })
    let vault: RoleProcess = await startRoleProcess(ground.contextOf('vault'))
    let intake: RoleProcess | null = await startRoleProcess(ground.contextOf('intake'))
    let kills = 0
    try {
      const vaultKey = await ground.vaultKey()
      const devices = Array.from({ length: DEVICES }, () => aDevice())
      await ground.addParticipants(devices.map((device) => device.pseudonym))
      const nowMs = Date.now()
      const batches = devices.flatMap((device) =>
        Array.from({ length: BATCHES_PER_DEVICE }, (_, sequence) =>
          aBatch({ charter: ground.charter, vaultKey, device, sequence, atMs: nowMs }),
        ),
      )
      const waiting = [...batches]
      const acknowledged = new Set<string>()

      const killing = (async () => {
        while (waiting.length > 0 || kills < KILLS_MIN) {
          await sleep(50 + Math.random() * 400)
          if (Math.random() < 0.5 && intake !== null) {
            const old = intake
            intake = null
            await old.kill()
            intake = await startRoleProcess(ground.contextOf('intake'))
          } else {
            await vault.kill()
            vault = await startRoleProcess(ground.contextOf('vault'))
          }
          kills++
        }
      })()
      // What was acknowledged goes again now and then, as from a device that missed the answer.
      await Promise.all(
        Array.from({ length: LANES }, async () => {
          for (let batch = waiting.pop(); batch !== undefined; batch = waiting.pop()) {
            await sleep(Math.random() * 60)
            const isTaken = await send(intake?.address ?? null, batch)
            if (isTaken) acknowledged.add(batch.id)
            if (!isTaken || Math.random() < 0.1) waiting.push(batch)
          }
        }),
      )
      await killing
      await waitFor(async () =>
        (await ground.sql.query('select 1 from inbox.batches limit 1')).rowCount === 0 ? true : null,
      )

      expect(kills).toBeGreaterThanOrEqual(KILLS_MIN)
      expect(acknowledged.size).toBe(batches.length)
      const { rows: chunks } = await ground.sql.query(
        'select batch_id, device, sequence, segment_id, at_offset, length from vault.chunks',
      )
      expect(chunks.map((row) => row.batch_id).sort()).toEqual([...acknowledged].sort())
      expect(new Set(chunks.map((row) => `${row.device} ${row.sequence}`)).size).toBe(batches.length)
      expect((await ground.sql.query('select 1 from vault.quarantine')).rowCount).toBe(0)

      // Every chunk has bytes of its own, and after one more start there is no segment that no row names.
      await vault.kill()
      vault = await startRoleProcess(ground.contextOf('vault'))
      const objects = new FileObjects(ground.objectsDir)
      const { rows: segments } = await ground.sql.query('select id, bytes from vault.segments')
      await waitFor(async () => ((await objects.list('segments')).length === segments.length ? true : null))
      expect(await objects.list('segments')).toEqual(segments.map((row) => segmentKey(row.id)).sort())
      for (const { id, bytes } of segments) {
        const places = chunks.filter((row) => row.segment_id === id).map((row) => [Number(row.at_offset), row.length])
        places.sort(([a = 0], [b = 0]) => a - b)
        let end = SEGMENT_HEADER_BYTES
        for (const [offset, length] of places) {
          expect(offset).toBe(end)
          end += length
        }
        expect([end, (await objects.get(segmentKey(id))).length]).toEqual([Number(bytes), Number(bytes)])
      }
    } finally {
      await intake?.kill()
      await vault.kill()
      await ledger.stop()
      await ground.stop()
    }
  })
})

/** @returns whether the batch was acknowledged */
async function send(address: string | null, { id, bytes }: TestBatch): Promise<boolean> {
  if (address === null) return false
  const headers = {
    'content-type': 'application/octet-stream',
    authorization: `Bearer ${aPermit(id, Date.now() - 1_000)}`,
  }
  try {
    const answer = await fetch(`${address}/batches`, { method: 'POST', body: new Uint8Array(bytes), headers })
    const { batch } = (await answer.json()) as { batch?: string }
    return answer.status === 200 && batch === id
  } catch {
    // The process was killed in between: not acknowledged.
    return false
  }
}
