import {
  charterHash,
  LEASE_TYP,
  leaseSchema,
  PERMIT_TYP,
  permitSchema,
  RECEIPT_TYP,
  receiptSchema,
} from '@fairtrace/core'
import { ed25519PublicKey, signJws, verifyJws } from '@fairtrace/server/runtime/jws'
import { aCharter, CHARTER_YAML, TEST_PUBLIC_KEYS } from '@fairtrace/testing/harness'
import { verifyReceipt } from '@fairtrace/verify'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  aKey,
  approveCharter,
  DAY_MS,
  dumpAll,
  OWNER,
  Person,
  type PortalGround,
  startPortalGround,
  startProgramme,
  type TestDevice,
} from './portal-ground.ts'

const BATCHES = ['A', 'B'].map((letter) => letter.repeat(43))
const charter = aCharter()
const issuerKey = ed25519PublicKey(TEST_PUBLIC_KEYS.issuer)

describe('consent', () => {
  let ground: PortalGround
  let owner: string
  let person: Person
  let device: TestDevice

  beforeAll(async () => {
    ground = await startPortalGround()
    ground.portal.setReady(true)
    owner = await ground.signIn(OWNER.name, OWNER.password)
    await startProgramme(ground, owner)
  })
  afterAll(() => ground?.stop())
  beforeEach(async () => {
    person = await Person.join(ground, owner)
    device = await person.enrol()
  })

  const setState = (state: string) => ground.call('/api/programme/state', { token: owner, body: { state } })
  /** Past the reflection period, and consented. */
  const consented = async () => {
    ground.moveClock(14 * DAY_MS)
    expect((await person.consent()).status).toBe(200)
  }

  it('is refused until the reflection period is over, and nothing is leased in it', async () => {
    ground.moveClock(14 * DAY_MS - 60_000)
    expect(await person.consent()).toMatchObject({ status: 409, code: 'REFLECTION_NOT_OVER' })
    expect(await person.lease(device)).toMatchObject({ status: 403, code: 'CONSENT_REQUIRED' })
    expect(await person.permits(device, BATCHES)).toMatchObject({ status: 403, code: 'CONSENT_REQUIRED' })
    ground.moveClock(60_000)
    expect((await person.consent()).status).toBe(200)
  })

  it.each([
    ['a category that the charter lacks', { categories: ['camera'] }, 'BODY_INVALID'],
    ['an app that the charter lacks', { apps: ['desktop:diary'] }, 'BODY_INVALID'],
    ['a look-alike origin', { apps: ['web:https://crm.example.evil'] }, 'BODY_INVALID'],
    ['nothing at all', { categories: [] }, 'BODY_INVALID'],
    ['another notice', { noticeVersion: 2 }, 'CONSENT_STALE'],
    ['a state that has passed', { version: 7 }, 'CONSENT_STALE'],
    ['a field that nobody knows', { everything: true }, 'BODY_INVALID'],
  ])('is refused to %s', async (_what, change, code) => {
    ground.moveClock(14 * DAY_MS)
    expect(await person.consent(change)).toMatchObject({ code })
    expect((await person.get('/api/consent')).body).toMatchObject({ state: 'undecided', version: 0, history: [] })
  })

  it('leads from an invitation to a lease and permits, and ends all of them with one withdrawal', async () => {
    await consented()
    const { body } = await person.lease(device)
    const lease = leaseSchema.parse(verifyJws(LEASE_TYP, String(body.lease), issuerKey, 'LEASE_INVALID'))
    expect(lease).toMatchObject({
      programme: 'test-programme',
      pseudonym: person.pseudonym,
      device: device.device,
      deviceKey: device.key.publicKey,
      build: 'test-build',
      noticeVersion: 1,
      consentVersion: 1,
      categories: ['pointer', 'keyboard'],
      apps: ['desktop:orders', 'desktop:mail'],
    })
    expect(lease.endsAtMs - lease.startsAtMs).toBe(60_000)
    const { permits } = (await person.permits(device, BATCHES)).body as { permits: string[] }
    const parsed = permits.map((jws) => permitSchema.parse(verifyJws(PERMIT_TYP, jws, issuerKey, 'PERMIT_INVALID')))
    expect(parsed.map(({ batch }) => batch)).toEqual(BATCHES)
    expect(JSON.stringify(parsed)).not.toContain(person.pseudonym)

    expect((await person.withdraw()).status).toBe(200)
    expect(await person.lease(device)).toMatchObject({ status: 403, code: 'CONSENT_REQUIRED' })
    expect(await person.permits(device, BATCHES)).toMatchObject({ status: 403, code: 'CONSENT_REQUIRED' })
  })

  it('gives receipts that verify, and keeps the history of every state', async () => {
    await consented()
    await person.consent({ categories: ['pointer'], apps: ['desktop:mail'] })
    const withdrawn = await person.withdraw()
    const { body } = await person.get('/api/consent')
    const history = body.history as { state: string; version: number; receipt: string }[]
    expect(history.map(({ state, version }) => [state, version])).toEqual([
      ['given', 1],
      ['given', 2],
      ['withdrawn', 3],
    ])
    const receipts = history.map(({ receipt }) =>
      receiptSchema.parse(verifyJws(RECEIPT_TYP, receipt, issuerKey, 'SIGNATURE_INVALID')),
    )
    expect(receipts.map(({ record }) => record['dpv:hasConsentStatus'][0]['@type'])).toEqual([
      ['dpv:ConsentGiven'],
      ['dpv:RenewedConsentGiven'],
      ['dpv:ConsentWithdrawn'],
    ])
    for (const { receipt } of history) verifyReceipt(receipt, TEST_PUBLIC_KEYS.issuer, aCharter())
    expect(receipts[1]).toMatchObject({ pseudonym: person.pseudonym, categories: ['pointer'], apps: ['desktop:mail'] })
    expect(history[2]?.receipt).toBe(withdrawn.body.receipt)
    expect((await person.withdraw()).body.receipt).toBe(withdrawn.body.receipt)
  })

  it('refuses a yes that is sent again, before and after a withdrawal', async () => {
    ground.moveClock(14 * DAY_MS)
    expect((await person.consent({ version: 0 })).status).toBe(200)
    expect(await person.consent({ version: 0 })).toMatchObject({ code: 'CONSENT_STALE' })
    await person.withdraw()
    expect(await person.consent({ version: 0 })).toMatchObject({ code: 'CONSENT_STALE' })
    expect((await person.get('/api/consent')).body).toMatchObject({ state: 'withdrawn', version: 2 })
  })

  it('pauses without an end and without a receipt, also against a change of the choices, until the person resumes', async () => {
    expect(await person.post('/api/consent/pause', {})).toMatchObject({ code: 'CONSENT_REQUIRED' })
    await consented()
    const pause = { state: 'given', isPaused: true, version: 2 }
    expect((await person.post('/api/consent/pause', {})).body).toEqual(pause)
    expect((await person.post('/api/consent/pause', {})).body).toEqual(pause)
    expect(await person.lease(device)).toMatchObject({ code: 'CONSENT_PAUSED' })
    await person.consent({ categories: ['pointer'] })
    ground.moveClock(100 * DAY_MS)
    expect(await person.lease(device)).toMatchObject({ code: 'CONSENT_PAUSED' })
    expect((await person.get('/api/consent')).body).toMatchObject({
      current: false,
      isPaused: true,
      legalState: 'renewed',
    })
    expect((await person.post('/api/consent/resume', {})).body).toMatchObject({ isPaused: false, version: 4 })
    const { body } = await person.lease(device)
    const lease = leaseSchema.parse(verifyJws(LEASE_TYP, String(body.lease), issuerKey, 'LEASE_INVALID'))
    expect(lease).toMatchObject({ consentVersion: 4, categories: ['pointer'] })
    const history = (await person.get('/api/consent')).body.history as { state: string; receipt: string | null }[]
    expect(history.map(({ state, receipt }) => [state, receipt === null])).toEqual([
      ['given', false],
      ['paused', true],
      ['given', false],
      ['resumed', true],
    ])
  })

  it('lets a withdrawal win against a pause and a resumption that race it', async () => {
    await consented()
    await person.post('/api/consent/pause', {})
    const [, withdrawn] = await Promise.all([
      person.post('/api/consent/resume', {}),
      person.withdraw(),
      person.post('/api/consent/pause', {}),
    ])
    expect(withdrawn.status).toBe(200)
    expect((await person.get('/api/consent')).body).toMatchObject({ state: 'withdrawn', isPaused: false })
    expect(await person.post('/api/consent/resume', {})).toMatchObject({ code: 'CONSENT_REQUIRED' })
  })

  it('shows every past state, as the law calls it, and the exact text that was said yes to', async () => {
    await consented()
    const givenAtMs = ground.nowMs()
    ground.moveClock(DAY_MS)
    await person.withdraw()
    ground.moveClock(DAY_MS)
    const at = async (ms: number) => (await person.get(`/api/consent?at=${ms}`)).body
    const before = { state: 'undecided', legalState: null, record: null, history: [] }
    expect(await at(givenAtMs - DAY_MS)).toMatchObject(before)
    expect(await at(givenAtMs)).toMatchObject({ state: 'given', legalState: 'given', version: 1, current: true })
    expect(await at(ground.nowMs())).toMatchObject({ state: 'withdrawn', legalState: 'withdrawn', version: 2 })
    const { body: notice } = await ground.call('/api/notices/1')
    const history = (await at(givenAtMs)).history as { receipt: string }[]
    const receipt = verifyReceipt(String(history[0]?.receipt), TEST_PUBLIC_KEYS.issuer)
    expect(notice).toMatchObject({ version: 1, text: aCharter().notice.text, digest: receipt.noticeDigest })
    expect(await ground.call('/api/notices/9')).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('asks for a fresh yes 30 days before the end, and calls it expired afterwards', async () => {
    await consented()
    const { body } = await person.get('/api/consent')
    expect(Number(body.endsAtMs) - Number(body.renewAtMs)).toBe(30 * DAY_MS)
    const me = async () => String((await person.get('/me')).body.text)
    ground.moveClock(149 * DAY_MS)
    expect(await me()).not.toContain('say yes again below')
    ground.moveClock(2 * DAY_MS)
    expect(await me()).toContain('say yes again below')
    ground.moveClock(30 * DAY_MS)
    expect((await person.get('/api/consent')).body).toMatchObject({ legalState: 'expired', current: false })
    await person.consent()
    expect((await person.get('/api/consent')).body).toMatchObject({ legalState: 'renewed', current: true })
  })

  it('refuses to withdraw what was never given, and asks the vault for a key only at consent', async () => {
    const keyRequests = async () =>
      (await ground.sql.query('select from vault.key_requests where pseudonym = $1', [person.pseudonym])).rowCount
    expect(await person.withdraw()).toMatchObject({ code: 'CONSENT_REQUIRED' })
    expect(await keyRequests()).toBe(0)
    await consented()
    expect(await keyRequests()).toBe(1)
  })

  it('lets a withdrawal win against whatever else the person sends at the same time', async () => {
    await consented()
    for (let round = 0; round < 5; round++) {
      const { body } = await person.get('/api/consent')
      const version = body.version
      const all = await Promise.all([
        person.consent({ version, categories: ['pointer'] }),
        person.withdraw(),
        person.consent({ version, categories: ['keyboard'] }),
        person.withdraw(),
      ])
      expect(all.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(2)
      expect([all[1]?.status, all[3]?.status]).toEqual([200, 200])
      expect((await person.get('/api/consent')).body.state).toBe('withdrawn')
      expect(await person.lease(device)).toMatchObject({ code: 'CONSENT_REQUIRED' })
      await person.consent()
    }
  })

  it('lets one of two who race for an invitation join', async () => {
    const { body } = await ground.call('/api/invitations', { token: owner, body: { count: 1 } })
    const [code] = body.codes as string[]
    const answers = await Promise.all([1, 2, 3].map(() => ground.call('/api/join', { body: { code } })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404])
  })

  it('gives no lease while the programme is paused, and still lets in what was captured before', async () => {
    await consented()
    await setState('paused')
    expect(await person.lease(device)).toMatchObject({ status: 409, code: 'PROGRAMME_NOT_RUNNING' })
    expect((await person.permits(device, BATCHES)).status).toBe(200)
    await setState('running')
    expect((await person.lease(device)).status).toBe(200)
  })

  it('ends by itself when its time is over', async () => {
    await consented()
    ground.moveClock(180 * DAY_MS - 20_000)
    const { body } = await person.lease(device)
    const lease = leaseSchema.parse(verifyJws(LEASE_TYP, String(body.lease), issuerKey, 'LEASE_INVALID'))
    expect(lease.endsAtMs - lease.startsAtMs).toBeLessThanOrEqual(20_000)
    ground.moveClock(20_000)
    expect(await person.lease(device)).toMatchObject({ code: 'CONSENT_REQUIRED' })
    expect(await person.permits(device, BATCHES)).toMatchObject({ code: 'CONSENT_REQUIRED' })
  })

  describe('refuses a device', () => {
    it.each([
      ['behind', -5 * 60_000 - 1_000],
      ['ahead', 5 * 60_000 + 1_000],
      ['out of reach', Number.MAX_SAFE_INTEGER],
    ])('whose clock is %s', async (_how, byMs) => {
      await consented()
      const atMs = byMs === Number.MAX_SAFE_INTEGER ? byMs : ground.nowMs() + byMs
      expect(await person.lease(device, atMs)).toMatchObject({ status: 400, code: 'DEVICE_CLOCK_WRONG' })
      expect(await person.permits(device, BATCHES, atMs)).toMatchObject({ code: 'DEVICE_CLOCK_WRONG' })
    })

    it('whose request somebody else signed', async () => {
      await consented()
      const forged = { device: device.device, key: aKey() }
      expect(await person.lease(forged)).toMatchObject({ status: 401, code: 'REQUEST_FORGED' })
      expect(await person.permits(forged, BATCHES)).toMatchObject({ status: 401, code: 'REQUEST_FORGED' })
    })

    it('whose request was made for something else, or is an old one sent again', async () => {
      await consented()
      const atMs = ground.nowMs()
      const lease = signJws('ft-lease-request+jwt', { device: device.device, atMs }, device.key)
      expect(await ground.call('/api/permits', { body: lease })).toMatchObject({ code: 'REQUEST_FORGED' })
      expect((await ground.call('/api/leases', { body: lease })).status).toBe(200)
      ground.moveClock(5 * 60_000 + 1_000)
      expect(await ground.call('/api/leases', { body: lease })).toMatchObject({ code: 'DEVICE_CLOCK_WRONG' })
    })

    it.each([
      ['no token', 'hello'],
      ['an empty one', '..'],
      ['the algorithm none', `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`],
    ])('that sends %s', async (_what, body) => {
      expect(await ground.call('/api/leases', { body })).toMatchObject({ status: 400, code: 'BODY_INVALID' })
    })

    it('that is not enrolled, cut off, or of a build that was not reviewed', async () => {
      await consented()
      expect(await person.lease({ device: 'A'.repeat(22), key: aKey() })).toMatchObject({ code: 'DEVICE_UNKNOWN' })
      const unreviewed = await person.post('/api/devices', { publicKey: aKey().publicKey, build: 'home-made' })
      expect(unreviewed).toMatchObject({ code: 'BUILD_NOT_REVIEWED' })
      await ground.sql.query('update consent.devices set build = $1 where device = $2', ['home-made', device.device])
      expect(await person.lease(device)).toMatchObject({ code: 'BUILD_NOT_REVIEWED' })
      await person.post('/api/devices/cut-off', { device: device.device })
      expect(await person.lease(device)).toMatchObject({ code: 'DEVICE_UNKNOWN' })
      const again = await person.post('/api/devices', { publicKey: device.key.publicKey, build: 'test-build' })
      expect(again).toMatchObject({ code: 'BODY_INVALID' })
    })

    it('that asks for more permits than 64, or for what is no batch', async () => {
      await consented()
      expect(await person.permits(device, Array(65).fill(BATCHES[0]))).toMatchObject({ code: 'BODY_INVALID' })
      expect(await person.permits(device, ['short'])).toMatchObject({ code: 'BODY_INVALID' })
    })
  })

  it('writes nothing and logs nothing for leases and permits', async () => {
    await consented()
    const before = { rows: await dumpAll(ground.sql), logged: ground.logged.length }
    for (let i = 0; i < 10; i++) {
      expect((await person.lease(device)).status).toBe(200)
      expect((await person.permits(device, BATCHES)).status).toBe(200)
    }
    expect(await dumpAll(ground.sql)).toBe(before.rows)
    expect(ground.logged.length).toBe(before.logged)
  })

  it('shows a participant nothing of another', async () => {
    const other = await Person.join(ground, owner)
    await consented()
    const answers = await Promise.all([other.get('/api/consent'), other.get('/api/devices')])
    expect(JSON.stringify(answers)).not.toContain(person.pseudonym)
    expect(JSON.stringify(answers)).not.toContain(device.device)
    expect(await other.post('/api/devices/cut-off', { device: device.device })).toMatchObject({
      code: 'DEVICE_UNKNOWN',
    })
    expect(await other.post('/api/devices', { publicKey: device.key.publicKey, build: 'test-build' })).toMatchObject({
      code: 'BODY_INVALID',
    })
    expect((await person.lease(device)).status).toBe(200)
  })

  // Last: it changes the charter for good.
  it('holds everybody to the old notice and terms until they say yes to the new ones', async () => {
    await consented()
    const yaml = CHARTER_YAML.replace('version: 1\ntitle', 'version: 2\ntitle')
      .replace('notice:\n  version: 1', 'notice:\n  version: 2')
      .replace('You can say no', 'You can still say no')
      .replace('    - { id: desktop:mail, title: Mail, labels: [Send, Reply] }\n', '')
    const silent = yaml.replace('notice:\n  version: 2', 'notice:\n  version: 1')
    const put = (text: string) => ground.call('/api/programme/charter', { token: owner, body: { yaml: text } })
    expect(await put(silent)).toMatchObject({ code: 'CHARTER_INVALID' })
    const proposed = await put(yaml)
    const { hash } = proposed.body.change as { hash: string }
    expect(proposed.body).toMatchObject({ charterHash: charterHash(charter), change: { state: 'proposed' } })
    await approveCharter(ground, hash)
    ground.moveClock(charter.notice.period)
    const inForce = async () => (await ground.call('/api/programme')).body.charterHash
    await expect.poll(inForce, { timeout: 10_000 }).toBe(hash)

    const before = claimsOf((await person.lease(device)).body.lease)
    expect(before).toMatchObject({ noticeVersion: 1, apps: ['desktop:orders'] })
    expect([charterHash(charter), hash]).not.toContain(before.charter)
    expect((await ground.call(`/api/charters/${before.charter}`)).body).toMatchObject({
      charter: {
        notice: { version: 1 },
        capture: { apps: [{ id: 'desktop:orders' }, { id: 'web:https://crm.example' }] },
      },
    })
    const textOf = async (version: number) => (await ground.call(`/api/notices/${version}`)).body.text
    expect(await textOf(1)).toBe(charter.notice.text)
    expect(await textOf(2)).toContain('You can still say no')
    expect(await person.consent({ noticeVersion: 1 })).toMatchObject({ code: 'CONSENT_STALE' })
    expect((await person.consent({ noticeVersion: 2, apps: ['desktop:orders'] })).status).toBe(200)
    expect(claimsOf((await person.lease(device)).body.lease)).toMatchObject({ noticeVersion: 2, charter: hash })
  })
})

function claimsOf(token: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString())
}
