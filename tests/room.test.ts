/** The training room: a release opens in a sandbox under a live grant, and nothing leaves before review. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { grantHash } from '@fairtrace/core'
import { requireSandbox } from '@fairtrace/server/room/sandbox'
import { lockProgramme } from '@fairtrace/server/runtime/lockdown'
import { openDatabase } from '@fairtrace/server/store/database'
import { closeRelease } from '@fairtrace/server/vault/release-keys'
import { type ApprovedGrant, approved, waitFor } from '@fairtrace/testing/harness'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RoomGround, startRoomGround } from './room-ground.ts'

const MARKER = 'marker-0f3a9b'
const sandbox = await requireSandbox().catch((error: Error) => error)
const why = sandbox instanceof Error ? ` (not here: ${sandbox.message})` : ''

describe('a machine without a sandbox', () => {
  it('is refused with the reason', async () => {
    await expect(requireSandbox('/nowhere')).rejects.toMatchObject({
      code: 'ROOM_UNAVAILABLE',
      message: expect.stringContaining('bubblewrap is not installed'),
    })
  })
})

describe.skipIf(sandbox instanceof Error)(`the training room${why}`, () => {
  let it_: RoomGround
  let release: string
  let grant: ApprovedGrant
  beforeAll(async () => {
    it_ = await startRoomGround()
    release = await it_.release({ 'data/train.csv': `segment,step\n${MARKER},0\n`, 'long.txt': 'x'.repeat(200_000) })
    grant = await it_.grantFor(release)
  })
  afterAll(async () => {
    await it_?.stop()
  })
  const shell = (script: string) => ({ command: ['/bin/sh', '-c', script] })
  const entries = async () =>
    (await it_.ground.sql.query(`select entry from ledger.entries order by idx`)).rows.map(
      ({ entry }) => JSON.parse(entry).type as string,
    )

  it.each([
    ['of another release', 'GRANT_INVALID', async () => ({ grant: await it_.grantFor('A'.repeat(43)) })],
    ['that nobody approved', 'ROOM_STOPPED', async () => ({ grant: approved({ ...grant.grant, reason: 'Other.' }) })],
    ['with more hours than the charter allows', 'ROOM_LIMIT', async () => ({ wish: { hours: 2 } })],
    ['with more memory than the charter allows', 'ROOM_LIMIT', async () => ({ wish: { memoryGib: 64 } })],
    ['with a budget for a program of somebody else’s', 'BODY_INVALID', async () => ({ wish: { epsilon: 1 } })],
  ])('refuses a run under a grant %s', async (_what, code, change) => {
    const changed: { grant?: ApprovedGrant; wish?: object } = await change()
    const run = await it_.ask(release, changed.grant ?? grant, { ...shell('true'), ...changed.wish })
    expect(await it_.ended(run)).toMatchObject({ code, output: null })
  })

  it('opens the release inside, logs first, and keeps the output sealed', async () => {
    const script = `cat /release/data/train.csv; wc -c < /release/long.txt; echo '{"ok":true}' > /output/metrics.json`
    const run = await it_.ask(release, grant, shell(script))
    expect(await it_.ended(run)).toMatchObject({ state: 'in-review', code: null, output: { exitCode: 0 } })
    expect((await it_.row(run)).output?.files.map(({ path }) => path)).toEqual([
      'metrics.json',
      'stderr.txt',
      'stdout.txt',
    ])
    const types = await entries()
    expect(types.lastIndexOf('room.started')).toBeLessThan(types.lastIndexOf('grant.opened'))
    expect(types.lastIndexOf('grant.opened')).toBeLessThan(types.lastIndexOf('room.ended'))
    for (const entry of readdirSync(it_.ground.objectsDir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      expect(readFileSync(join(entry.parentPath, entry.name)).includes(MARKER), entry.name).toBe(false)
    }
  })

  it('shows an output to nobody but a reviewer before it is approved', async () => {
    const run = await it_.ask(release, grant, shell('echo done'))
    await it_.ended(run)
    const reading = `reading-${run}`
    await it_.ground.sql.query(
      `insert into room.readings (id, run, purpose, recipient_key) values ($1, $2, 'output', '')`,
      [...[reading, run]],
    )
    await it_.ground.sql.query('notify fairtrace_room')
    const answer = await waitFor(async () => {
      const { rows } = await it_.ground.sql.query('select * from room.readings where id = $1', [reading])
      return rows[0].state === 'requested' ? null : rows[0]
    })
    expect(answer).toMatchObject({ state: 'refused', code: 'ROOM_NOT_REVIEWED', answer: null })
  })

  describe('kills what runs within a second', () => {
    async function killedIn(grantOf: ApprovedGrant, what: () => Promise<unknown>, of = release): Promise<number> {
      const run = await it_.ask(of, grantOf, shell('sleep 60'))
      await waitFor(async () => ((await sleepers()) > 0 ? true : null))
      const at = performance.now()
      await what()
      await waitFor(async () => ((await sleepers()) === 0 ? true : null))
      const tookMs = performance.now() - at
      expect(await it_.ended(run)).toMatchObject({ state: 'stopped', code: 'ROOM_STOPPED', output: null })
      return tookMs
    }
    async function sleepers(): Promise<number> {
      return readdirSync('/proc').filter((pid) => {
        try {
          return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === 'sleep\0' + '60\0'
        } catch {
          return false
        }
      }).length
    }
    it.each([
      ['a fence', async () => expect(await it_.room.stopAll('a lockdown')).toBe(1)],
      ['a pause', () => it_.ground.setProgramme({ state: 'paused' })],
    ] as const)('at %s', async (_what, act) => {
      expect(await killedIn(grant, act)).toBeLessThan(1_000)
      await it_.ground.setProgramme({ state: 'running' })
    })
    it('at the end of its grant', async () => {
      const other = await it_.grantFor(release)
      const end = async () => {
        await it_.ground.sql.query('insert into vault.grant_ends values ($1)', [grantHash(other.grant)])
        await it_.ground.sql.query(`select pg_notify('fairtrace_grants', '')`)
      }
      expect(await killedIn(other, end)).toBeLessThan(1_000)
    })
    it('at the closing of its release, which nothing opens afterwards', async () => {
      const builder = openDatabase(it_.ground.database.url('builder'))
      try {
        expect(await killedIn(grant, () => closeRelease(builder, release))).toBeLessThan(1_000)
      } finally {
        await builder.close()
      }
      await waitFor(async () => {
        const { rows } = await it_.ground.sql.query('select state from vault.release_closings')
        return rows[0]?.state === 'closed' ? true : null
      })
      expect(
        (await it_.ground.sql.query('select from vault.sealed_release_keys where release = $1', [release])).rowCount,
      ).toBe(0)
      const run = await it_.ask(release, grant, shell('true'))
      expect(await it_.ended(run)).toMatchObject({ code: 'ROOM_STOPPED', message: 'the release was closed' })
    })
    it('at a lockdown', async () => {
      const another = await it_.release({ 'a.txt': 'a' })
      const portal = openDatabase(it_.ground.database.url('portal'))
      try {
        const lock = () => lockProgramme(portal, 'A test.', { seenEpoch: 0 })
        expect(await killedIn(await it_.grantFor(another), lock, another)).toBeLessThan(1_000)
      } finally {
        await portal.close()
      }
    })
  })
})
