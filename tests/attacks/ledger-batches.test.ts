/** What the whole world learns of decisions by watching the ledger grow: nothing. And what the person concerned can show: everything. */
import { createHash } from 'node:crypto'
import { ledgerOrigin } from '@fairtrace/core'
import { DECISION_ENTRY, DECISIONS_EVERY_MS, DECISIONS_PER_BATCH } from '@fairtrace/server/consent/decision-batches'
import { appendToLedger } from '@fairtrace/server/ledger/append'
import { openDatabase } from '@fairtrace/server/store/database'
import { noteAccess } from '@fairtrace/server/vault/access-notices'
import { CHARTER_YAML, TEST_PUBLIC_KEYS, waitFor } from '@fairtrace/testing/harness'
import { trustLog, verifyOpening } from '@fairtrace/verify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DAY_MS, OWNER, Person, type PortalGround, startPortalGround, startProgramme } from '../portal-ground.ts'

const TRUST = trustLog(TEST_PUBLIC_KEYS.ledger, ledgerOrigin('test-programme'))

describe('decisions in the ledger', () => {
  let ground: PortalGround
  let owner: string
  const people: Person[] = []

  beforeAll(async () => {
    expect(CHARTER_YAML).toContain('reflection: 14 days')
    ground = await startPortalGround()
    owner = await ground.signIn(OWNER.name, OWNER.password)
    await startProgramme(ground, owner)
    for (let i = 0; i < 42; i++) people.push(await Person.join(ground, owner))
    // The portal has looked once, so that the count has begun.
    await waitFor(async () => (await ground.sql.query('select from consent.decision_batches')).rowCount || null)
    ground.moveClock(15 * DAY_MS)
    await nextTime()
  })
  afterAll(() => ground?.stop())

  const sizeOf = async () => Number(String((await ground.call('/ledger/checkpoint')).body.text).split('\n')[1])
  const person = (i: number): Person => {
    const found = people[i]
    if (found === undefined) throw new RangeError(`no person ${i}`)
    return found
  }

  /** Lets the clock come to the next of the fixed times. @returns by how much the log grew, and the entries that came */
  async function nextTime(times = 1): Promise<{ readonly growth: number; readonly entries: readonly string[] }> {
    const before = await sizeOf()
    ground.moveClock(times * DECISIONS_EVERY_MS)
    await waitFor(async () => ((await sizeOf()) > before ? true : null))
    const { rows } = await ground.sql.query('select entry from ledger.entries where idx >= $1 order by idx', [before])
    return { growth: (await sizeOf()) - before, entries: rows.map(({ entry }) => entry) }
  }

  it('makes the log grow by the same whether nobody, one or forty people decided', async () => {
    const seen = [await nextTime()]
    await person(0).consent()
    seen.push(await nextTime())
    for (let i = 1; i <= 40; i++) await person(i).consent()
    seen.push(await nextTime())
    for (let i = 1; i <= 20; i++) await person(i).withdraw()
    seen.push(await nextTime())
    for (const { growth, entries } of seen) {
      expect(growth).toBe(DECISIONS_PER_BATCH)
      // Real or not, each is the same type with a commitment of the same length, and none comes twice.
      expect(new Set(entries).size).toBe(DECISIONS_PER_BATCH)
      for (const entry of entries) expect(entry).toMatch(/^\{"type":"consent\.decision","commitment":"[\w-]{43}"\}$/)
    }
  })

  it('enters nothing between those times, whatever is decided', async () => {
    const before = await sizeOf()
    await person(21).withdraw()
    await person(22).post('/api/consent/pause', {})
    await new Promise((resolve) => setTimeout(resolve, 4_500))
    expect(await sizeOf()).toBe(before)
  })

  it('gives the person opening and proof, of an erasure too, and nobody else', async () => {
    // As the vault does once the keys are destroyed.
    await ground.sql.query('delete from vault.erasure_requests where pseudonym = $1', [person(21).pseudonym])
    await nextTime()
    const { body } = await person(21).get('/api/me/decisions')
    const decisions = body.decisions as { version: number; kind: string; index: number }[]
    expect(decisions.map(({ version, kind }) => [version, kind])).toEqual([
      [1, 'decision'],
      [2, 'decision'],
      [2, 'erasure'],
    ])
    const proofs = await Promise.all(
      decisions.map(({ kind, version }) => person(21).get(`/api/me/decisions/${kind}/${version}/proof`)),
    )
    const opened = proofs.map((proof) => verifyOpening(String(proof.body.text), TRUST))
    expect(opened.map((each) => [each?.index, (each?.detail as { state: string } | undefined)?.state])).toEqual([
      [decisions[0]?.index, 'given'],
      [decisions[1]?.index, 'withdrawn'],
      [decisions[2]?.index, 'erased'],
    ])
    const history = (await person(21).get('/api/consent')).body.history as { receipt: string }[]
    const receipt = createHash('sha256')
      .update(history[1]?.receipt ?? '')
      .digest('base64url')
    expect(opened[1]?.detail).toMatchObject({ receipt, pseudonym: person(21).pseudonym, version: 2 })
    expect(opened[0]?.type).toBe(DECISION_ENTRY)
    expect((await person(41).get('/api/me/decisions')).body).toEqual({ decisions: [] })
    expect((await person(41).get('/api/me/decisions/decision/1/proof')).code).toBe('NOT_FOUND')
    expect((await ground.call('/api/me/decisions')).code).toBe('SESSION_REQUIRED')
    expect((await ground.call('/api/me/decisions', { token: owner })).status).toBeGreaterThanOrEqual(400)
  })

  it('lets what is too much wait, and grows no faster for it', async () => {
    // As if everybody had changed their choices again and again: more than a batch holds.
    await ground.sql.query(
      `insert into consent.events (pseudonym, version, at_ms, event)
       select pseudonym, 1_000 + n, at_ms + n, event from consent.events, generate_series(1, 10) n
       where event ->> 'kind' = 'given' and version = 1`,
    )
    const growths: number[] = []
    for (let i = 0; i < 3; i++) growths.push((await nextTime()).growth)
    expect(growths).toEqual([DECISIONS_PER_BATCH, DECISIONS_PER_BATCH, DECISIONS_PER_BATCH])
    const { rows } = await ground.sql.query(
      `select count(*)::int as waiting from consent.events e where e.version > 1000
       and not exists (select from consent.logged_decisions l where l.pseudonym = e.pseudonym and l.version = e.version)`,
    )
    expect(rows).toEqual([{ waiting: 0 }])
  })

  it('enters one batch after a long silence, and one batch with several portals', async () => {
    await ground.another({})
    expect((await nextTime(9)).growth).toBe(DECISIONS_PER_BATCH)
  })
})

