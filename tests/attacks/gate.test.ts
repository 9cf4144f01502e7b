/**
 * Attacks on the gate: by people of the quorum who are too few, by whoever replays what was signed, by the portal's own database role,
 * and by an insider with database superuser who writes that the programme runs. Refused, and nothing opened.
 */
import { randomBytes } from 'node:crypto'
import { type GateStatement, GRANT_APPROVED_ENTRY } from '@fairtrace/core'
import { drawGateStatement, openGate, reopenAfterDrill, signGate } from '@fairtrace/server/assurance/gate'
import { recordCause, sendNotices } from '@fairtrace/server/incident/incidents'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { lockProgramme } from '@fairtrace/server/runtime/lockdown'
import { readProgramme } from '@fairtrace/server/runtime/programme'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { charterApprovals, grantApprovals, TEST_SEEDS, waitFor } from '@fairtrace/testing/harness'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bringEvidence, CAUSE, gateSignature, QUORUM } from '../gate-ground.ts'
import { aKey, DAY_MS, OWNER, type PortalGround, startPortalGround, startProgramme } from '../portal-ground.ts'
import { type KeeperGround, startKeeperGround } from './keeper-ground.ts'

const ISSUER = signerFromSeed(TEST_SEEDS.issuer)

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'opened'
  } catch (error) {
    return String((error as { code?: unknown }).code)
  }
}

