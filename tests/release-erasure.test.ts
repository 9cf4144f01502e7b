/** A withdrawal reaches the releases in which somebody was: they close, and the models of them are to be trained anew. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ledgerOrigin } from '@fairtrace/core'
import { memberDigest } from '@fairtrace/server/builder/release-records'
import { startBuilder } from '@fairtrace/server/builder/role'
import { signErasureReceipt } from '@fairtrace/server/room/erasure-receipt'
import { erasureSteps } from '@fairtrace/server/room/erasure-steps'
import { requireSandbox } from '@fairtrace/server/room/sandbox'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import type { RunningRole } from '@fairtrace/server/runtime/role'
import { openDatabase } from '@fairtrace/server/store/database'
import { randomId, TEST_PUBLIC_KEYS, TEST_SEEDS, waitFor } from '@fairtrace/testing/harness'
import { trustLog, verifyErasureReceipt, verifyOpening } from '@fairtrace/verify'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RoomGround, startRoomGround } from './room-ground.ts'

const DAY_MS = 86_400_000
const TRUST = trustLog(TEST_PUBLIC_KEYS.ledger, ledgerOrigin('test-programme'))

describe('an erasure', () => {
  let ground: RoomGround
  let builder: RunningRole
  let offsetMs = 0
  const clock = { nowMs: () => Date.now() + offsetMs }
  beforeAll(async () => {
    ground = await startRoomGround(clock)
    const context = { log: pino({ level: 'silent' }), clock, addresses: {} }
    const secrets = { signingSeed: TEST_SEEDS.builder }
    builder = await startBuilder({ ...ground.ground.contextOf('builder'), secrets, ...context })
  })
  afterAll(async () => {
    await builder?.stop()
    await ground?.stop()
  })

  const closings = async () =>
    (await ground.ground.sql.query(`select from ledger.entries where entry like '%"release.closed"%'`)).rowCount
  const LATER = ['model', 'entry']
  async function expectNotHandedOut(run: string): Promise<void> {
    const { sql } = ground.ground
    await sql.query(`insert into room.readings (id, run, purpose, recipient_key) values ('r', $1, 'output', '')`, [run])
    await sql.query('notify fairtrace_room')
    const code = await waitFor(async () => (await sql.query('select code from room.readings')).rows[0]?.code)
    expect(code).toBe('RELEASE_CLOSED')
  }

  it('closes the releases with the person alone, and is complete only when models are trained anew and the ledger says so', async () => {
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
        const pending = found?.steps.filter(({ state, what }) => state === 'pending' && !LATER.includes(what))
        return found !== null && pending?.length === 0 && found.steps.some(({ what }) => what === 'release')
          ? found
          : null
      })
      expect(steps.steps.find(({ what }) => what === 'release')).toMatchObject({
        id: theirs,
        state: 'done',
      })
      expect(steps.isComplete).toBe(false)
      // Nothing of it at its hour.
      expect(await closings()).toBe(0)
      expect(steps.retraining.map(({ model }) => model)).toEqual(run === null ? [] : [run])
      const { rows } = await sql.query('select release from vault.release_closings')
      expect(rows).toEqual([{ release: theirs }])
      expect((await sql.query('select 1 from vault.sealed_release_keys where release = $1', [others])).rowCount).toBe(1)
      if (run !== null) {
        await waitFor(async () => {
          const { rows: models } = await sql.query('select state from room.models')
          return models[0]?.state === 'to-retrain' ? true : null
        })
        await expectNotHandedOut(run)
        const successor = await ground.ask(others, await ground.grantFor(others), {
          command: ['/bin/sh', '-c', `echo '{}' > /output/model.json`],
          retrains: { model: run, copiesDestroyed: true },
        })
        await ground.ended(successor)
        const object = join(ground.ground.objectsDir, 'room', run)
        expect(existsSync(object)).toBe(true)
        await sql.query(`update room.runs set state = 'approved' where id = $1`, [successor])
        await sql.query('notify fairtrace_room')
        await waitFor(async () => {
          const { rows: models } = await sql.query('select state, successor from room.models where id = $1', [run])
          return models[0]?.state === 'retrained' && models[0].successor === successor ? true : null
        })
        expect(existsSync(object)).toBe(false)
      }
      expect((await erasureSteps(portal, person))?.isComplete).toBe(false)
      offsetMs += DAY_MS
      const complete = await waitFor(async () => {
        const found = await erasureSteps(portal, person)
        return found?.isComplete === true ? found : null
      })
      const entries = complete.steps.filter(({ what }) => what === 'entry')
      expect(entries.map(({ id }) => id)).toEqual(run === null ? [theirs] : [theirs, run])
      for (const { proof, ledgerIndex } of entries) {
        expect(verifyOpening(proof ?? '', TRUST)).toMatchObject({ index: ledgerIndex })
      }
      const issuer = signerFromSeed(TEST_SEEDS.issuer)
      const about = { programme: 'test-programme', pseudonym: person, atMs: 1 }
      const receipt = signErasureReceipt(complete, about, issuer)
      expect(verifyErasureReceipt(receipt, TEST_PUBLIC_KEYS.issuer)).toMatchObject({ ...about, isComplete: true })
      const [first, ...rest] = complete.steps
      if (first === undefined) throw new RangeError('no steps')
      expect(() =>
        signErasureReceipt({ ...complete, steps: [{ ...first, state: 'pending' }, ...rest] }, about, issuer),
      ).toThrow()
      // A day on which nothing was closed has its entry too.
      expect(await closings()).toBe(1)
      offsetMs += DAY_MS
      await waitFor(async () => ((await closings()) === 2 ? true : null))
    } finally {
      await portal.close()
    }
  })
})
