/**
 * Ending a grant, and killing vault and keeper in the middle of one: within a second nobody opens with it, nothing is lost, and
 * nothing opens twice.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { builderBoxPublicKey } from '@fairtrace/server/builder/box-key'
import { startBuilder } from '@fairtrace/server/builder/role'
import {
  type ApprovedGrant,
  activateGrant,
  aDevice,
  aGrant,
  approved,
  type RoleProcess,
  randomId,
  startRoleProcess,
  TEST_SEEDS,
  waitFor,
} from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { grantHash, type KeeperGround, startKeeperGround } from './keeper-ground.ts'

const SECOND_MS = 1_000

describe('a grant that is ended early', () => {
  let k: KeeperGround
  beforeAll(async () => {
    k = await startKeeperGround(8, 2)
  })
  afterAll(() => k.stop())

  const sql = () => k.ground.sql
  const end = async ({ grant }: ApprovedGrant) => {
    await sql().query('insert into vault.grant_ends (grant_hash) values ($1)', [grantHash(grant)])
    await sql().query(`select pg_notify('fairtrace_grants', $1)`, [grantHash(grant)])
  }
  const ask = async (request: ApprovedGrant) => {
    const id = randomId()
    await sql().query('insert into vault.openings (id, request) values ($1, $2)', [id, JSON.stringify(request)])
    await sql().query(`select pg_notify('fairtrace_openings', $1)`, [id])
    return id
  }
  const answerOf = (id: string) =>
    waitFor(async () => {
      const { rows } = await sql().query(`select * from vault.openings where id = $1 and state <> 'requested'`, [id])
      return rows[0] ?? null
    })

  it('opens nothing in vault, keeper and builder a second later, and stops a builder at work', async () => {
    const name = 'spring'
    const grant = k.grant({
      recipientKey: builderBoxPublicKey(TEST_SEEDS.builder),
      scope: { kind: 'recordings', releaseName: name },
    })
    const request = approved(grant)
    expect(await activateGrant(sql(), request)).toMatchObject({ state: 'active' })
    expect(await answerOf(await ask(request))).toMatchObject({ state: 'opened' })
    const context = { log: pino({ level: 'silent' }), clock: k.clock, addresses: {} }
    const secrets = { signingSeed: TEST_SEEDS.builder }
    // Held at its last step, with every key in its memory, until the grant was ended.
    await sql().query(`create function ledger.hold() returns trigger language plpgsql security definer as $$
      begin if new.entry like '{"type":"release%' then perform pg_sleep(3); end if; return new; end $$`)
    await sql().query('create trigger hold before insert on ledger.inbox for each row execute function ledger.hold()')
    const builder = await startBuilder({ ...k.ground.contextOf('builder'), secrets, ...context })
    const job = randomId()
    await sql().query('insert into release.jobs (id, request) values ($1, $2)', [
      job,
      JSON.stringify({ name, seed: '1', ...request }),
    ])
    await sql().query('notify fairtrace_jobs')
    await waitFor(async () => ((await sql().query('select 1 from vault.openings')).rowCount === 2 ? true : null))
    const endedAt = performance.now()
    await end(request)
    const refused = await answerOf(await ask(request))
    expect(refused).toMatchObject({ state: 'refused', code: 'GRANT_INVALID', answer: null })
    await waitFor(async () =>
      (await sql().query('select 1 from vault.grant_ends where is_told')).rowCount === 1 ? true : null,
    )
    expect(performance.now() - endedAt).toBeLessThan(SECOND_MS)
    const failed = await waitFor(async () => {
      const { rows } = await sql().query('select state, code from release.jobs where id = $1', [job])
      return rows[0]?.state === 'failed' || rows[0]?.state === 'done' ? rows[0] : null
    })
    expect(failed).toEqual({ state: 'failed', code: 'GRANT_INVALID' })
    await builder.stop()
    // Ended for good: a row that says otherwise changes nothing, because the keeper remembers.
    await sql().query(`update vault.activations set state = 'active'`)
    await sql().query('delete from vault.grant_ends')
    await k.stopVault()
    await k.startVault()
    expect(await answerOf(await ask(request))).toMatchObject({ state: 'refused', code: 'GRANT_INVALID', answer: null })
  })

  it('outlives kill -9 of the vault at any moment of an activation and an opening, and opens once', async () => {
    await k.stopVault()
    const recipientKey = k.recipient.publicKeyRaw.toString('base64url')
    const request = approved(aGrant(k.ground.charter, { recipientKey, requestedAtMs: k.clock.nowMs() }))
    const hash = grantHash(request.grant)
    await sql().query('insert into vault.activations (grant_hash, request) values ($1, $2)', [
      hash,
      JSON.stringify(request),
    ])
    for (const afterMs of [400, 700, 1_000]) await livesFor(afterMs)
    const id = await ask(request)
    for (const afterMs of [500, 800]) await livesFor(afterMs)
    await k.startVault()
    const state = async () =>
      (await sql().query('select state, activation from vault.activations where grant_hash = $1', [hash])).rows[0]
    const active = await waitFor(async () => ((await state())?.state === 'active' ? await state() : null))
    // Cut short before it was active, the opening was refused; asked again it opens.
    const answered = await answerOf(id)
    const opened = answered.state === 'opened' ? answered : await answerOf(await ask(request))
    expect(opened).toMatchObject({ state: 'opened' })
    // However often it was tried, the keeper gave the grant its time once.
    const remembered = k.ground.keeper.keeper.state()
    expect(remembered.epoch).toBe(0)
    expect(active.activation.endsAtMs - active.activation.activeFromMs).toBe(request.grant.lengthMs)
  })

  it('keeps people waiting for their keys while the keeper is away, and what they send in the inbox', async () => {
    const person = aDevice()
    await k.ground.keeper.stop()
    await sql().query('insert into vault.key_requests (pseudonym) values ($1)', [person.pseudonym])
    await sql().query('notify fairtrace_key_requests')
    const { aBatch } = await import('@fairtrace/testing/harness')
    const vaultKey = await k.ground.vaultKey()
    const batch = aBatch({ charter: k.ground.charter, vaultKey, device: person, sequence: 0, atMs: Date.now() })
    await sql().query('insert into inbox.batches (id, vault_key_id, sealed) values ($1, $2, $3)', [
      batch.id,
      vaultKey.keyId,
      batch.bytes,
    ])
    await sql().query('notify fairtrace_inbox')
    await sleep(2_000)
    expect((await sql().query('select 1 from inbox.batches')).rowCount).toBe(1)
    expect((await sql().query('select 1 from vault.quarantine')).rowCount).toBe(0)
    await k.ground.keeper.restart()
    await waitFor(async () => ((await sql().query('select 1 from inbox.batches')).rowCount === 0 ? true : null))
    expect((await sql().query('select 1 from vault.chunks where batch_id = $1', [batch.id])).rowCount).toBe(1)
  })

  it('tells the keeper of an erasure until it has heard, and says so until then', async () => {
    const [person] = k.people
    await k.ground.keeper.stop()
    await sql().query('insert into vault.erasure_requests values ($1, 2)', [person?.pseudonym])
    await sql().query('notify fairtrace_key_requests')
    await waitFor(async () => {
      const { rowCount } = await sql().query('select 1 from vault.keeper_erasures where pseudonym = $1', [
        person?.pseudonym,
      ])
      return rowCount === 1 ? true : null
    })
    expect(
      (await sql().query('select 1 from vault.participant_keys where pseudonym = $1', [person?.pseudonym])).rowCount,
    ).toBe(0)
    await k.ground.keeper.restart()
    await waitFor(async () => ((await sql().query('select 1 from vault.keeper_erasures')).rowCount === 0 ? true : null))
    const erased = await k.line.call<'which-erased'>({
      call: 'which-erased',
      people: [{ pseudonym: person?.pseudonym ?? '', generation: 1 }],
    })
    expect(erased.result.people).toHaveLength(1)
  })

  async function livesFor(ms: number): Promise<void> {
    const child: RoleProcess = await startRoleProcess(k.ground.contextOf('vault'))
    await sleep(ms)
    await child.kill()
  }
})