describe('the gate, attacked', () => {
  let ground: PortalGround
  let database: OpenDatabase
  let signed: { readonly hash: string; readonly statement: GateStatement }
  const programme = async () => {
    const found = await readProgramme(database, null)
    if (found === null) throw new RangeError('there is a programme')
    return found
  }
  const open = () => openGate(database, { by: 'test', reason: 'test', nowMs: ground.nowMs, issuer: ISSUER })
  const lock = () => lockProgramme(database, 'somebody pressed the button')
  const sign = async (hash: string, people: readonly (typeof QUORUM)[number][]) => {
    for (const member of people) await signGate(database, hash, gateSignature(hash, member))
  }
  /** All that the gate asks for but signatures. */
  const prepare = async () => {
    const id = await waitFor(async () => {
      const { rows } = await ground.sql.query('select id from incident.incidents where epoch = $1', [
        (await programme()).epoch,
      ])
      return (rows[0]?.id as string | undefined) ?? null
    })
    await recordCause(database, id, CAUSE, 'data-protection')
    await sendNotices(database, await programme(), id, 'Dana Weiss')
    await bringEvidence(ground.sql, ground.nowMs())
    signed = await drawGateStatement(database, ground.nowMs())
  }

  beforeAll(async () => {
    ground = await startPortalGround()
    database = openDatabase(ground.databaseUrl('portal'), 6)
    await startProgramme(ground, await ground.signIn(OWNER.name, OWNER.password))
  })
  afterAll(async () => {
    await database?.close()
    await ground?.stop()
  })
  beforeEach(async () => {
    if ((await programme()).state !== 'locked') await lock()
    await prepare()
  })

  it('stays closed with three signatures, whichever they are', async () => {
    for (const left of QUORUM) {
      signed = await drawGateStatement(database, ground.nowMs())
      await sign(
        signed.hash,
        QUORUM.filter((one) => one !== left),
      )
      expect(await codeOf(open())).toBe('START_REFUSED')
    }
  })

  it('takes no signature of one person under another’s name, and counts none twice', async () => {
    const [olga, dana] = QUORUM
    const asSam = { name: 'Sam Lindqvist', signer: dana.signer }
    expect(await codeOf(signGate(database, signed.hash, gateSignature(signed.hash, asSam)))).toBe('APPROVAL_INVALID')
    await sign(signed.hash, [olga, dana, dana, olga])
    // Nor do rows that somebody writes.
    const rows = ['Sam Lindqvist', 'Robin Okafor'].map((name) =>
      gateSignature(signed.hash, { name, signer: dana.signer }),
    )
    await ground.sql.query('update gate.statements set signatures = signatures || $1::jsonb where hash = $2', [
      ...[JSON.stringify(rows), signed.hash],
    ])
    expect(await codeOf(open())).toBe('START_REFUSED')
  })

  it('takes no signature over an older statement', async () => {
    await sign(signed.hash, QUORUM.slice(0, 3))
    const newer = await drawGateStatement(database, ground.nowMs())
    const [, , , robin] = QUORUM
    expect(await codeOf(signGate(database, signed.hash, gateSignature(signed.hash, robin)))).toBe('GATE_STATEMENT_VOID')
    expect(await codeOf(signGate(database, newer.hash, gateSignature(signed.hash, robin)))).toBe('APPROVAL_INVALID')
    expect(await codeOf(open())).toBe('START_REFUSED')
  })

  it('opens once: the same statement opens nothing after another lockdown', async () => {
    await sign(signed.hash, QUORUM)
    const before = await programme()
    expect((await open()).programme).toMatchObject({ state: 'running', epoch: before.epoch + 1 })
    await lock()
    const { hash } = signed
    await prepare()
    // Put back on top, as if nothing had been drawn up since.
    await ground.sql.query('update gate.statements set drawn_at_ms = drawn_at_ms + 1000000 where hash = $1', [hash])
    expect(await codeOf(open())).toBe('START_REFUSED')
    expect((await programme()).state).toBe('locked')
    await ground.sql.query('delete from gate.statements where hash = $1', [hash])
  })

  it('believes no row of evidence that the issuer did not sign', async () => {
    await ground.sql.query('delete from assurance.evidence')
    await bringEvidence(ground.sql, ground.nowMs(), {}, aKey())
    signed = await drawGateStatement(database, ground.nowMs())
    expect(signed.statement.evidence).toEqual([])
    await sign(signed.hash, QUORUM)
    expect(await codeOf(open())).toBe('START_REFUSED')
  })

  it('counts a drill of before the incident for nothing', async () => {
    await ground.sql.query('delete from assurance.evidence')
    await bringEvidence(ground.sql, ground.nowMs(), { epoch: (await programme()).epoch - 1 })
    signed = await drawGateStatement(database, ground.nowMs())
    await sign(signed.hash, QUORUM)
    expect(await codeOf(open())).toBe('START_REFUSED')
  })

  it('stays closed if evidence lapses between signing and opening', async () => {
    await sign(signed.hash, QUORUM)
    ground.moveClock(8 * DAY_MS)
    expect(await codeOf(open())).toBe('START_REFUSED')
  })

  it('stays closed if evidence lapses while the ledger is written', async () => {
    await sign(signed.hash, QUORUM)
    let looks = 0
    const nowMs = () => ground.nowMs() + (looks++ === 0 ? 0 : 8 * DAY_MS)
    expect(await codeOf(openGate(database, { by: 'test', reason: 'test', nowMs, issuer: ISSUER }))).toBe(
      'START_REFUSED',
    )
    expect((await programme()).state).toBe('locked')
  })

  it('has one outcome when somebody locks while it opens: locked', async () => {
    for (let i = 0; i < 5; i++) {
      await sign(signed.hash, QUORUM)
      const delays = [0, 20, 100, 300, 600]
      const racing = new Promise<void>((resolve) => setTimeout(resolve, delays[i])).then(lock)
      const [opened] = await Promise.all([codeOf(open()), racing])
      expect(['opened', 'START_REFUSED', 'PROGRAMME_STATE_REFUSED']).toContain(opened)
      expect((await programme()).state).toBe('locked')
      await prepare()
    }
  })

  describe('after a drill', () => {
    const drill = randomBytes(16).toString('base64url')
    const reopen = () => codeOf(reopenAfterDrill(database, drill, ISSUER))
    const lockedByDrill = async () => {
      await sign(signed.hash, QUORUM)
      await open()
      const { epoch } = await programme()
      await ground.sql.query(
        `insert into assurance.drills (id, drill, safeguard, started_by, expected, state_before, epoch_before, ledger_index, salt,
           registered_at_ms, ends_at_ms) values ($1, 'x', 'x', 'operator', '[]', 'running', $2, 0, '', 0, 0) on conflict do nothing`,
        [drill, epoch],
      )
      await lockProgramme(database, 'a drill', { drill })
      return epoch
    }

    it('goes back to running under a new epoch, if that drill alone locked it', async () => {
      const before = await lockedByDrill()
      expect(await codeOf(reopenAfterDrill(database, 'another-drill', ISSUER))).toBe('START_REFUSED')
      expect(await reopen()).toBe('opened')
      expect(await programme()).toMatchObject({ state: 'running', epoch: before + 2 })
    })

    it('stays locked if anything else locked it too, or is exposed', async () => {
      await lockedByDrill()
      await ground.sql.query(
        `insert into install.exposures (found_at_ms, kind, subject, detail) values (0, 'copy-found', 'bucket x', '{}')`,
      )
      expect(await reopen()).toBe('START_REFUSED')
      await ground.sql.query(`update install.exposures set state = 'closed'`)
      await lock()
      expect(await reopen()).toBe('START_REFUSED')
      // Nor if somebody takes the row of the other lockdown for ended.
      await ground.sql.query(
        `update install.lockdowns set ended = '{"body":"{}","signature":""}' where drill is null and ended is null`,
      )
      expect(await reopen()).toBe('START_REFUSED')
      expect((await programme()).state).toBe('locked')
    })
  })

  it('cannot be passed by the portal’s own database role', async () => {
    for (const change of [`state = 'running'`, `state = 'paused'`, 'epoch = epoch - 1']) {
      await expect(database.pool.query(`update install.programme set ${change}`)).rejects.toThrow(/only the gate/)
    }
    await expect(
      database.pool.query(`insert into gate.openings values (99, 0, 'quorum', 'x', '{}', '', 0)`),
    ).rejects.toThrow(/permission denied/)
  })
})

