import { randomBytes } from 'node:crypto'
import { startIntake } from '@fairtrace/server/intake/role'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import type { RunningRole } from '@fairtrace/server/runtime/role'
import {
  aBatch,
  aDevice,
  aPermit,
  aVaultKey,
  type BatchSettings,
  startTestGround,
  TEST_SEEDS,
  type TestGround,
  type TestVaultKey,
  waitFor,
} from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const KEY_ID = '00112233aabbccdd'
const nowMs = Date.now()
const log = pino({ level: 'silent' })

describe('intake', () => {
  let ground: TestGround
  let intake: RunningRole
  let vaultKey: TestVaultKey
  let clockMs = nowMs

  beforeAll(async () => {
    ground = await startTestGround()
    vaultKey = aVaultKey(KEY_ID)
    await ground.sql.query('insert into vault.day_keys values ($1, $2, 0, 1, $3, false), ($4, $2, 0, 1, $3, true)', [
      KEY_ID,
      vaultKey.publicKey,
      'a signature',
      'ffffffffffffffff',
    ])
    intake = await startIntake({ ...ground.contextOf('intake'), log, clock: { nowMs: () => clockMs }, addresses: {} })
  })
  afterAll(async () => {
    await intake.stop()
    await ground.stop()
  })

  const batch = (settings: Partial<BatchSettings> = {}) =>
    aBatch({ charter: ground.charter, vaultKey, device: aDevice(), sequence: 0, atMs: nowMs, ...settings })
  const send = async (bytes: Uint8Array, permit: string | null, type = 'application/octet-stream') => {
    const headers = { 'content-type': type, ...(permit === null ? {} : { authorization: `Bearer ${permit}` }) }
    const answer = await fetch(`${intake.address}/batches`, { method: 'POST', body: Buffer.from(bytes), headers })
    const body = (await answer.json()) as { batch?: string; error?: { code: string; message: string; advice: string } }
    return { status: answer.status, batch: body.batch, code: body.error?.code, headers: answer.headers }
  }
  const sendAny = async () => {
    const sealed = batch()
    return await send(sealed.bytes, aPermit(sealed.id, nowMs))
  }
  const stored = async (id: string) =>
    (await ground.sql.query('select sealed from inbox.batches where id = $1', [id])).rows[0]?.sealed ?? null

  it.each([
    ['nothing at all', 'BATCH_MALFORMED', 400, () => ({ bytes: Buffer.alloc(0) })],
    ['bytes that are no batch', 'BATCH_MALFORMED', 400, () => ({ bytes: randomBytes(4_096) })],
    ['a size that is no size class', 'BATCH_MALFORMED', 400, () => ({ bytes: batch().bytes.subarray(0, 4_000) })],
    ['one byte more than the largest class', 'BATCH_TOO_LARGE', 413, () => ({ bytes: Buffer.alloc(262_145) })],
    ['another programme', 'BATCH_PROGRAMME_MISMATCH', 403, () => batch({ headerProgramme: 'other-programme' })],
    ['no permit', 'PERMIT_INVALID', 401, () => ({ ...batch(), permit: null })],
    ['a permit that is no token', 'PERMIT_INVALID', 401, () => ({ ...batch(), permit: 'x' })],
    ['a permit of 100 kB', 'PERMIT_INVALID', 401, () => ({ ...batch(), permit: 'x'.repeat(10_000) })],
    [
      'a forged permit',
      'PERMIT_INVALID',
      401,
      () => {
        const sealed = batch()
        return { ...sealed, permit: aPermit(sealed.id, nowMs, {}, signerFromSeed(TEST_SEEDS.builder)) }
      },
    ],
    [
      'a permit that is over',
      'PERMIT_EXPIRED',
      401,
      () => {
        const sealed = batch()
        return { ...sealed, permit: aPermit(sealed.id, nowMs - 60_000) }
      },
    ],
    [
      'a permit that has not begun',
      'PERMIT_EXPIRED',
      401,
      () => {
        const sealed = batch()
        return { ...sealed, permit: aPermit(sealed.id, nowMs + 1) }
      },
    ],
    [
      'a permit for another programme',
      'PERMIT_INVALID',
      401,
      () => {
        const sealed = batch()
        return { ...sealed, permit: aPermit(sealed.id, nowMs, { programme: 'other-programme' }) }
      },
    ],
    [
      'a permit for another batch',
      'BATCH_ID_MISMATCH',
      400,
      () => ({ ...batch(), permit: aPermit(batch().id, nowMs) }),
    ],
    [
      'a batch changed after its permit',
      'BATCH_ID_MISMATCH',
      400,
      () => {
        const sealed = batch()
        const bytes = Buffer.from(sealed.bytes)
        bytes[2_000] = (bytes[2_000] ?? 0) ^ 1
        return { bytes, permit: aPermit(sealed.id, nowMs) }
      },
    ],
    [
      'a key that nobody published',
      'BATCH_KEY_UNKNOWN',
      400,
      () => batch({ vaultKey: { ...vaultKey, keyId: '0123456789abcdef' } }),
    ],
    [
      'a key that is destroyed',
      'BATCH_KEY_UNKNOWN',
      400,
      () => batch({ vaultKey: { ...vaultKey, keyId: 'ffffffffffffffff' } }),
    ],
  ] as [string, string, number, () => { bytes: Buffer; id?: string; permit?: string | null }][])(
    'refuses %s',
    async (_what, code, status, make) => {
      const { bytes, id, permit = id === undefined ? null : aPermit(id, nowMs) } = make()
      const answer = await send(bytes, permit)
      expect(answer).toMatchObject({ status, code })
      if (id !== undefined) expect(await stored(id)).toBeNull()
    },
  )

  it('refuses another content type', async () => {
    const sealed = batch()
    expect(await send(sealed.bytes, aPermit(sealed.id, nowMs), 'application/json')).toMatchObject({
      code: 'BATCH_MALFORMED',
    })
  })

  it('still takes what was captured before a pause, and nothing after the close', async () => {
    const sealed = batch()
    const permit = aPermit(sealed.id, nowMs)
    await ground.setProgramme({ state: 'closed' })
    await waitFor(async () => ((await sendAny()).code === 'PROGRAMME_NOT_RUNNING' ? true : null))
    expect(await send(sealed.bytes, permit)).toMatchObject({ code: 'PROGRAMME_NOT_RUNNING' })
    expect(await stored(sealed.id)).toBeNull()
    await ground.setProgramme({ state: 'paused' })
    await waitFor(async () => ((await send(sealed.bytes, permit)).status === 200 ? true : null))
    await ground.setProgramme({ state: 'running' })
  })

  it('takes nothing for a programme whose charter is not the one that its row names', async () => {
    const { rows } = await ground.sql.query('select charter_hash from install.programme')
    await ground.sql.query('update install.programme set charter_hash = $1', ['A'.repeat(43)])
    await ground.setProgramme({})
    await waitFor(async () => ((await sendAny()).code === 'PROGRAMME_NOT_RUNNING' ? true : null))
    await ground.sql.query('update install.programme set charter_hash = $1', [rows[0].charter_hash])
    await ground.setProgramme({})
    await waitFor(async () => ((await sendAny()).status === 200 ? true : null))
  })

  it('stores the bytes as they came before it answers', async () => {
    const sealed = batch()
    expect(await send(sealed.bytes, aPermit(sealed.id, nowMs))).toMatchObject({ status: 200, batch: sealed.id })
    expect(sealed.bytes.equals(await stored(sealed.id))).toBe(true)
  })

  it('takes the same batch again without storing it twice', async () => {
    const sealed = batch()
    const permit = aPermit(sealed.id, nowMs)
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => send(sealed.bytes, permit)))
    answers.push(await send(sealed.bytes, permit))
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200, 200])
    const { rowCount } = await ground.sql.query('select 1 from inbox.batches where id = $1', [sealed.id])
    expect(rowCount).toBe(1)
  })

  it('takes every size class', async () => {
    for (const actions of [100, 20_000]) {
      const click = { kind: 'click', button: 'left', count: 1 }
      const many = Array.from({ length: actions }, () => ({
        ...click,
        target: { cell: [randomBytes(1).readUInt8() % 8, randomBytes(1).readUInt8() % 8] },
      }))
      const sealed = batch({ actions: many })
      expect(await send(sealed.bytes, aPermit(sealed.id, nowMs))).toMatchObject({ status: 200 })
    }
  })

  it('answers with neither the content nor a stack', async () => {
    const answer = await fetch(`${intake.address}/batches`, {
      method: 'POST',
      body: 'secret',
      headers: { 'content-type': 'application/octet-stream' },
    })
    const text = await answer.text()
    expect(text).not.toContain('secret')
    expect(Object.keys(JSON.parse(text).error).sort()).toEqual(['advice', 'code', 'message'])
  })

  it('says when it is ready, and knows no other route', async () => {
    expect(await (await fetch(`${intake.address}/healthz`)).json()).toEqual({ state: 'ready' })
    const lost = await fetch(`${intake.address}/anything`)
    expect([lost.status, await lost.json()]).toMatchObject([404, { error: { code: 'NOT_FOUND' } }])
  })

  it('refuses a permit at the instant that it ends', async () => {
    const sealed = batch()
    const permit = aPermit(sealed.id, nowMs, { endsAtMs: nowMs + 1 })
    clockMs = nowMs + 1
    expect(await send(sealed.bytes, permit)).toMatchObject({ code: 'PERMIT_EXPIRED' })
    clockMs = nowMs
    expect(await send(sealed.bytes, permit)).toMatchObject({ status: 200 })
  })

  it('refuses a permit of an earlier epoch, from the moment the epoch rises', async () => {
    const sealed = batch()
    const permit = aPermit(sealed.id, nowMs)
    await ground.setProgramme({ epoch: 1 })
    await waitFor(async () => ((await send(sealed.bytes, permit)).code === 'EPOCH_OVER' ? true : null))
    const now = aPermit(sealed.id, nowMs, { epoch: 1 })
    expect((await send(sealed.bytes, now)).status).toBe(200)
    // An epoch that was seen is not lowered by whoever writes to the database.
    await ground.setProgramme({ epoch: 0 })
    await waitFor(async () => ((await send(sealed.bytes, now)).status === 200 ? true : null))
    expect(await send(sealed.bytes, permit)).toMatchObject({ code: 'EPOCH_OVER' })
  })
})

