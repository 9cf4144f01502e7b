/** `fairtrace sweep` and `fairtrace honey plant`, as an operator runs them against a running demonstration; and its sweeps over HTTP. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { DataDir, type Embedded, startEmbedded } from '@fairtrace/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEMO_CLOCK_START_MS, runCycle } from '../apps/cli/src/demo/cycle.ts'
import { readPeople } from '../apps/cli/src/demo/people.ts'
import { PortalSession } from '../apps/cli/src/demo/portal-session.ts'

const ENTRY = fileURLToPath(new URL('../apps/cli/src/main.ts', import.meta.url))

const folder = mkdtempSync(join(tmpdir(), 'fairtrace-swept-'))
const dir = new DataDir(join(folder, 'data'))
let embedded: Embedded
const visits: unknown[] = []

beforeAll(async () => {
  embedded = await startEmbedded({
    dir,
    kindIfNew: 'demonstration',
    host: '127.0.0.1',
    port: 0,
    entry: ENTRY,
    clockOffsetIfNewMs: -DEMO_CLOCK_START_MS,
  })
  // The clock moves in a cycle alone: its honey participants are visited when people are asked, and when they work.
  await runCycle(embedded, dir, {
    participants: 6,
    recordings: null,
    whenInviting: async () => void visits.push(plant(), plant()),
    onStep: (step, done) => {
      if (step === 'People at work' && done === 1) visits.push(plant())
    },
  })
})
afterAll(async () => {
  await embedded?.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('fairtrace sweep', () => {
  it('refuses a place that nobody sweeps, instead of waiting for it', async () => {
    for (const more of [[], ['--now']]) {
      expect(await run('sweep', '--place', 'nowhere', ...more)).toMatchObject({
        code: 3,
        err: expect.stringContaining('(NOT_FOUND)'),
      })
    }
  })

  it('sweeps every place now, and shows what was swept, how long that took, and what was left out', async () => {
    const { code, out } = await run('sweep', '--now', '--json')
    expect(code).toBe(0)
    const { places } = JSON.parse(out)
    expect(places.map(({ place }: { place: string }) => place)).toEqual(
      expect.arrayContaining(['own-answers', 'own-database', 'own-logs', 'own-releases', 'own-tmp']),
    )
    for (const { state, complete } of places) expect([state, complete.items >= 0]).toEqual(['complete', true])
    expect(places.find(({ place }: { place: string }) => place === 'own-database').complete).toMatchObject({ items: 0 })
    const shown = await run('sweep', '--place', 'own-logs')
    expect(shown.out).toMatch(/^own-logs {2}\(file:.*logs\)\n {2}swept whole \d+ s ago, in \d/)
  })

  it('is for data protection to ask for, and for nobody without a session to see', async () => {
    expect((await fetch(new URL('/api/sweeps', embedded.portalUrl))).status).toBe(401)
    const sessionOf = async (role: string) => {
      const account = readPeople(dir).accounts.find((one) => one.role === role)
      return PortalSession.signIn(embedded.portalUrl, account?.name ?? '', account?.password ?? '')
    }
    const anything = { parse: (value: unknown) => value } as never
    const researcher = await sessionOf('researcher')
    await expect(researcher.get('/api/sweeps', anything)).rejects.toMatchObject({ code: 'ROLE_REQUIRED' })
    const representative = await sessionOf('worker-representative')
    expect(await representative.get('/api/sweeps', anything)).toHaveProperty('places')
    await expect(representative.post('/api/sweeps', {}, anything)).rejects.toMatchObject({ code: 'ROLE_REQUIRED' })
  })
})

describe('fairtrace honey plant', () => {
  it('lets people join, and none of them sooner consent or send than others may', () => {
    const nothing = { people: 2, joined: 0, reflecting: 0, consented: 0, captured: 0, uploaded: 0, failed: [] }
    expect(visits).toEqual([
      { ...nothing, joined: 2, reflecting: 2 },
      { ...nothing, reflecting: 2 },
      { ...nothing, consented: 2, captured: expect.any(Number) },
    ])
    // Days later the first work is reviewed, and there is new work.
    const later = plant()
    expect(later).toEqual({ ...nothing, captured: expect.any(Number), uploaded: expect.any(Number) })
    // A person who made a break made two recordings.
    expect(later).toHaveProperty('uploaded', (visits[2] as { captured: number }).captured)
    expect((later as { captured: number }).captured).toBeGreaterThanOrEqual(2)
    expect(plant()).toEqual(nothing)
  })

  it('says who of them failed, lets the others go on, and ends with an error', async () => {
    const codes = join(folder, 'codes.txt')
    const { out } = await run('honey', 'plant', '--count', '2')
    expect(out).toContain('2 honey participants: 0 joined')
    writeFileSync(codes, `${'A'.repeat(22)}\n`)
    const refused = await run('honey', 'plant', '--count', '3', '--invitations', codes)
    expect(refused.code).not.toBe(0)
    expect(refused.out).toMatch(/NOT DONE, number 4: .*\(INVITATION_UNKNOWN\)/)
    expect(refused.out).toContain('NOT DONE: 1 of 3 have no invitation')
    expect(refused.out).toContain('2 honey participants')
    const state = readFileSync(`${dir.root}.honey/people.json`, 'utf8')
    expect(JSON.parse(state).people).toHaveLength(2)
  })
})

/** At once: within a step of the cycle nothing else may happen. */
function plant(): unknown {
  const all = ['--no-warnings', ENTRY, 'honey', 'plant', '--count', '2', '--json', '--data', dir.root]
  return JSON.parse(spawnSync(process.execPath, all, { encoding: 'utf8' }).stdout)
}

async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const running = spawn(process.execPath, ['--no-warnings', ENTRY, ...args, '--data', dir.root])
  let [out, err] = ['', '']
  running.stdout.on('data', (chunk) => (out += chunk))
  running.stderr.on('data', (chunk) => (err += chunk))
  const code = await new Promise<number | null>((resolve) => running.on('close', resolve))
  return { code, out, err }
}
