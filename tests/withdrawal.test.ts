/** A withdrawal, from the person's request to what lies in the vault: portal, vault and ledger on a real database. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startPortal } from '@fairtrace/server/api/role'
import { ConsentStore } from '@fairtrace/server/consent/store'
import { startLedger } from '@fairtrace/server/ledger/role'
import type { RunningRole } from '@fairtrace/server/runtime/role'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { generateX25519 } from '@fairtrace/server/vault/hpke'
import type { OpenedKey } from '@fairtrace/server/vault/opening'
import { startVault } from '@fairtrace/server/vault/role'
import {
  aBatch,
  activateGrant,
  aDevice,
  aGrant,
  approved,
  type BatchSettings,
  randomId,
  startTestGround,
  type TestBatch,
  type TestGround,
  type TestVaultKey,
  waitFor,
} from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const DAY_MS = 86_400_000
const log = pino({ level: 'silent' })

interface TestPerson {
  readonly session: string
  readonly pseudonym: string
}

describe('a withdrawal', () => {
  let ground: TestGround
  let portalDatabase: OpenDatabase
  let portalUrl: string
  let vaultKey: TestVaultKey
  const roles: RunningRole[] = []
  let vault: RunningRole
  let offsetMs = 0
  const clock = { nowMs: () => Date.now() + offsetMs }
  let sequence = 0

  beforeAll(async () => {
    ground = await startTestGround({ clock })
    roles.push(await startLedger({ ...ground.contextOf('ledger'), log, clock, addresses: {} }))
    vault = await startTestVault()
    const context = ground.contextOf('portal')
    const portal = await startPortal({ ...context, log, clock, addresses: {} })
    roles.push(portal)
    portalUrl = portal.address
    portalDatabase = openDatabase(ground.database.url('portal'), 2)
    vaultKey = await ground.vaultKey()
  })
  afterAll(async () => {
    await vault?.stop()
    for (const role of roles.toReversed()) await role.stop()
    await portalDatabase?.close()
    await ground?.stop()
  })

  const startTestVault = () => startVault({ ...ground.contextOf('vault'), log, clock, addresses: {} })
  const call = async (path: string, body: unknown, session?: string): Promise<Record<string, unknown>> => {
    const response = await fetch(`${portalUrl}${path}`, {
      method: body === null ? 'GET' : 'POST',
      headers: {
        ...(body === null ? {} : { 'content-type': 'application/json' }),
        ...(session === undefined ? {} : { authorization: `Bearer ${session}` }),
      },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as Record<string, unknown>
    if (!response.ok) throw new RangeError(JSON.stringify(answer))
    return answer
  }
  const sayYes = ({ session }: TestPerson) =>
    call('/api/consent', { noticeVersion: 1, categories: ['pointer', 'keyboard'], apps: ['desktop:orders'] }, session)
  const withdraw = ({ session }: TestPerson) => call('/api/consent/withdraw', {}, session)
  const generations = async ({ pseudonym }: TestPerson): Promise<number[]> =>
    (
      await ground.sql.query('select generation from vault.participant_keys where pseudonym = $1 order by 1', [
        pseudonym,
      ])
    ).rows.map(({ generation }) => generation)
  const untilKeyed = (person: TestPerson) => waitFor(async () => ((await generations(person)).length > 0 ? true : null))

  /** People who have joined, waited, said yes, and whose keys are there. */
  async function participants(count: number): Promise<TestPerson[]> {
    const codes = await new ConsentStore(portalDatabase).createInvitations(count)
    const people: TestPerson[] = []
    for (const code of codes) {
      const { session, pseudonym } = await call('/api/join', { code })
      people.push({ session: String(session), pseudonym: String(pseudonym) })
    }
    offsetMs += 15 * DAY_MS
    for (const person of people) await sayYes(person)
    for (const person of people) await untilKeyed(person)
    // The clock went on, and with it the vault's key of the day.
    vaultKey = await waitFor(async () => {
      const { rows } = await ground.sql.query(
        'select key_id, public_key from vault.day_keys where opens_at_ms <= $1 and closes_at_ms > $1 and not destroyed',
        [clock.nowMs()],
      )
      return rows[0] === undefined ? null : { keyId: rows[0].key_id, publicKey: rows[0].public_key }
    })
    // Published a moment before the vault's threads have it; a real batch comes a review period later.
    await sleep(500)
    return people
  }

  /** A batch of this person's, as their device would send it; resolves when the vault has stored or refused it. */
  async function send(person: TestPerson, settings: Partial<BatchSettings> = {}): Promise<TestBatch> {
    const device = aDevice(person.pseudonym)
    const actions = [
      { kind: 'switch', app: 'desktop:orders' },
      { kind: 'press', key: 'enter' },
    ]
    const atMs = clock.nowMs()
    const batch = aBatch({
      charter: ground.charter,
      vaultKey,
      device,
      sequence: sequence++,
      atMs,
      actions,
      ...settings,
    })
    await ground.sql.query('insert into inbox.batches (id, vault_key_id, sealed) values ($1, $2, $3)', [
      batch.id,
      vaultKey.keyId,
      batch.bytes,
    ])
    await ground.sql.query('notify fairtrace_inbox')
    await waitFor(async () => ((await ground.sql.query('select from inbox.batches')).rowCount === 0 ? true : null))
    return batch
  }
  const isStored = async ({ id }: TestBatch) =>
    (await ground.sql.query('select from vault.chunks where batch_id = $1', [id])).rowCount === 1
  const chunksOf = async ({ pseudonym }: TestPerson) =>
    (await ground.sql.query('select from vault.chunks where pseudonym = $1', [pseudonym])).rowCount
  /** Rows of what nothing opens any more go in their own time. */
  const untilNothingIndexed = (person: TestPerson) =>
    waitFor(async () => ((await chunksOf(person)) === 0 ? true : null))
  /** Once the day's own entries are written. */
  async function ledgerTypesAtRest(): Promise<readonly string[]> {
    for (let types = await ledgerTypes(); ; ) {
      await sleep(3_000)
      const now = await ledgerTypes()
      if (now.length === types.length) return now
      types = now
    }
  }
  const quarantineCode = async ({ id }: TestBatch) =>
    (await ground.sql.query('select code from vault.quarantine where batch_id = $1', [id])).rows[0]?.code ?? null

  /** Content key ids that a grant with both approvals opens now; the opening's id beside them. */
  async function openAll(): Promise<{ id: string; contentKeys: string[] }> {
    const recipientKey = generateX25519().publicKeyRaw.toString('base64url')
    const request = approved(aGrant(ground.charter, { recipientKey, requestedAtMs: clock.nowMs() }))
    expect(await activateGrant(ground.sql, request)).toEqual({ state: 'active', code: null })
    const id = randomId()
    await ground.sql.query('insert into vault.openings (id, request) values ($1, $2)', [id, JSON.stringify(request)])
    await ground.sql.query('select pg_notify($1, $2)', ['fairtrace_openings', id])
    return { id, contentKeys: await waitFor(() => openedKeys(id)) }
  }
  async function openedKeys(id: string): Promise<string[] | null> {
    const { rows } = await ground.sql.query('select state, answer from vault.openings where id = $1', [id])
    return rows[0]?.state === 'opened' ? rows[0].answer.keys.map((key: OpenedKey) => key.contentKeyId) : null
  }
  const contentKeysOf = async ({ pseudonym }: TestPerson): Promise<string[]> =>
    (await ground.sql.query('select id from vault.content_keys where pseudonym = $1', [pseudonym])).rows.map(
      ({ id }) => id,
    )
  const ledgerTypes = async (): Promise<string[]> =>
    (await ground.sql.query('select entry from ledger.entries order by idx')).rows.map(
      ({ entry }) => JSON.parse(entry).type,
    )

  it('destroys the keys to what is stored within a minute, also in answers that were given before', async () => {
    const [leaving, staying] = await participants(2)
    if (leaving === undefined || staying === undefined) throw new RangeError('nobody joined')
    await send(leaving)
    await send(staying)
    const [theirs] = await contentKeysOf(leaving)
    const [others] = await contentKeysOf(staying)
    const before = await openAll()
    expect(before.contentKeys).toEqual(expect.arrayContaining([theirs, others]))

    const startedAt = performance.now()
    await withdraw(leaving)
    await waitFor(async () => ((await call('/api/consent', null, leaving.session)).isErasing === false ? true : null))
    expect(performance.now() - startedAt).toBeLessThan(60_000)

    for (const table of ['participant_keys', 'key_requests', 'erasure_requests']) {
      const { rowCount } = await ground.sql.query(`select from vault.${table} where pseudonym = $1`, [
        leaving.pseudonym,
      ])
      expect([table, rowCount]).toEqual([table, 0])
    }
    expect(await openedKeys(before.id)).toEqual(before.contentKeys.filter((id) => id !== theirs))
    await untilNothingIndexed(leaving)
    const after = await openAll()
    expect(after.contentKeys).toContain(others)
    expect(after.contentKeys).not.toContain(theirs)
  })

  it('refuses what arrives later, also after another yes, and begins a new generation with that', async () => {
    const [person] = await participants(1)
    if (person === undefined) throw new RangeError('nobody joined')
    expect(await isStored(await send(person))).toBe(true)
    expect(await generations(person)).toEqual([1])
    await withdraw(person)
    await waitFor(async () => ((await generations(person)).length === 0 ? true : null))
    expect(await quarantineCode(await send(person))).toBe('KEY_UNAVAILABLE')

    await sayYes(person)
    await untilKeyed(person)
    expect(await generations(person)).toEqual([3])
    const old = await send(person, { lease: { consentVersion: 1 } })
    expect([await isStored(old), await quarantineCode(old)]).toEqual([false, 'CONSENT_REQUIRED'])
    expect(await isStored(await send(person, { lease: { consentVersion: 3 } }))).toBe(true)
    await waitFor(async () => ((await chunksOf(person)) === 1 ? true : null))
  })

  it('reaches what is stored also when the vault was away, and when it was cut short before the end', async () => {
    const [person] = await participants(1)
    if (person === undefined) throw new RangeError('nobody joined')
    await send(person)
    await vault.stop()
    await withdraw(person)
    expect((await call('/api/consent', null, person.session)).isErasing).toBe(true)
    vault = await startTestVault()
    const isDone = async () => (await call('/api/consent', null, person.session)).isErasing === false
    const isGone = () =>
      waitFor(async () => ((await isDone()) && (await generations(person)).length === 0 ? true : null))
    await isGone()
    // As a crash between the keystore and the database leaves it: the request stands, and part of the rows.
    await ground.sql.query("insert into vault.participant_keys values ($1, 1, $2, $2, '')", [
      person.pseudonym,
      Buffer.alloc(32),
    ])
    await ground.sql.query('insert into vault.erasure_requests values ($1, 2)', [person.pseudonym])
    await isGone()
    await untilNothingIndexed(person)
  })

  it('leaves exactly the key of the last yes, however fast yes and no follow each other', async () => {
    const people = await participants(4)
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        people.map(async (person) => {
          await withdraw(person)
          await sayYes(person)
        }),
      )
    }
    const [last] = people
    if (last === undefined) throw new RangeError('nobody joined')
    await withdraw(last)
    const expected = people.map((person) => (person === last ? [] : [7]))
    await waitFor(async () => {
      const found = await Promise.all(people.map(generations))
      const { rowCount } = await ground.sql.query(
        'select from vault.erasure_requests union all select from vault.key_requests',
      )
      return JSON.stringify(found) === JSON.stringify(expected) && rowCount === 0 ? true : null
    })
  })

  it('says nothing in the ledger at its hour, and the same each day whether anybody withdrew or not', async () => {
    const [person] = await participants(1)
    if (person === undefined) throw new RangeError('nobody joined')
    const reportsOf = (types: readonly string[]) => types.filter((type) => type === 'erasure.report').length
    // The days until here are reported first.
    await waitFor(async () => (reportsOf(await ledgerTypes()) > 0 ? true : null))
    const before = await ledgerTypesAtRest()
    await withdraw(person)
    await waitFor(async () => ((await generations(person)).length === 0 ? true : null))
    expect(await ledgerTypes()).toEqual(before)
    for (const reports of [1, 2]) {
      offsetMs += DAY_MS
      await waitFor(async () => (reportsOf(await ledgerTypes()) === reportsOf(before) + reports ? true : null))
    }
    const { rows } = await ground.sql.query('select entry from ledger.entries')
    expect(JSON.stringify(rows)).not.toContain(person.pseudonym)
  })
})