describe('accesses to my data', () => {
  let ground: PortalGround
  let mine: Person
  let other: Person
  let index: number

  beforeAll(async () => {
    ground = await startPortalGround()
    const owner = await ground.signIn(OWNER.name, OWNER.password)
    await startProgramme(ground, owner)
    mine = await Person.join(ground, owner)
    other = await Person.join(ground, owner)
    const vault = openDatabase(ground.databaseUrl('vault'), 2)
    const grant = {
      id: 'A'.repeat(22),
      programme: 'test-programme',
      epoch: 0,
      charter: 'A'.repeat(43),
      requester: { name: 'Rita Researcher', group: 'agent-training' },
      purpose: 'dpv:ResearchAndDevelopment',
      reason: 'Build the first release.',
      scope: { kind: 'recordings', releaseName: 'first' },
      recipientKey: 'A'.repeat(43),
      requestedAtMs: 1,
      approveByMs: 2,
      lengthMs: 3,
    }
    const detail = { opening: 'o1', grant, approvers: ['Dana Weiss', 'Robin Okafor'], slices: [], contentKeys: 3 }
    const logged = await appendToLedger(vault, 'grant.opened', detail, { waitForCheckpoint: true })
    index = logged.index
    const pseudonyms = [mine.pseudonym, mine.pseudonym, 'somebody-else']
    await noteAccess(vault, { ...logged, type: 'grant.opened', detail, pseudonyms })
    await vault.close()
  })
  afterAll(() => ground?.stop())

  it('are told to the person concerned, with who, why, by whose approval, and a proof that says all of it', async () => {
    const { body } = await mine.get('/api/me/accesses')
    expect(body.accesses).toMatchObject([
      {
        index,
        who: 'Rita Researcher',
        purpose: 'dpv:ResearchAndDevelopment',
        reason: 'Build the first release.',
        approvers: ['Dana Weiss', 'Robin Okafor'],
        what: { release: 'first', keys: 2 },
      },
    ])
    const { body: file, headers } = await mine.get(`/api/me/accesses/${index}/proof`)
    expect(headers.get('content-disposition')).toContain('.tlog-proof')
    const opened = verifyOpening(String(file.text), TRUST)
    expect(opened).toMatchObject({ index, type: 'grant.opened', detail: { approvers: ['Dana Weiss', 'Robin Okafor'] } })
    ground.portal.setReady(true)
    const { body: page } = await mine.get('/me')
    expect(String(page.text)).toContain(`href="/api/me/accesses/${index}/proof"`)
    expect(String((await other.get('/me')).body.text)).toContain('None of them concerned your recordings.')
    // Nobody else whom it concerned is named in it.
    expect(JSON.stringify(opened)).not.toContain('somebody-else')
  })

  it('are nobody else’s, and the portal can’t list whose they are', async () => {
    expect((await other.get('/api/me/accesses')).body).toEqual({ accesses: [] })
    expect((await other.get(`/api/me/accesses/${index}/proof`)).code).toBe('NOT_FOUND')
    expect((await ground.call('/api/me/accesses')).code).toBe('SESSION_REQUIRED')
    for (const path of [
      '/api/me/accesses/-1/proof',
      '/api/me/accesses/x/proof',
      `/api/me/accesses/${index + 1}/proof`,
    ]) {
      expect((await mine.get(path)).status).toBeGreaterThanOrEqual(400)
    }
    const portal = openDatabase(ground.databaseUrl('portal'), 1)
    for (const table of ['vault.access_notices', 'vault.access_details']) {
      await expect(portal.pool.query(`select * from ${table}`)).rejects.toMatchObject({ code: '42501' })
    }
    await portal.close()
  })
})
