import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { startPortal } from '@fairtrace/server/api/role'
import { builderBoxPublicKey, roomBoxPublicKey } from '@fairtrace/server/builder/box-key'
import { startBuilder } from '@fairtrace/server/builder/role'
import { startLedger } from '@fairtrace/server/ledger/role'
import type { RoleName, RunningRole } from '@fairtrace/server/runtime/role'
import { startVault } from '@fairtrace/server/vault/role'
import { aDevice, startTestGround, TEST_PUBLIC_KEYS, TEST_SEEDS, type TestGround } from '@fairtrace/testing/harness'
import { verifyRelease } from '@fairtrace/verify'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { releaseFolder } from '../apps/cli/src/verify/sources.ts'
import { fillVault } from './release-ground.ts'

const log = pino({ level: 'silent' })
const clock = { nowMs: () => Date.now() }
const PEOPLE = 6
/** As a release says it: in steps of the charter's k. */
const SHOWN = 5

describe('fairtrace release', () => {
  let ground: TestGround
  let data: string
  const roles: RunningRole[] = []

  beforeAll(async () => {
    ground = await startTestGround()
    data = mkdtempSync(join(tmpdir(), 'fairtrace-data-'))
    const context = (role: RoleName, signingSeed?: string) => {
      const base = { ...ground.contextOf(role), objectsDir: join(data, 'objects') }
      return { ...base, secrets: signingSeed ? { signingSeed } : base.secrets, log, clock, addresses: {} }
    }
    mkdirSync(join(data, 'objects'))
    mkdirSync(join(data, 'demo'))
    writePeople()
    roles.push(await startLedger(context('ledger')))
    roles.push(await startVault(context('vault')))
    const accounts = join(data, 'demo/people.json')
    const portal = await startPortal({
      ...context('portal', TEST_SEEDS.issuer),
      demoAccountsFile: accounts,
      access: {
        builderBoxKey: builderBoxPublicKey(TEST_SEEDS.builder),
        roomBoxKey: roomBoxPublicKey(TEST_SEEDS.room),
        webhooks: [],
      },
    })
    roles.push(portal, await startBuilder(context('builder', TEST_SEEDS.builder)))
    if ('setReady' in portal && typeof portal.setReady === 'function') portal.setReady(true)
    writeInstallation('demonstration')
    writeRuntime(portal.address ?? '')
    const people = Array.from({ length: PEOPLE }, () => aDevice())
    await fillVault(ground, people, 2)
  })
  afterAll(async () => {
    for (const role of roles.toReversed()) await role.stop()
    await ground.stop()
    rmSync(data, { recursive: true, force: true })
  })

  function writeInstallation(kind: string): void {
    const { issuer, vault, keeper, ledger, builder, intake, sentinel, scanner, room } = TEST_PUBLIC_KEYS
    const keys = { issuer, vault, keeper, ledger, builder, intake, sentinel, scanner, room }
    const builderBoxKey = builderBoxPublicKey(TEST_SEEDS.builder)
    const roomBoxKey = roomBoxPublicKey(TEST_SEEDS.room)
    writeFileSync(join(data, 'installation.json'), JSON.stringify({ v: 1, kind, keys, builderBoxKey, roomBoxKey }))
  }
  function writePeople(): void {
    const accounts = [
      { name: 'rhea', role: 'researcher', password: 'a password', groups: ['agent-training'] },
      { name: 'dana', role: 'data-protection', password: 'a password' },
      { name: 'robin', role: 'worker-representative', password: 'a password' },
    ]
    const approvers = [
      { name: 'Dana Weiss', role: 'data-protection', seed: 'data-protection' },
      { name: 'Robin Okafor', role: 'worker-representative', seed: 'worker-representative' },
    ]
    writeFileSync(join(data, 'demo/people.json'), JSON.stringify({ accounts, approvers, quorum: [] }))
  }
  function writeRuntime(portalUrl: string): void {
    const databaseUrls = { portal: ground.database.url('portal') }
    const runtime = { pid: process.pid, postgresPort: 0, portalUrl, intakeUrl: null, databaseUrls }
    writeFileSync(join(data, 'runtime.json'), JSON.stringify(runtime))
  }
  async function fairtrace(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const main = new URL('../apps/cli/src/main.ts', import.meta.url).pathname
    const command = ['--disable-warning=ExperimentalWarning', main, 'release', ...args, '--data', data]
    return new Promise((resolve) => {
      execFile(process.execPath, command, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
      })
    })
  }
  const errorOf = (stdout: string): string => JSON.parse(stdout).error.code

  it.each([
    ['a name that is no release name', ['build', '--name', '../outside', '--json'], 'USAGE', 2],
    ['to show what is not there', ['show', 'winter', '--json'], 'RELEASE_NOT_FOUND', 3],
  ])('refuses %s', async (_what, args, code, exit) => {
    const answer = await fairtrace(...args)
    expect([errorOf(answer.stdout), answer.code]).toEqual([code, exit])
  })

  it('builds nothing on an installation that is no demonstration', async () => {
    writeInstallation('production')
    try {
      const answer = await fairtrace('build', '--name', 'spring', '--json')
      expect([errorOf(answer.stdout), answer.code]).toEqual(['USAGE', 2])
    } finally {
      writeInstallation('demonstration')
    }
  })

  it('says that there is no release yet', async () => {
    expect((await fairtrace('show')).stdout).toContain('No release yet')
  })

  it('builds a release after it said who approves', async () => {
    const { code, stdout, stderr } = await fairtrace('build', '--name', 'spring', '--seed', 'second', '--json')
    expect([code, stderr]).toEqual([0, expect.stringContaining('Dana Weiss (data-protection) and Robin Okafor')])
    expect(JSON.parse(stdout)).toMatchObject({
      name: 'spring',
      directory: join(data, 'objects/releases/spring'),
      manifest: { counts: { people: SHOWN }, parameters: { seed: 'second' } },
    })
  })

  it('refuses to build under a name that is taken', async () => {
    const answer = await fairtrace('build', '--name', 'spring', '--json')
    expect([errorOf(answer.stdout), answer.code]).toEqual(['RELEASE_EXISTS', 5])
  })

  it('shows releases for people and for programs', async () => {
    expect((await fairtrace('show')).stdout).toContain(`spring, ${SHOWN} people`)
    expect((await fairtrace('show', 'spring')).stdout).toContain('segmentsPerPersonMax 200')
    const shown = JSON.parse((await fairtrace('show', '--json')).stdout)
    expect(shown.releases.map(({ manifest }: { manifest: { name: string } }) => manifest.name)).toEqual(['spring'])
  })

  it('verifies without a key, and nothing in it is readable without one', async () => {
    const folder = join(data, 'objects/releases/spring')
    const names = readdirSync(join(folder, 'shards'))
    expect(names.length).toBeGreaterThan(1)
    for (const name of names) {
      const bytes = readFileSync(join(folder, 'shards', name))
      // Words long enough that a shard's random bytes don't hold them by chance: three bytes in a row they soon do.
      for (const word of ['desktop:orders', 'pyautogui', 'PAR1\u0015', '\u0089PNG\r\n\u001a\n', 'IHDR']) {
        expect(bytes.includes(Buffer.from(word, 'latin1'))).toBe(false)
      }
    }
    const verified = await verifyRelease(releaseFolder(folder), { charter: null })
    expect(verified.manifest.shards.length).toBe(names.length)
  })
})
