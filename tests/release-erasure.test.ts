/** A withdrawal reaches the releases in which somebody was: they close, and the models of them are to be trained anew. */
import { memberDigest } from '@fairtrace/server/builder/release-records'
import { startBuilder } from '@fairtrace/server/builder/role'
import { erasureSteps } from '@fairtrace/server/room/erasure-steps'
import { requireSandbox } from '@fairtrace/server/room/sandbox'
import type { RunningRole } from '@fairtrace/server/runtime/role'
import { openDatabase } from '@fairtrace/server/store/database'
import { randomId, TEST_SEEDS, waitFor } from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RoomGround, startRoomGround } from './room-ground.ts'

describe('an erasure', () => {
  let ground: RoomGround
  let builder: RunningRole
  beforeAll(async () => {
    ground = await startRoomGround()
    const context = { log: pino({ level: 'silent' }), clock: { nowMs: () => Date.now() }, addresses: {} }
    const secrets = { signingSeed: TEST_SEEDS.builder }
    builder = await startBuilder({ ...ground.ground.contextOf('builder'), secrets, ...context })
  })
  afterAll(async () => {
    await builder?.stop()
    await ground?.stop()
  })

  it('closes the releases with the person alone, and is complete only when models are trained anew', async () => {
    const { sql, database } = ground.ground
    const person = randomId()
    const theirs = await ground.release({ 'a.csv': 'a' })
    const others = await ground.release({ 'b.csv': 'b' })
    await sql.query(`insert into release.members values ($1, $2, '{}')`, [
      theirs,
      memberDigest(TEST_SEEDS.builder, person),
    ])
    const portal = openDatabase(database.url('portal'))
    try {
      expect(await erasureSteps(portal, person)).toBeNull()
      await ground.ground.addParticipants([person])
      const hasSandbox = !((await requireSandbox().catch((error: Error) => error)) instanceof Error)
      const run = hasSandbox
        ? await ground.ask(theirs, await ground.grantFor(theirs), {
            command: ['/bin/sh', '-c', `echo '{}' > /output/model.json`],
          })
        : null
      if (run !== null) {
        await ground.ended(run)
        await sql.query(`update room.runs set state = 'approved' where id = $1`, [run])
        await sql.query('notify fairtrace_room')
        await waitFor(async () => ((await sql.query('select 1 from room.models')).rowCount === 1 ? true : null))
      }
      await sql.query('insert into vault.erasure_requests values ($1, 2)', [person])
      await sql.query('notify fairtrace_key_requests')
      const steps = await waitFor(async () => {
        const found = await erasureSteps(portal, person)
        const pending = found?.steps.filter(({ state, what }) => state === 'pending' && what !== 'model')
        return found !== null && pending?.length === 0 && found.steps.some(({ what }) => what === 'release')
          ? found
          : null
      })
      expect(steps.steps.find(({ what }) => what === 'release')).toMatchObject({
        id: theirs,
        state: 'done',
        ledgerIndex: expect.any(Number),
        salt: expect.any(String),
      })
      expect(steps.isComplete).toBe(run === null)
      expect(steps.retraining.map(({ model }) => model)).toEqual(run === null ? [] : [run])
      const { rows } = await sql.query('select release from vault.release_closings')
      expect(rows).toEqual([{ release: theirs }])
      expect((await sql.query('select 1 from vault.sealed_release_keys where release = $1', [others])).rowCount).toBe(1)
      if (run !== null) {
        await waitFor(async () => {
          const { rows: models } = await sql.query('select state from room.models')
          return models[0]?.state === 'to-retrain' ? true : null
        })
      }
    } finally {
      await portal.close()
    }
  })
})
