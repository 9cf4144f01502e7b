/** The whole device against a small server over real HTTP: joining, leases, review, upload, withdrawal. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { BATCH_INFO, batchBodySchema, type InputEvent, parseEnvelope, parsePlaintext } from '@fairtrace/core'
import { type FakeAnswer, type FakePortal, fakeRefusal, startFakePortal, TEST_SEEDS } from '@fairtrace/testing/harness'
import * as oracle from 'hpke'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Device } from './device.ts'
import { openDevice } from './open-device.ts'

const HOUR_MS = 3_600_000
const BUILD = 'test-build'
const place = {
  x: 10,
  y: 10,
  width: 100,
  height: 100,
  target: { role: 'button', label: 'Save', box: { x: 1, y: 1, width: 9, height: 9 } },
}

let nowMs: number
let monotonicMs: number
let waits: number[]
let dir: string
let portal: FakePortal
let device: Device
const clock = { nowMs: () => nowMs }

beforeEach(async () => {
  nowMs = Date.UTC(2026, 0, 5, 10)
  monotonicMs = 0
  waits = []
  dir = mkdtempSync(join(tmpdir(), 'fairtrace-device-'))
  portal = await startFakePortal(clock)
  device = await open()
})
afterEach(async () => {
  await device.close()
  await portal.stop()
  rmSync(dir, { recursive: true })
})

function open(): Promise<Device> {
  return openDevice(dir, {
    clock,
    monotonicMs: () => monotonicMs,
    sleep: async (ms) => {
      waits.push(ms)
    },
  })
}

const enrol = () => device.enrol(portal.url, 'a-session', BUILD)

function clicks(count: number): InputEvent[] {
  const button = (down: boolean): InputEvent => ({ kind: 'button', atMs: 0, button: 'left', down, clicks: 1, place })
  const all: InputEvent[] = [{ kind: 'focus', atMs: 0, app: 'desktop:orders', field: 'none' }]
  for (let i = 0; i < count; i++) all.push(button(true), button(false))
  return all
}

/** One captured recording that may leave now. */
async function captureAndRelease(count = 5): Promise<void> {
  await device.capture(clicks(count), { replayed: true })
  await device.releaseEarly()
}

const suite = new oracle.CipherSuite(
  oracle.KEM_DHKEM_X25519_HKDF_SHA256,
  oracle.KDF_HKDF_SHA256,
  oracle.AEAD_AES_256_GCM,
)
/** Opens as the vault would. */
async function openBatch(envelope: Uint8Array) {
  const { header, enc, ciphertext } = parseEnvelope(envelope)
  const raw = portal.dayKey.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32)
  const key = await suite.DeserializePrivateKey(raw)
  const plaintext = await suite.Open(key, enc, ciphertext, { info: new TextEncoder().encode(BATCH_INFO), aad: header })
  return batchBodySchema.parse(JSON.parse(inflateRawSync(parsePlaintext(plaintext).body).toString()))
}

const on = (path: string, answer: () => FakeAnswer | 'hang-up' | null) => {
  portal.intercept = (request) => (request.path === path ? answer() : null)
}
/** Answers in turn, and then lets the server answer. */
const inTurn =
  (...answers: (FakeAnswer | 'hang-up')[]) =>
  () =>
    answers.shift() ?? null

describe('a device that is not enrolled', () => {
  it('captures and uploads nothing', async () => {
    await expect(device.capture(clicks(1))).rejects.toMatchObject({ code: 'DEVICE_UNKNOWN' })
    await expect(device.upload()).rejects.toMatchObject({ code: 'DEVICE_UNKNOWN' })
  })
})