describe('an insider with database superuser', () => {
  let k: KeeperGround
  let portal: OpenDatabase
  const locked = async () => (await k.line.call<'state'>({ call: 'state' })).result.locked
  const activate = async () => {
    const grant = k.grant()
    return await codeOf(k.activation(grant, grantApprovals(grant)))
  }

  beforeAll(async () => {
    k = await startKeeperGround()
    portal = openDatabase(k.ground.database.url('portal'), 4)
    const { rows } = await k.ground.sql.query('select charter_hash, charter_yaml from install.programme')
    await k.ground.sql.query(
      `insert into consent.charter_changes (hash, yaml, proposed_at_ms, named_by, state, signatures)
       values ($1, $2, 0, $1, 'in-force', $3)`,
      [rows[0].charter_hash, rows[0].charter_yaml, JSON.stringify(charterApprovals(rows[0].charter_hash))],
    )
    await lockProgramme(portal, 'somebody pressed the button')
    await waitFor(async () => ((await locked()) === null ? null : true))
  })
  afterAll(async () => {
    await portal?.close()
    await k?.stop()
  })

  /** Writes what the gate would write, past it, for a vault that has just started and remembers nothing. */
  const setRunning = async () => {
    await k.stopVault()
    await k.ground.sql.query('alter table install.programme disable trigger user')
    await k.ground.sql.query(`update install.programme set state = 'running', epoch = epoch + 1`)
    await k.ground.sql.query('delete from install.lockdowns')
    await k.ground.sql.query('alter table install.programme enable trigger user')
  }

  it('gets no grant begun while it is locked, with both approvals', async () => {
    expect(await activate()).toBe('PROGRAMME_LOCKED')
  })

  it('opens nothing by writing that the programme runs, and is found out', async () => {
    await setRunning()
    expect(await activate()).toBe('PROGRAMME_LOCKED')
    await k.startVault()
    const found = await waitFor(async () => {
      const { rows } = await k.ground.sql.query(`select subject from install.exposures where kind = 'rows-forged'`)
      return rows[0] ?? null
    })
    expect(found.subject).toBe('table install.programme')
    await waitFor(async () => ((await readProgramme(portal, null))?.state === 'locked' ? true : null))
    expect(await activate()).toBe('PROGRAMME_LOCKED')
  })

  it('opens nothing with a row of an opening that too few have signed, though it stands in the ledger', async () => {
    const { epoch, charterHash, id } = (await readProgramme(portal, null)) ?? { epoch: 0, charterHash: '', id: '' }
    const statement = {
      ...{ v: 1, programme: id, epoch, opens: epoch + 1, charter: charterHash },
      ...{ incidents: [], evidence: [], builds: [], nonce: 'A'.repeat(22) },
    }
    const detail = { statement, signatures: [gateSignature('A'.repeat(43), QUORUM[0])] }
    const logged = await k.logged('gate.opened', detail)
    expect(await codeOf(k.line.call<'gate'>({ call: 'gate', logged }))).toBe('KEEPER_REFUSED')
    const drill = { programme: id, drill: 'x', epoch, opens: epoch + 1, signature: 'A'.repeat(86) }
    const asDrill = await k.logged('gate.reopened-after-drill', drill)
    expect(await codeOf(k.line.call<'gate'>({ call: 'gate', logged: asDrill }))).toBe('KEEPER_REFUSED')
    expect(await codeOf(k.line.call<'gate'>({ call: 'gate', logged: { ...logged, type: GRANT_APPROVED_ENTRY } }))).toBe(
      'LEDGER_INVALID',
    )
    expect(await locked()).not.toBeNull()
  })

  it('is not in the way of the four: with their signatures keys open again, under the new epoch', async () => {
    const sql = k.ground.sql
    await sql.query(`update install.exposures set state = 'closed'`)
    const { epoch } = (await readProgramme(portal, null)) ?? { epoch: 0 }
    await sql.query(
      `insert into incident.incidents (id, epoch, opened_at_ms, rehearsal, cause, notified_at_ms) values ($1, $2, 0, false, $3, 1)`,
      ['B'.repeat(22), epoch, JSON.stringify({ ...CAUSE, by: 'data-protection', atMs: 1 })],
    )
    await bringEvidence(sql, k.clock.nowMs(), { epoch })
    const { hash } = await drawGateStatement(portal, k.clock.nowMs())
    for (const member of QUORUM) await signGate(portal, hash, gateSignature(hash, member))
    await openGate(portal, { by: 'test', reason: 'test', nowMs: () => k.clock.nowMs(), issuer: ISSUER })
    await waitFor(async () => ((await locked()) === null ? true : null))
    expect(await readProgramme(portal, null)).toMatchObject({ state: 'running', epoch: epoch + 1 })
    const grant = k.grant({ epoch: epoch + 1 })
    expect(await codeOf(k.activation(grant, grantApprovals(grant)))).toBe('opened')
  })
})
