import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { type Charter, charterHash, parseCharter } from '@fairtrace/core'
import { CHARTER_YAML, charterApproval, charterApprovals, TEST_SEEDS } from '@fairtrace/testing/harness'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type Answer,
  approveCharter,
  DAY_MS,
  OWNER,
  Person,
  type PortalGround,
  startPortalGround,
  startProgramme,
  type TestDevice,
} from './portal-ground.ts'

const MAIN = new URL('../apps/cli/src/main.ts', import.meta.url).pathname

async function fairtrace(...args: readonly string[]): Promise<string> {
  const argv = ['--disable-warning=ExperimentalWarning', MAIN, 'charter', ...args]
  return (await promisify(execFile)(process.execPath, argv)).stdout
}

/** Versions of the test charter rise from test to test: each begins from the one in force. */
let version = 1
const hashOf = (yaml: string) => charterHash(parseCharter(yaml, 'charter'))
const numbered = (yaml: string) => yaml.replace(/version: \d+\ntitle/, `version: ${++version}\ntitle`)

describe('a programme that has not started', () => {
  let ground: PortalGround
  let owner: string
  const move = (state: string) => ground.call('/api/programme/state', { token: owner, body: { state } })
  const propose = (yaml: string) => ground.call('/api/programme/charter', { token: owner, body: { yaml } })
  const sign = (body: unknown) => ground.call('/api/programme/charter/approvals', { body })

  beforeAll(async () => {
    ground = await startPortalGround()
    owner = await ground.signIn(OWNER.name, OWNER.password)
    await propose(CHARTER_YAML)
  })
  afterAll(() => ground?.stop())

  const charter = hashOf(CHARTER_YAML)
  const [dana, robin] = charterApprovals(charter)

  it('does not start without both approvals', async () => {
    expect(await move('approved')).toMatchObject({ status: 409, code: 'START_REFUSED' })
    await sign({ charter, ...dana })
    const refused = await move('approved')
    expect(refused).toMatchObject({ code: 'START_REFUSED' })
    expect(JSON.stringify(refused.body)).toContain('have not both signed')
  })

  it.each([
    ['a stranger', charterApproval(charter, 'Nobody', TEST_SEEDS.workerRepresentative)],
    ['another key', charterApproval(charter, 'Robin Okafor', TEST_SEEDS.dataProtection)],
    ['another charter', charterApproval('A'.repeat(43), 'Robin Okafor', TEST_SEEDS.workerRepresentative)],
  ])('takes no signature by or over %s', async (_what, approval) => {
    expect(await sign({ charter, ...approval })).toMatchObject({ status: 403, code: 'APPROVAL_INVALID' })
    expect(await move('approved')).toMatchObject({ code: 'START_REFUSED' })
  })

  it('takes none over a charter that waits for none', async () => {
    expect(await sign({ charter: 'A'.repeat(43), ...robin })).toMatchObject({ code: 'CHARTER_NOT_IN_FORCE' })
  })

  it('starts with both, and not again under another charter that nobody signed', async () => {
    await sign({ charter, ...robin })
    expect(await move('approved')).toMatchObject({ status: 200 })
    const wider = numbered(CHARTER_YAML).replace('k: 5', 'k: 4')
    expect((await propose(wider)).body).toMatchObject({ state: 'draft', charterHash: hashOf(wider) })
    expect(await move('running')).toMatchObject({ code: 'PROGRAMME_STATE_REFUSED' })
    expect(await move('approved')).toMatchObject({ code: 'START_REFUSED' })
    await approveCharter(ground, hashOf(wider))
    expect(await move('approved')).toMatchObject({ status: 200 })
  })

  it('does not start before its impact assessment', async () => {
    const early = numbered(CHARTER_YAML).replace('date: 2025-05-05', 'date: 2999-01-01')
    await propose(early)
    await approveCharter(ground, hashOf(early))
    const refused = await move('approved')
    expect(refused).toMatchObject({ code: 'START_REFUSED' })
    expect(JSON.stringify(refused.body)).toContain('impact assessment')
  })
})