describe('joining and enrolling', () => {
  it('refuses a charter that holds recordings for less than the least review', async () => {
    portal.programme.charter = { ...portal.programme.charter, review: 1_000 }
    await expect(enrol()).rejects.toMatchObject({ code: 'SERVER_REFUSED' })
  })

  it("refuses a day's key that the vault did not sign", async () => {
    portal.dayKey.seed = TEST_SEEDS.issuer
    await expect(enrol()).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
  })

  it("refuses a day's key under an id that is not its own", async () => {
    portal.dayKey.keyId = '0123456789abcdef'
    await expect(enrol()).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
  })

  it.each(['issuer', 'vault'] as const)(
    'refuses another %s key after the first contact, also after a restart',
    async (name) => {
      await enrol()
      await device.close()
      device = await open()
      const { charter } = portal.programme
      portal.programme.charter = { ...charter, keys: { ...charter.keys, [name]: charter.keys.builder } }
      if (name === 'vault') portal.dayKey.seed = TEST_SEEDS.builder
      await expect(device.capture(clicks(1))).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
      await expect(device.join(portal.url, 'a-code')).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' })
    },
  )

  it('shows the notice, keeps the session, and is still enrolled after a restart', async () => {
    const { notice, session } = await device.join(portal.url, 'a-code')
    expect(notice.version).toBe(1)
    const id = await device.enrol(portal.url, session, BUILD)
    await device.close()
    device = await open()
    expect(device.id).toBe(id)
    expect(device.membership?.noticeVersion).toBe(1)
  })

  it('leaves nothing readable in its folder, and nothing that others may read', async () => {
    await enrol()
    const names = readdirSync(dir)
    for (const name of names) {
      expect(readFileSync(join(dir, name)).toString('latin1')).not.toContain('a-session')
      expect(readFileSync(join(dir, name)).toString('latin1')).not.toContain(device.id)
    }
    expect(statSync(join(dir, 'storage.key')).mode & 0o077).toBe(0)
  })

  it('refuses an outbox whose key is gone', async () => {
    await device.close()
    rmSync(join(dir, 'storage.key'))
    await expect(open()).rejects.toMatchObject({ code: 'OUTBOX_CORRUPT' })
    rmSync(join(dir, 'outbox.sqlite'))
    device = await open()
  })
})

describe('the lease', () => {
  beforeEach(enrol)

  it.each([
    ['by another key', { leaseSeed: TEST_SEEDS.vault }],
    ['of another kind', { leaseTyp: 'ft-permit+jwt' }],
    ['of another programme', { leaseChanges: { programme: 'other-programme' } }],
    ['for another device', { leaseChanges: { device: 'x'.repeat(22) } }],
    ['for another key', { leaseChanges: { deviceKey: 'x'.repeat(43) } }],
    ['for another build', { leaseChanges: { build: 'other-build' } }],
    ['of another charter', { leaseChanges: { charter: 'x'.repeat(43) } }],
    ['without an end in sight', { leaseChanges: { endsAtMs: Date.UTC(2030, 0, 1) } }],
    ['that answers another request', { leaseChanges: { request: 'x'.repeat(43) } }],
    ['that ends before it begins', { leaseChanges: { endsAtMs: 0 } }],
  ])('is refused: one %s', async (_what, change) => {
    Object.assign(portal, change)
    await expect(device.capture(clicks(1))).rejects.toMatchObject({ code: 'LEASE_INVALID' })
    expect(await device.review()).toEqual([])
  })

  it('is refused where it is not for now', async () => {
    portal.leaseChanges = { startsAtMs: nowMs - 301_000, endsAtMs: nowMs - 241_000 }
    await expect(device.capture(clicks(1))).rejects.toMatchObject({ code: 'DEVICE_CLOCK_WRONG' })
  })

  it.each([
    ['epoch', { epoch: 4 }, { epoch: 3 }],
    ['consent version', { consentVersion: 4 }, { consentVersion: 3 }],
  ])('is refused where its %s is below the highest seen, also after a restart', async (_what, higher, lower) => {
    portal.leaseChanges = higher
    await device.capture(clicks(1), { replayed: true })
    await device.close()
    device = await open()
    portal.programme.epoch = 4
    portal.leaseChanges = lower
    await expect(device.capture(clicks(1))).rejects.toMatchObject({ code: 'LEASE_INVALID' })
  })

  it.each(['CONSENT_REQUIRED', 'PROGRAMME_NOT_RUNNING', 'BUILD_NOT_REVIEWED'])(
    'is not there when the server refuses with %s, and nothing is captured',
    async (code) => {
      on('/api/leases', () => fakeRefusal(403, code))
      await expect(device.capture(clicks(1))).rejects.toMatchObject({ code })
      expect(await device.review()).toEqual([])
    },
  )

  it('ends by the monotonic clock where the wall clock was turned back', async () => {
    async function* events() {
      yield* clicks(2)
      on('/api/leases', () => 'hang-up')
      nowMs -= 30_000
      portal.leaseChanges = {}
      monotonicMs += 61_000
      nowMs += 30_000
      yield* clicks(3)
    }
    const report = await device.capture(events(), { replayed: true })
    expect(report.actions.click).toBe(2)
    expect(report.denied['no-lease']).toBe(7)
  })

  it('ends by the wall clock where the machine slept, and a renewal goes on in another recording', async () => {
    async function* events() {
      yield* clicks(2)
      nowMs += 61_000
      yield* clicks(3)
    }
    const report = await device.capture(events(), { replayed: true })
    expect(report.actions.click).toBe(5)
    expect(report.recordings).toBe(2)
    expect(portal.requests.filter(({ path }) => path === '/api/leases')).toHaveLength(2)
  })

  it('is given up as soon as the portal says no, however long it would last', async () => {
    async function* events() {
      yield* clicks(2)
      on('/api/leases', () => fakeRefusal(409, 'PROGRAMME_NOT_RUNNING'))
      nowMs += 31_000
      yield* clicks(3)
    }
    const report = await device.capture(events(), { replayed: true })
    expect(report.actions.click).toBe(2)
    expect(report.denied['no-lease']).toBe(7)
  })

  it('lasts on where the portal can only not be reached, to its own end', async () => {
    async function* events() {
      yield* clicks(2)
      on('/api/leases', () => 'hang-up')
      nowMs += 31_000
      yield* clicks(3)
    }
    expect((await device.capture(events(), { replayed: true })).actions.click).toBe(5)
  })

  it('is renewed in time, and the recording goes on', async () => {
    async function* events() {
      for (let i = 0; i < 5; i++) {
        yield* i === 0 ? clicks(1) : clicks(1).slice(1)
        nowMs += 40_000
        monotonicMs += 40_000
      }
    }
    const report = await device.capture(events(), { replayed: true })
    expect(report).toMatchObject({ recordings: 1, actions: { click: 5 } })
  })

  it('follows a charter that changes between two leases', async () => {
    await device.capture(clicks(1), { replayed: true })
    nowMs += 120_000
    portal.programme.charter = { ...portal.programme.charter, version: 2 }
    const report = await device.capture(clicks(1), { replayed: true })
    expect(report.actions.click).toBe(1)
  })

  it('covers a task of the charter, and no other', async () => {
    await expect(device.capture(clicks(1), { task: 'no-such-task' })).rejects.toMatchObject({ code: 'USAGE' })
    await device.capture(clicks(1), { task: 'enter-order', replayed: true })
    expect(await device.review()).toMatchObject([{ task: 'enter-order' }])
  })

  it('covers the chosen task until the participant says how it ended, and marks that on its last recording', async () => {
    await expect(device.finishTask('done')).rejects.toMatchObject({ code: 'USAGE' })
    await expect(device.chooseTask('no-such-task')).rejects.toMatchObject({ code: 'USAGE' })
    await device.capture(clicks(1), { replayed: true })
    await device.chooseTask('enter-order')
    await device.capture(clicks(1), { replayed: true })
    await device.capture(clicks(1), { replayed: true })
    const marked = await device.finishTask('not-done')
    await device.capture(clicks(1), { replayed: true })
    const waiting = await device.review()
    expect(waiting.map(({ task, outcome }) => [task, outcome])).toEqual([
      [null, null],
      ['enter-order', null],
      ['enter-order', 'not-done'],
      [null, null],
    ])
    expect(waiting[2]?.id).toBe(marked)
    expect(device.chosenTask).toBeNull()
  })

  it('takes no outcome without a task', async () => {
    await expect(device.capture(clicks(1), { outcome: 'done' })).rejects.toMatchObject({ code: 'USAGE' })
  })
})

