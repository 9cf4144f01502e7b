import { randomUUID } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { charterHash, type Grant, parseCharter } from '@fairtrace/core'
import { builderBoxPublicKey } from '@fairtrace/server/builder/box-key'
import { startBuilder } from '@fairtrace/server/builder/role'
import { startLedger } from '@fairtrace/server/ledger/role'
import type { RunningRole } from '@fairtrace/server/runtime/role'
import { startVault } from '@fairtrace/server/vault/role'
import {
  activateGrant,
  aDevice,
  aGrant,
  approved,
  CHARTER_YAML,
  grantApprovals,
  startRoleProcess,
  startTestGround,
  TEST_SEEDS,
  type TestGround,
  waitFor,
} from '@fairtrace/testing/harness'
import { type ReleaseSource, verifyRelease } from '@fairtrace/verify'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { fillVault } from './release-ground.ts'

const log = pino({ level: 'silent' })
const clock = { nowMs: () => Date.now() }
const PEOPLE = 8
const BATCHES_EACH = 3

describe('the builder', () => {
  let ground: TestGround
  let ledger: RunningRole
  let vault: RunningRole
  let builder: RunningRole | null = null
  const people = Array.from({ length: PEOPLE }, () => aDevice())

  beforeAll(async () => {
    ground = await startTestGround()
    ledger = await startLedger({ ...ground.contextOf('ledger'), log, clock, addresses: {} })
    vault = await startVault({ ...ground.contextOf('vault'), log, clock, addresses: {} })
  })
  afterEach(async () => {
    await builder?.stop()
    builder = null
  })
  afterAll(async () => {
    await vault.stop()
    await ledger.stop()
    await ground.stop()
  })

  const context = (overrides: object = {}) => ({
    ...ground.contextOf('builder'),
    secrets: { signingSeed: TEST_SEEDS.builder },
    ...overrides,
  })
  const start = async (overrides: object = {}) => {
    builder = await startBuilder({ ...context(overrides), log, clock, addresses: {} })
  }
  const releases = () => join(ground.objectsDir, 'releases')
  const leftBehind = () => (existsSync(releases()) ? readdirSync(releases()) : [])

  const aGrantFor = (releaseName: string, overrides: Partial<Grant> = {}): Grant =>
    aGrant(ground.charter, {
      recipientKey: builderBoxPublicKey(TEST_SEEDS.builder),
      scope: { kind: 'recordings', releaseName },
      ...overrides,
    })
  /** Its grant activated, as far as vault and keeper let it. */
  async function aJob(overrides: object = {}, name = `release-${randomUUID().slice(0, 8)}`, grant = aGrantFor(name)) {
    const job = { name, seed: '1', ...approved(grant), ...overrides }
    const { grant: asked, approvals } = job
    await activateGrant(ground.sql, { grant: asked, approvals })
    return job
  }
  /** The charter lets a day pass between two releases. */
  const aDayLater = () => ground.sql.query('update release.releases set created_at_ms = created_at_ms - 86400000')
  async function ask(request: object): Promise<string> {
    const id = randomUUID()
    await ground.sql.query('insert into release.jobs (id, request) values ($1, $2)', [id, JSON.stringify(request)])
    await ground.sql.query('notify fairtrace_jobs')
    return id
  }
  const ended = (id: string) =>
    waitFor(async () => {
      const { rows } = await ground.sql.query('select * from release.jobs where id = $1', [id])
      return rows[0]?.state === 'done' || rows[0]?.state === 'failed' ? rows[0] : null
    })

  it('releases nothing from an empty vault', async () => {
    await start()
    expect(await ended(await ask(await aJob()))).toMatchObject({ state: 'failed', code: 'RELEASE_EMPTY' })
    expect(leftBehind()).toEqual([])
  })

  describe('with recordings of eight people', () => {
    beforeAll(async () => {
      await fillVault(ground, people, BATCHES_EACH)
    })

    it.each([
      ['on an installation that is no demonstration', 'RISK_GATE_CLOSED', () => aJob(), { installation: 'production' }],
      [
        'with another signing seed than the charter names',
        'KEY_UNAVAILABLE',
        () => aJob(),
        { secrets: { signingSeed: TEST_SEEDS.ledger } },
      ],
      ['for a job that is malformed', 'BODY_INVALID', () => aJob({ name: '../outside' }), {}],
      [
        'for a grant under another charter',
        'CHARTER_NOT_IN_FORCE',
        () => aJob({}, 'other', aGrantFor('other', { charter: 'A'.repeat(43) })),
        {},
      ],
      [
        "for a grant to somebody else's key",
        'GRANT_INVALID',
        () => aJob({}, 'other', aGrantFor('other', { recipientKey: 'A'.repeat(43) })),
        {},
      ],
      [
        'for a grant of an epoch that is over',
        'GRANT_INVALID',
        () => aJob({}, 'other', aGrantFor('other', { epoch: 9 })),
        {},
      ],
      ['for the grant of another release', 'GRANT_INVALID', () => aJob({}, 'other', aGrantFor('another')), {}],
      ['for a grant that one person approved', 'GRANT_INVALID', () => oneApproval(), {}],
      ['for a grant that was changed after its approval', 'GRANT_INVALID', () => changedAfterwards(), {}],
    ] as const)('refuses %s', async (_what, code, request, overrides) => {
      await start(overrides)
      expect(await ended(await ask(await request()))).toMatchObject({ state: 'failed', code })
      expect(leftBehind()).toEqual([])
    })

    function oneApproval() {
      const grant = aGrantFor('other')
      return aJob({ approvals: grantApprovals(grant).slice(0, 1) }, 'other', grant)
    }
    function changedAfterwards() {
      const grant = aGrantFor('other')
      return aJob({ grant: { ...grant, reason: 'Something else.' }, approvals: grantApprovals(grant) }, 'other')
    }

    it('uses nothing that was made under terms which the charter in force widens, or under none that it knows', async () => {
      await start()
      const narrower = CHARTER_YAML.replace('k: 5', 'k: 6')
      const hash = charterHash(parseCharter(narrower, 'charter.yaml'))
      const made = (charter: string) => ground.sql.query('update vault.chunks set charter_hash = $1', [charter])
      for (const name of ['unknown', 'widened']) {
        await made(hash)
        expect(await ended(await ask(await aJob({}, name)))).toMatchObject({ state: 'failed', code: 'RELEASE_EMPTY' })
        await ground.sql.query(
          'insert into install.charters (hash, programme, version, yaml) values ($1, $2, 0, $3) on conflict do nothing',
          [hash, ground.charter.programme, narrower],
        )
      }
      await made(charterHash(ground.charter))
    })

    it('builds a release that verifies offline, with its place in the ledger', async () => {
      await start()
      const job = await aJob({}, 'spring')
      const row = await ended(await ask(job))
      expect(row).toMatchObject({ state: 'done', progress: 1, code: null })
      const verified = await verifyRelease(folderSource(join(releases(), 'spring')), {
        charter: charterHash(ground.charter),
      })
      expect(verified.id).toBe(row.release_id)
      expect(verified.ledger).not.toBeNull()
      expect(verified.manifest.counts.people).toBe(PEOPLE - (PEOPLE % ground.charter.release.k))
      const { rows } = await ground.sql.query('select * from release.releases where name = $1', ['spring'])
      expect(rows[0]).toMatchObject({ id: row.release_id, directory: 'releases/spring', manifest: verified.manifest })
      expect(leftBehind()).toEqual(['spring'])
    })

    it('names no participant, device or recording in any file of it', async () => {
      const { rows } = await ground.sql.query(
        'select distinct pseudonym, device, recording, batch_id from vault.chunks',
      )
      const markers = [...new Set(rows.flatMap((row) => Object.values<string>(row)))]
      expect(markers.length).toBe(PEOPLE * (2 + 2 * BATCHES_EACH))
      for (const path of filesIn(join(releases(), 'spring'))) {
        const bytes = readFileSync(join(releases(), 'spring', path))
        expect(
          markers.filter((marker) => bytes.includes(marker)),
          path,
        ).toEqual([])
      }
    })

    it('refuses a name that is taken, and leaves that release as it is', async () => {
      await start()
      expect(await ended(await ask(await aJob({}, 'spring')))).toMatchObject({
        state: 'failed',
        code: 'RELEASE_EXISTS',
      })
      await expect(verifyRelease(folderSource(join(releases(), 'spring')), { charter: null })).resolves.toBeDefined()
    })

    it('builds none before the interval of the charter is over', async () => {
      await start()
      expect(await ended(await ask(await aJob({}, 'early')))).toMatchObject({
        state: 'failed',
        code: 'RELEASE_TOO_SOON',
      })
      expect(leftBehind()).toEqual(['spring'])
    })

    it('builds none that differs from an earlier one by a few people', async () => {
      await aDayLater()
      const { rows } = await ground.sql.query('select * from release.members limit 1')
      await ground.sql.query('delete from release.members where person = $1', [rows[0].person])
      await start()
      const row = await ended(await ask(await aJob({}, 'close')))
      await ground.sql.query('insert into release.members values ($1, $2, $3)', Object.values(rows[0]).map(asText))
      expect(row).toMatchObject({ state: 'failed', code: 'RELEASE_DIFFERS_TOO_LITTLE' })
      expect(row.message).not.toMatch(/[0-46-9]/)
      expect(leftBehind()).toEqual(['spring'])
    })

    it('knows people from release to release under digests that say nothing', async () => {
      const { rows } = await ground.sql.query('select person, contributions from release.members')
      expect(rows.length).toBe(PEOPLE)
      const said = JSON.stringify(rows)
      for (const { pseudonym } of people) expect(said).not.toContain(pseudonym)
      expect(said).not.toMatch(/desktop|click|button/)
    })

    it('keeps the key of its shards nowhere but sealed to vault and keeper', async () => {
      const { rows } = await ground.sql.query('select release, sealed from vault.sealed_release_keys')
      const { rows: releases } = await ground.sql.query('select id from release.releases')
      expect(rows.map(({ release }) => release)).toEqual(releases.map(({ id }) => id))
    })

    it('finishes the job of a builder that was killed, and removes what that one left', async () => {
      await aDayLater()
      // As kill -9 leaves it: the job running, a folder half written, another one without its row.
      const job = await aJob({}, 'summer')
      for (const name of ['.building-killed', 'summer']) {
        mkdirSync(join(releases(), name), { recursive: true })
        writeFileSync(join(releases(), name, 'half'), 'a')
      }
      const id = await ask(job)
      await ground.sql.query("update release.jobs set state = 'running', progress = 0.4 where id = $1", [id])
      await start()
      expect(await ended(id)).toMatchObject({ state: 'done' })
      expect(leftBehind().toSorted()).toEqual(['spring', 'summer'])
      await expect(verifyRelease(folderSource(join(releases(), 'summer')), { charter: null })).resolves.toBeDefined()
    })

    it('comes through kill -9 at any moment with one whole release', async () => {
      await aDayLater()
      const id = await ask(await aJob({}, 'autumn'))
      for (const afterMs of [50, 150, 300]) {
        const child = await startRoleProcess(context())
        await new Promise((resolve) => setTimeout(resolve, afterMs))
        await child.kill()
      }
      await start()
      expect(await ended(id)).toMatchObject({ state: 'done' })
      expect(leftBehind().toSorted()).toEqual(['autumn', 'spring', 'summer'])
      await expect(verifyRelease(folderSource(join(releases(), 'autumn')), { charter: null })).resolves.toBeDefined()
    })

    // The last one: what it finds locks the programme.
    it('releases nothing at all if one stored chunk was changed', async () => {
      await aDayLater()
      const { rows } = await ground.sql.query('select segment_id, at_offset from vault.chunks limit 1')
      const path = join(ground.objectsDir, 'segments', rows[0].segment_id.slice(0, 2), rows[0].segment_id)
      const bytes = readFileSync(path)
      const changed = Buffer.from(bytes)
      const at = Number(rows[0].at_offset) + 20
      changed[at] = (changed[at] ?? 0) ^ 1
      writeFileSync(path, changed)
      try {
        await start()
        expect(await ended(await ask(await aJob()))).toMatchObject({ state: 'failed', code: 'SEGMENT_CORRUPT' })
        expect(leftBehind().toSorted()).toEqual(['autumn', 'spring', 'summer'])
      } finally {
        writeFileSync(path, bytes)
      }
      const { rows: locked } = await ground.sql.query('select state from install.programme')
      expect(locked).toEqual([{ state: 'locked' }])
    })
  })
})

const asText = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : value)

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
}

function folderSource(directory: string): ReleaseSource {
  return {
    list: async () => filesIn(directory),
    read: async (path) => (existsSync(join(directory, path)) ? createReadStream(join(directory, path)) : null),
  }
}
