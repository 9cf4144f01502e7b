import { softwareAuthenticator } from '@fairtrace/testing/simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addPasskey, passkeyOrigin, registrationOptions, stepUp, stepUpOptions } from './passkey-ground.ts'
import {
  type Answer,
  OWNER,
  Person,
  type PortalGround,
  PROTECTION,
  startPortalGround,
  startProgramme,
} from './portal-ground.ts'

const HOUR_MS = 3_600_000
const PURPOSE = 'run-programme'

describe('passkeys', () => {
  let ground: PortalGround
  let owner: string

  beforeAll(async () => {
    ground = await startPortalGround()
    owner = await ground.signIn(OWNER.name, OWNER.password)
    await startProgramme(ground, owner)
  })
  afterAll(() => ground?.stop())

  const move = (state: string, token = owner) => ground.call('/api/programme/state', { token, body: { state } })

  /** A participant with a passkey that works. */
  async function somebody() {
    const person = await Person.join(ground, owner)
    const authenticator = softwareAuthenticator()
    expect((await addPasskey(ground, person.session, authenticator)).status).toBe(200)
    return { token: person.session, person, authenticator }
  }

  it('are nobody’s without a session', async () => {
    for (const path of ['/api/passkeys/options', '/api/step-up/options']) {
      const body = path === '/api/passkeys/options' ? {} : { purpose: PURPOSE }
      expect(await ground.call(path, { body })).toMatchObject({ status: 401, code: 'SESSION_REQUIRED' })
    }
    expect(await ground.call('/api/passkeys')).toMatchObject({ status: 401 })
  })

  describe('when one is added', () => {
    it.each([
      ['made on another page', { origin: 'https://evil.example' }, 'PASSKEY_ORIGIN_WRONG'],
      ['made for another portal', { rpId: 'evil.example' }, 'PASSKEY_INVALID'],
      ['to another challenge', { challenge: 'A'.repeat(43) }, 'PASSKEY_CHALLENGE_OVER'],
      ['without finger, face or PIN', { isUserVerified: false }, 'PASSKEY_INVALID'],
    ] as const)('an answer %s is refused', async (_what, change, code) => {
      const { session: token } = await Person.join(ground, owner)
      const { origin, rpId, challenge, isUserVerified } = {
        origin: passkeyOrigin(ground),
        isUserVerified: true,
        rpId: undefined,
        challenge: undefined,
        ...change,
      }
      const options = await registrationOptions(ground, token)
      const asked = { challenge: challenge ?? options.challenge, rp: { id: rpId ?? options.rp.id } }
      const body = softwareAuthenticator({ isUserVerified }).create(asked, origin)
      expect(await ground.call('/api/passkeys', { token, body })).toMatchObject({ code })
      expect((await ground.call('/api/passkeys', { token })).body).toEqual({ passkeys: [] })
    })

    it('its challenge is good once, and for one session', async () => {
      const { session: token } = await Person.join(ground, owner)
      const { session: other } = await Person.join(ground, owner)
      const body = softwareAuthenticator().create(await registrationOptions(ground, token), passkeyOrigin(ground))
      const add = (session: string) => ground.call('/api/passkeys', { token: session, body })
      expect(await add(other)).toMatchObject({ code: 'PASSKEY_CHALLENGE_OVER' })
      expect(await add(token)).toMatchObject({ status: 200 })
      expect(await add(token)).toMatchObject({ code: 'PASSKEY_CHALLENGE_OVER' })
    })

    it('nobody else can add the same credential', async () => {
      const { authenticator } = await somebody()
      const { session } = await Person.join(ground, owner)
      expect(await addPasskey(ground, session, authenticator)).toMatchObject({ code: 'PASSKEY_INVALID' })
    })

    it('the first works at once, a further one after 72 hours unless a present one vouches for it', async () => {
      const { token, person, authenticator } = await somebody()
      // What every device of theirs shows while it waits.
      const saysWaiting = async () => (await person.get('/api/consent')).body.passkeyWorksFromMs
      const [vouched, stranger] = [softwareAuthenticator(), softwareAuthenticator()]
      await stepUp(ground, token, 'change-passkeys', authenticator)
      const second = await addPasskey(ground, token, vouched)
      expect(Number(second.body.usableFromMs)).toBeLessThanOrEqual(ground.nowMs())
      expect(await stepUp(ground, token, PURPOSE, vouched)).toMatchObject({ status: 200 })
      expect(await saysWaiting()).toBeNull()

      const third = await addPasskey(ground, token, stranger)
      expect(Number(third.body.usableFromMs)).toBeGreaterThan(ground.nowMs() + 71 * HOUR_MS)
      expect(await stepUp(ground, token, PURPOSE, stranger)).toMatchObject({ status: 403, code: 'PASSKEY_WAITS' })
      expect(await saysWaiting()).toBe(third.body.usableFromMs)
      ground.moveClock(73 * HOUR_MS)
      expect(await stepUp(ground, token, PURPOSE, stranger)).toMatchObject({ status: 200 })
      expect(await saysWaiting()).toBeNull()
    })

    it('a person has at most ten', async () => {
      const { token } = await somebody()
      const added: Answer[] = []
      for (let i = 0; i < 10; i++) added.push(await addPasskey(ground, token, softwareAuthenticator()))
      expect(added.map(({ status }) => status)).toEqual([...Array.from({ length: 9 }, () => 200), 400])
    })
  })

  describe('when one gives its word', () => {
    it.each([
      ['made on another page', 'https://evil.example', 'PASSKEY_ORIGIN_WRONG'],
      ['made on the portal’s address with a number', 'http://127.0.0.1:1', 'PASSKEY_ORIGIN_WRONG'],
    ])('an answer %s is refused', async (_what, origin, code) => {
      const { token, authenticator } = await somebody()
      const answer = authenticator.get(await stepUpOptions(ground, token, PURPOSE), origin)
      expect(await ground.call('/api/step-up', { token, body: { purpose: PURPOSE, ...answer } })).toMatchObject({
        code,
      })
    })

    it('another challenge, and one that was never given, are refused', async () => {
      const { token, authenticator } = await somebody()
      const options = { challenge: 'A'.repeat(43), rpId: 'localhost' }
      const answer = authenticator.get(options, passkeyOrigin(ground))
      const send = () => ground.call('/api/step-up', { token, body: { purpose: PURPOSE, ...answer } })
      expect(await send()).toMatchObject({ code: 'PASSKEY_CHALLENGE_OVER' })
      await stepUpOptions(ground, token, PURPOSE)
      expect(await send()).toMatchObject({ code: 'PASSKEY_CHALLENGE_OVER' })
    })

    it('a replayed answer is refused, for the same purpose and for another', async () => {
      const { token, authenticator } = await somebody()
      const answer = authenticator.get(await stepUpOptions(ground, token, PURPOSE), passkeyOrigin(ground))
      const send = (purpose: string) => ground.call('/api/step-up', { token, body: { purpose, ...answer } })
      expect(await send('change-passkeys')).toMatchObject({ code: 'PASSKEY_CHALLENGE_OVER' })
      expect(await send(PURPOSE)).toMatchObject({ status: 200 })
      expect(await send(PURPOSE)).toMatchObject({ code: 'PASSKEY_CHALLENGE_OVER' })
      await stepUpOptions(ground, token, PURPOSE)
      expect(await send(PURPOSE)).toMatchObject({ code: 'PASSKEY_CHALLENGE_OVER' })
    })

    it('a counter that does not move on shows a copy, which is refused', async () => {
      const { token, authenticator } = await somebody()
      const copy = authenticator.clone()
      expect(await stepUp(ground, token, PURPOSE, authenticator)).toMatchObject({ status: 200 })
      expect(await stepUp(ground, token, PURPOSE, authenticator)).toMatchObject({ status: 200 })
      expect(await stepUp(ground, token, PURPOSE, copy)).toMatchObject({ status: 403, code: 'PASSKEY_CLONED' })
    })

    it('another person’s credential is refused', async () => {
      const [one, two] = [await somebody(), await somebody()]
      expect(await stepUp(ground, one.token, PURPOSE, two.authenticator)).toMatchObject({ code: 'PASSKEY_UNKNOWN' })
    })

    it('a signature by another key under the right name is refused', async () => {
      const { token, authenticator } = await somebody()
      const forged = softwareAuthenticator().get(await stepUpOptions(ground, token, PURPOSE), passkeyOrigin(ground))
      const body = { purpose: PURPOSE, ...forged, id: authenticator.id }
      expect(await ground.call('/api/step-up', { token, body })).toMatchObject({ code: 'PASSKEY_INVALID' })
    })

    it('an answer without finger, face or PIN is refused', async () => {
      const { token, authenticator } = await somebody()
      const options = await stepUpOptions(ground, token, PURPOSE)
      const { id, response } = authenticator.get(options, passkeyOrigin(ground))
      const data = Buffer.from(response.authenticatorData, 'base64url')
      data[32] = 0x01
      const body = { purpose: PURPOSE, id, response: { ...response, authenticatorData: data.toString('base64url') } }
      expect(await ground.call('/api/step-up', { token, body })).toMatchObject({ code: 'PASSKEY_INVALID' })
    })
  })

  describe('of staff', () => {
    it('are needed to run a programme again once there is one, each time, and never to pause', async () => {
      expect(await move('paused')).toMatchObject({ status: 200 })
      expect(await move('running')).toMatchObject({ status: 200 })
      const authenticator = softwareAuthenticator()
      await addPasskey(ground, owner, authenticator)
      expect(await move('paused')).toMatchObject({ status: 200 })
      expect(await move('running')).toMatchObject({ status: 403, code: 'STEP_UP_REQUIRED' })
      // Its word for something else, or in another session of the same person, is none for this.
      await stepUp(ground, owner, 'change-passkeys', authenticator)
      const elsewhere = await ground.signIn(OWNER.name, OWNER.password)
      await stepUp(ground, elsewhere, PURPOSE, authenticator)
      expect(await move('running')).toMatchObject({ code: 'STEP_UP_REQUIRED' })
      await stepUp(ground, owner, PURPOSE, authenticator)
      expect(await move('running')).toMatchObject({ status: 200 })
      expect(await move('paused')).toMatchObject({ status: 200 })
      expect(await move('running')).toMatchObject({ code: 'STEP_UP_REQUIRED' })
    })

    it('belong to the account, not to the session', async () => {
      const token = await ground.signIn(PROTECTION.name, PROTECTION.password)
      const authenticator = softwareAuthenticator()
      await addPasskey(ground, token, authenticator)
      const again = await ground.signIn(PROTECTION.name, PROTECTION.password)
      expect((await ground.call('/api/passkeys', { token: again })).body).toMatchObject({
        passkeys: [{ id: authenticator.id }],
      })
    })
  })

  it('are removed by their owner alone, with a present one’s word', async () => {
    const [one, two] = [await somebody(), await somebody()]
    const remove = (token: string, id: string) => ground.call('/api/passkeys/remove', { token, body: { id } })
    expect(await remove(one.token, one.authenticator.id)).toMatchObject({ code: 'STEP_UP_REQUIRED' })
    await stepUp(ground, one.token, 'change-passkeys', one.authenticator)
    expect(await remove(one.token, two.authenticator.id)).toMatchObject({ code: 'PASSKEY_UNKNOWN' })
    await stepUp(ground, one.token, 'change-passkeys', one.authenticator)
    expect(await remove(one.token, one.authenticator.id)).toMatchObject({ status: 200 })
    expect((await ground.call('/api/passkeys', { token: one.token })).body).toEqual({ passkeys: [] })
    expect((await ground.call('/api/step-up/options', { token: one.token, body: { purpose: PURPOSE } })).body).toEqual({
      options: null,
    })
  })
})