describe('the review', () => {
  beforeEach(enrol)

  it('keeps everything on the device until its period is over', async () => {
    await device.capture(clicks(2), { replayed: true })
    const [item] = await device.review()
    expect(item?.sentences).toEqual(['went to orders', 'clicked the Save button', 'clicked the Save button'])
    expect(item?.heldUntilMs).toBe(nowMs + 24 * HOUR_MS)
    nowMs += 24 * HOUR_MS - 1
    expect(await device.upload()).toMatchObject({ sealed: 0, uploaded: 0 })
    nowMs += 1
    expect(await device.upload()).toMatchObject({ sealed: 1, uploaded: 1 })
    expect(await device.review()).toEqual([])
  })

  it('lets a recording go early at the word of the participant, and that one only', async () => {
    await device.capture(clicks(1), { replayed: true })
    await device.capture(clicks(1), { replayed: true })
    const [first] = await device.review()
    if (first === undefined) throw new Error('nothing waits')
    expect(await device.releaseEarly([first.id])).toBe(1)
    expect(await device.upload()).toMatchObject({ sealed: 1, uploaded: 1 })
    expect(await device.review()).toHaveLength(1)
  })

  it('sends what a narrower charter still lets out, not what it once did', async () => {
    const { charter } = portal.programme
    await captureAndRelease(3)
    portal.programme.charter = { ...charter, shield: { ...charter.shield, pointer: 'cell' } }
    expect(await device.upload()).toMatchObject({ sealed: 1, narrowedAway: 3 })
    const [batch] = [...portal.accepted.values()]
    expect(batch && (await openBatch(batch)).actions).toEqual([{ kind: 'switch', app: 'desktop:orders' }])
  })

  it('sends nothing of an app that a narrower charter dropped', async () => {
    const { charter } = portal.programme
    await captureAndRelease(3)
    portal.programme.charter = { ...charter, capture: { ...charter.capture, apps: charter.capture.apps.slice(1) } }
    expect(await device.upload()).toMatchObject({ sealed: 0, narrowedAway: 4 })
    expect(await device.review()).toEqual([])
  })

  it('sends only what the person still chooses', async () => {
    await captureAndRelease(3)
    portal.leaseChanges = { consentVersion: 2, categories: ['keyboard', 'switches'] }
    expect(await device.upload()).toMatchObject({ sealed: 1, narrowedAway: 3 })
    const [batch] = [...portal.accepted.values()]
    expect(batch && (await openBatch(batch)).actions).toEqual([{ kind: 'switch', app: 'desktop:orders' }])
  })

  it('keeps everything while the person has paused', async () => {
    await captureAndRelease(3)
    on('/api/leases', () => fakeRefusal(409, 'CONSENT_PAUSED'))
    expect(await device.upload()).toMatchObject({ sealed: 0, stopped: 'CONSENT_PAUSED' })
    expect(await device.review()).toHaveLength(1)
  })
})