describe('intake without its database', () => {
  it('acknowledges nothing, says so, and takes up again', async () => {
    const ground = await startTestGround()
    const vaultKey = aVaultKey(KEY_ID)
    await ground.sql.query('insert into vault.day_keys values ($1, $2, 0, 1, $3)', [KEY_ID, vaultKey.publicKey, 's'])
    const intake = await startIntake({
      ...ground.contextOf('intake'),
      log,
      clock: { nowMs: () => nowMs },
      addresses: {},
    })
    const send = async () => {
      const { id, bytes } = aBatch({ charter: ground.charter, vaultKey, device: aDevice(), sequence: 0, atMs: nowMs })
      const headers = { 'content-type': 'application/octet-stream', authorization: `Bearer ${aPermit(id, nowMs)}` }
      const answer = await fetch(`${intake.address}/batches`, { method: 'POST', body: new Uint8Array(bytes), headers })
      return { status: answer.status, body: await answer.json() }
    }
    try {
      expect(await send()).toMatchObject({ status: 200 })
      await ground.sql.query('revoke insert on inbox.batches from fairtrace_intake')
      expect(await send()).toMatchObject({ status: 503, body: { error: { code: 'DATABASE_FAILED' } } })
      await ground.sql.query('grant insert on inbox.batches to fairtrace_intake')
      await ground.sql.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'fairtrace_intake'",
      )
      await waitFor(async () => ((await send()).status === 200 ? true : null))
    } finally {
      await intake.stop()
      await ground.stop()
    }
  })
})
