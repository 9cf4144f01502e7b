/** People withdraw in the last moment of a release: after everything was read, while the ledger is told of it. */
import type { ReleaseManifest } from '@fairtrace/core'
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
  randomId,
  startTestGround,
  TEST_SEEDS,
  type TestGround,
  waitFor,
} from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fillVault } from './release-ground.ts'

const log = pino({ level: 'silent' })
const clock = { nowMs: () => Date.now() }

describe('a release during which people withdraw', () => {
  let ground: TestGround
  const roles: RunningRole[] = []
  const people = Array.from({ length: 13 }, () => aDevice())
  /** As many as two releases must differ by. */
  const leaving = people.slice(0, 5)

  beforeAll(async () => {
    ground = await startTestGround()
    const context = { log, clock, addresses: {} }
    roles.push(await startLedger({ ...ground.contextOf('ledger'), ...context }))
    roles.push(await startVault({ ...ground.contextOf('vault'), ...context }))
    await fillVault(ground, people, 2)
    const secrets = { signingSeed: TEST_SEEDS.builder }
    roles.push(await startBuilder({ ...ground.contextOf('builder'), secrets, ...context }))
  })
  afterAll(async () => {
    for (const role of roles.toReversed()) await role.stop()
    await ground?.stop()
  })

  /** Builds a release and returns what its manifest says. */
  async function release(name: string): Promise<ReleaseManifest> {
    const recipientKey = builderBoxPublicKey(TEST_SEEDS.builder)
    const grant = approved(aGrant(ground.charter, { recipientKey, scope: { kind: 'recordings', releaseName: name } }))
    await activateGrant(ground.sql, grant)
    const request = JSON.stringify({ name, seed: '1', ...grant })
    await ground.sql.query('insert into release.jobs (id, request) values ($1, $2)', [randomId(), request])
    await ground.sql.query('notify fairtrace_jobs')
    return await waitFor(async () => {
      const { rows } = await ground.sql.query('select manifest from release.releases where name = $1', [name])
      return rows[0]?.manifest ?? null
    })
  }

  it('is made again without them, and published without a word about it', async () => {
    const whole = await release('whole')
    // The portal's request and the vault's answer, at the moment when the entry of the release reaches the ledger.
    await ground.sql.query('create table ledger.withdrawn (done boolean)')
    await ground.sql.query(`create function ledger.withdraw() returns trigger language plpgsql security definer as $$
      begin
        if new.entry like '{"type":"release.published%' then
          insert into vault.erasure_requests values ${leaving.map(({ pseudonym }) => `('${pseudonym}', 2)`).join(', ')} on conflict do nothing;
          insert into ledger.withdrawn values (true);
          perform pg_notify('fairtrace_key_requests', '');
        end if;
        return new;
      end $$`)
    await ground.sql.query(
      'create trigger withdraw after insert on ledger.inbox for each row execute function ledger.withdraw()',
    )
    // The checkpoint waits until the erasure is done, as it may.
    await ground.sql.query(`create function ledger.wait() returns trigger language plpgsql security definer as $$
      begin
        while exists (select from ledger.withdrawn)
          and exists (select from vault.chunks where pseudonym in (${leaving.map(({ pseudonym }) => `'${pseudonym}'`).join(', ')}))
        loop
          perform pg_sleep(0.1);
        end loop;
        return new;
      end $$`)
    await ground.sql.query(
      'create trigger wait before insert on ledger.checkpoints for each row execute function ledger.wait()',
    )
    await ground.sql.query('update release.releases set created_at_ms = created_at_ms - 86400000')
    const without = await release('without')
    expect(without.counts.actions).toBeLessThan(Number(whole.counts.actions))
    const gone = leaving.map(({ pseudonym }) => pseudonym)
    const { rowCount } = await ground.sql.query('select from vault.chunks where pseudonym = any($1)', [gone])
    expect(rowCount).toBe(0)
    // What the builder knew of them in the earlier release went with them.
    const members = await ground.sql.query('select count(distinct person)::int as n from release.members')
    expect(members.rows[0].n).toBe(people.length - leaving.length)
    const { rows } = await ground.sql.query(`select state, code, message from release.jobs`)
    expect(rows).toEqual([1, 2].map(() => ({ state: 'done', code: null, message: null })))
  })
})