describe('the upload', () => {
  beforeEach(enrol)

  it('names the lease, the task and the sequence, and what is sealed is what was captured', async () => {
    await device.capture(clicks(2), { task: 'enter-order', outcome: 'done', replayed: true })
    await device.releaseEarly()
    await captureAndRelease(1)
    await device.upload()
    const bodies = await Promise.all([...portal.accepted.values()].map(openBatch))
    expect(bodies).toMatchObject([
      { sequence: 0, part: 0, last: true, task: 'enter-order', outcome: 'done' },
      { sequence: 1, part: 0, last: true, task: null, outcome: null },
    ])
    expect(bodies[0]?.actions.map(({ kind }) => kind)).toEqual(['switch', 'click', 'click'])
    expect(bodies[0]?.lease.split('.')).toHaveLength(3)
  })

  it('keeps everything when the server is away, and sends the same bytes later', async () => {
    await captureAndRelease()
    on('/batches', () => 'hang-up')
    const failed = await device.upload()
    expect(failed).toMatchObject({ uploaded: 0, stopped: 'SERVER_UNREACHABLE', kept: [{ code: 'SERVER_UNREACHABLE' }] })
    const tried = portal.requests.filter(({ path }) => path === '/batches').map(({ bytes }) => bytes.toString('hex'))
    expect(tried.length).toBeGreaterThan(3)
    await device.close()
    device = await open()
    portal.intercept = () => null
    expect(await device.upload()).toMatchObject({ uploaded: 1, kept: [], stopped: null })
    expect(new Set([...tried, ...[...portal.accepted.values()].map((bytes) => bytes.toString('hex'))]).size).toBe(1)
  })

  it('sends again when only the acknowledgement was lost, which changes nothing', async () => {
    await captureAndRelease()
    const first = inTurn('hang-up')
    portal.intercept = (request) => {
      if (request.path !== '/batches') return null
      const answer = first()
      // Intake stored it, and the answer never arrived.
      if (answer === 'hang-up') portal.accepted.set('stored', request.bytes)
      return answer
    }
    expect(await device.upload()).toMatchObject({ uploaded: 1 })
    expect(new Set([...portal.accepted.values()].map((bytes) => bytes.toString('hex'))).size).toBe(1)
  })

  it('waits as long as a busy intake asks, within reason', async () => {
    await captureAndRelease()
    on(
      '/batches',
      inTurn(
        fakeRefusal(429, 'INTAKE_BUSY', { 'retry-after': '7' }),
        fakeRefusal(429, 'INTAKE_BUSY', { 'retry-after': '99999' }),
      ),
    )
    expect(await device.upload()).toMatchObject({ uploaded: 1 })
    expect(waits).toEqual([7_000, 120_000])
  })

  it('waits longer and longer, never the same as others', async () => {
    await captureAndRelease()
    on('/batches', inTurn('hang-up', 'hang-up', 'hang-up', 'hang-up'))
    expect(await device.upload()).toMatchObject({ uploaded: 1 })
    waits.forEach((ms, i) => {
      expect(ms).toBeGreaterThanOrEqual(125 * 2 ** i)
      expect(ms).toBeLessThanOrEqual(250 * 2 ** i)
    })
    expect(waits).toHaveLength(4)
  })

  it('asks for another permit when one has run out', async () => {
    await captureAndRelease()
    on('/batches', inTurn(fakeRefusal(401, 'PERMIT_EXPIRED')))
    expect(await device.upload()).toMatchObject({ uploaded: 1 })
    expect(portal.requests.filter(({ path }) => path === '/api/permits')).toHaveLength(2)
    expect(waits).toEqual([])
  })

  it("seals again, under the same number, when the day's key is gone", async () => {
    await captureAndRelease()
    on('/batches', () => 'hang-up')
    await device.upload()
    nowMs += 24 * HOUR_MS
    portal.rollDayKey()
    on('/batches', inTurn(fakeRefusal(400, 'BATCH_KEY_UNKNOWN')))
    expect(await device.upload()).toMatchObject({ uploaded: 1 })
    const [batch] = [...portal.accepted.values()]
    expect(batch && (await openBatch(batch)).sequence).toBe(0)
  })

  it('keeps a batch that is refused, says so, and still sends the others', async () => {
    await captureAndRelease()
    await captureAndRelease()
    on('/batches', inTurn(fakeRefusal(403, 'BATCH_PROGRAMME_MISMATCH')))
    expect(await device.upload()).toMatchObject({
      uploaded: 1,
      kept: [{ code: 'BATCH_PROGRAMME_MISMATCH' }],
      stopped: null,
    })
    portal.intercept = () => null
    expect(await device.upload()).toMatchObject({ uploaded: 1, kept: [] })
  })

  it('takes an acknowledgement of something else as none', async () => {
    await captureAndRelease()
    on('/batches', inTurn({ status: 200, body: { batch: 'x'.repeat(43) } }))
    expect(await device.upload()).toMatchObject({ uploaded: 0, kept: [{ code: 'SERVER_REFUSED' }] })
    expect(await device.upload()).toMatchObject({ uploaded: 1 })
  })

  it('asks for at most 64 permits at a time', async () => {
    for (let i = 0; i < 66; i++) await device.capture(clicks(1), { replayed: true })
    await device.releaseEarly()
    expect(await device.upload()).toMatchObject({ uploaded: 66 })
    expect(portal.requests.filter(({ path }) => path === '/api/permits')).toHaveLength(2)
  })

  it('sends nothing to a server that fell back behind an epoch that this device has seen', async () => {
    portal.programme.epoch = 5
    await captureAndRelease()
    portal.programme.epoch = 4
    expect(await device.upload()).toMatchObject({ sealed: 0, stopped: 'EPOCH_OVER' })
    portal.programme.epoch = 5
    expect(await device.upload()).toMatchObject({ uploaded: 1 })
  })

  it.each([
    ['the programme is paused', { state: 'paused' }, 'PROGRAMME_NOT_RUNNING'],
    ['the vault has no key', { vaultKeyIsMissing: true }, 'KEY_UNAVAILABLE'],
    ['intake is not up', { intake: null }, 'SERVER_UNREACHABLE'],
  ])('seals nothing while %s', async (_what, change, stopped) => {
    await captureAndRelease()
    Object.assign(portal.programme, change)
    expect(await device.upload()).toMatchObject({ sealed: 0, stopped })
    expect(await device.review()).toHaveLength(1)
  })
})

describe('a withdrawal', () => {
  beforeEach(enrol)

  it('deletes what waits, also where the server can not be reached', async () => {
    await captureAndRelease()
    on('/api/consent/withdraw', () => 'hang-up')
    await expect(device.withdraw()).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' })
    expect(await device.review()).toEqual([])
    expect(await device.upload()).toMatchObject({ uploaded: 0 })
  })

  it('in the portal reaches the device: what waits is deleted', async () => {
    await captureAndRelease()
    portal.consentState = 'withdrawn'
    on('/api/permits', () => fakeRefusal(403, 'CONSENT_REQUIRED'))
    expect(await device.upload()).toMatchObject({ uploaded: 0, stopped: 'CONSENT_REQUIRED' })
    portal.intercept = () => null
    expect(await device.upload()).toMatchObject({ uploaded: 0, kept: [] })
  })

  it('is not taken from a consent that has only run out: what waits stays', async () => {
    await captureAndRelease()
    on('/api/permits', () => fakeRefusal(403, 'CONSENT_REQUIRED'))
    await device.upload()
    portal.intercept = () => null
    expect(await device.upload()).toMatchObject({ uploaded: 1 })
  })
})