describe('a charter that changes', () => {
  let ground: PortalGround
  let owner: string
  let person: Person
  let device: TestDevice
  let inForce = CHARTER_YAML

  const propose = (yaml: string) => ground.call('/api/programme/charter', { token: owner, body: { yaml } })
  const charterInForce = async () => (await ground.call('/api/programme')).body.charterHash
  const leaseOf = async (who: Person = person, on: TestDevice = device) =>
    JSON.parse(Buffer.from(String((await who.lease(on)).body.lease).split('.')[1] ?? '', 'base64url').toString())
  const charterNamed = async (hash: string) => (await ground.call(`/api/charters/${hash}`)).body.charter as Charter
  /** Proposed, signed by both, announced, and in force. */
  const widen = async (yaml: string) => {
    await propose(yaml)
    await approveCharter(ground, hashOf(yaml))
    ground.moveClock(14 * DAY_MS)
    await expect.poll(charterInForce, { timeout: 10_000 }).toBe(hashOf(yaml))
    inForce = yaml
  }
  const changesOf = (answer: Answer) => answer.body.changes as { hash: string; state: string; missing: unknown[] }[]

  beforeAll(async () => {
    version = 1
    ground = await startPortalGround()
    owner = await ground.signIn(OWNER.name, OWNER.password)
    await startProgramme(ground, owner)
  })
  afterAll(() => ground?.stop())
  beforeEach(async () => {
    person = await Person.join(ground, owner)
    device = await person.enrol()
    ground.moveClock(14 * DAY_MS)
    await person.consent()
  })

  it('waits for every signature and for the whole notice period if it widens', async () => {
    const wider = numbered(inForce).replace('recordings: 90 days', 'recordings: 120 days')
    const proposed = await propose(wider)
    expect(proposed.body).toMatchObject({
      charterHash: hashOf(inForce),
      change: {
        state: 'proposed',
        takesEffectAtMs: null,
        widenings: [{ field: 'retention.recordings', before: '90 days', after: '120 days' }],
        missing: [{ role: 'data-protection' }, { role: 'worker-representative' }],
      },
    })
    ground.moveClock(30 * DAY_MS)
    await approveCharter(ground, hashOf(wider))
    const [waiting] = changesOf(await ground.call('/api/programme/changes'))
    expect(waiting).toMatchObject({ hash: hashOf(wider), state: 'waiting', missing: [] })
    ground.moveClock(14 * DAY_MS - 60_000)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(await charterInForce()).toBe(hashOf(inForce))
    ground.moveClock(60_000)
    await expect.poll(charterInForce, { timeout: 10_000 }).toBe(hashOf(wider))
    expect(changesOf(await ground.call('/api/programme/changes'))).toEqual([])
    inForce = wider
  })

  it('holds nobody to a widening before they say yes to it, in their lease and for their device', async () => {
    const old = hashOf(inForce)
    await widen(
      numbered(inForce)
        .replace('keyboard, switches]', 'keyboard, switches]')
        .replace('releases: 365 days', 'releases: 400 days'),
    )
    const lease = await leaseOf()
    expect(lease.charter).toBe(old)
    expect((await charterNamed(lease.charter)).retention.releases).toBe(365 * DAY_MS)
    expect((await person.get('/api/consent')).body).toMatchObject({ state: 'given', current: true })
    expect((await person.consent()).status).toBe(200)
    expect((await leaseOf()).charter).toBe(hashOf(inForce))
  })

  it('narrows everybody at once, also those who agreed to more or to less elsewhere', async () => {
    const other = await Person.join(ground, owner)
    const otherDevice = await other.enrol()
    await widen(numbered(inForce).replace('segmentActionsMax: 12', 'segmentActionsMax: 20'))
    await other.consent()
    const narrowed = numbered(inForce).replace('    - { id: desktop:mail, title: Mail, labels: [Send, Reply] }\n', '')
    const answer = await propose(narrowed)
    expect(answer.body).toMatchObject({ charterHash: hashOf(narrowed), change: null, state: 'running' })
    inForce = narrowed
    const [mine, theirs] = [await leaseOf(), await leaseOf(other, otherDevice)]
    expect(theirs).toMatchObject({ charter: hashOf(narrowed), apps: ['desktop:orders'] })
    expect(mine.apps).toEqual(['desktop:orders'])
    expect(mine.charter).not.toBe(hashOf(narrowed))
    const terms = await charterNamed(mine.charter)
    expect(terms.release.segmentActionsMax).toBe(12)
    expect(terms.capture.apps.map(({ id }) => id)).toEqual(['desktop:orders', 'web:https://crm.example'])
    expect(charterHash(terms)).toBe(mine.charter)
  })

  it('may pause and run again after a narrowing without anybody’s signature', async () => {
    const narrowed = numbered(inForce).replace('k: 5', 'k: 6')
    await propose(narrowed)
    inForce = narrowed
    for (const state of ['paused', 'running']) {
      expect((await ground.call('/api/programme/state', { token: owner, body: { state } })).body).toMatchObject({
        state,
      })
    }
  })

  it('is void if a newer one came in force meanwhile', async () => {
    const wider = numbered(inForce).replace('k: 6', 'k: 5')
    await propose(wider)
    await approveCharter(ground, hashOf(wider))
    const narrowed = numbered(inForce).replace('k: 6', 'k: 7')
    await propose(narrowed)
    inForce = narrowed
    ground.moveClock(14 * DAY_MS)
    await expect
      .poll(async () => changesOf(await ground.call('/api/programme/changes')), { timeout: 10_000 })
      .toEqual([])
    expect(await charterInForce()).toBe(hashOf(narrowed))
  })

  it('takes one proposal at a time: a new one takes the place of the last', async () => {
    const first = numbered(inForce).replace('k: 7', 'k: 5')
    const second = numbered(inForce).replace('k: 7', 'k: 4')
    await propose(first)
    await propose(second)
    expect(changesOf(await ground.call('/api/programme/changes')).map(({ hash }) => hash)).toEqual([hashOf(second)])
    const approval = charterApprovals(hashOf(first))[0]
    const late = await ground.call('/api/programme/charter/approvals', {
      body: { charter: hashOf(first), ...approval },
    })
    expect(late).toMatchObject({ code: 'CHARTER_NOT_IN_FORCE' })
  })

  it('is planned, proposed and signed from the command line', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fairtrace-charter-'))
    const wider = numbered(inForce).replace('segmentsPerPersonMax: 200', 'segmentsPerPersonMax: 300')
    const written = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const file = written('next.yaml', wider)
    try {
      const planned = await fairtrace('plan', file, '--server', ground.url)
      expect(planned).toContain('release.segmentsPerPersonMax: 200 → 300')
      expect(planned).toMatch(/(?:fewer than|at least) \d+ participants; until they say yes, the old terms hold/)
      expect(await fairtrace('apply', file, '--server', ground.url, '--session', owner)).toContain(
        'waits for: data-protection, worker-representative',
      )
      const signed: string[] = []
      for (const [name, seed] of [
        ['Dana Weiss', TEST_SEEDS.dataProtection],
        ['Robin Okafor', TEST_SEEDS.workerRepresentative],
      ] as const) {
        const key = written('key.json', JSON.stringify({ name, seed }))
        signed.push(await fairtrace('sign', file, '--key', key, '--server', ground.url))
      }
      expect(signed[0]).toContain('waits for: worker-representative')
      expect(signed[1]).toContain('It takes effect at')
      ground.moveClock(14 * DAY_MS)
      await expect.poll(charterInForce, { timeout: 10_000 }).toBe(hashOf(wider))
      inForce = wider
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('lets a representative be replaced only with their own signature', async () => {
    const other = charterApproval('x', 'x', TEST_SEEDS.security)
    expect(other.signature).toHaveLength(86)
    const replaced = numbered(inForce)
      .replaceAll('Robin Okafor', 'Kim Ito')
      .replaceAll(/(Kim Ito, role: worker-representative, key: )[\w-]+/g, `$1${'B'.repeat(42)}A`)
    const { body } = await propose(replaced)
    const robin = { role: 'worker-representative', name: 'Robin Okafor' }
    expect(body.change).toMatchObject({ missing: expect.arrayContaining([robin]) })
    await approveCharter(ground, hashOf(replaced))
    const [waiting] = changesOf(await ground.call('/api/programme/changes'))
    expect(waiting).toMatchObject({ state: 'waiting', missing: [] })
  })

  it('is shown to everybody who signs in here, with what it widens', async () => {
    ground.portal.setReady(true)
    const page = String((await ground.call('/programme', { token: owner })).body.text)
    expect(page).toContain('A change is proposed')
    expect(page).toContain('approvers')
    expect(await ground.call(`/api/charters/${'A'.repeat(43)}`)).toMatchObject({ status: 404, code: 'NOT_FOUND' })
  })
})
