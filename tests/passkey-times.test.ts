/** How long a challenge and a passkey's word last, on a clock that the test moves. */

import { PasskeyStore } from '@fairtrace/server/api/passkey-store'
import { CHALLENGE_MS, Passkeys, REENROLMENT_WAIT_MS, STEP_UP_MS } from '@fairtrace/server/api/passkeys'
import { personKey } from '@fairtrace/server/api/sessions'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { startTestDatabase } from '@fairtrace/testing/harness'
import { softwareAuthenticator } from '@fairtrace/testing/simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const PLACE = { rpId: 'fairtrace.example', origin: 'https://fairtrace.example' }
const PURPOSE = 'run-programme'
const NOTHING = { clientDataJSON: '', attestationObject: '' }

describe('a passkey', () => {
  let server: Awaited<ReturnType<typeof startTestDatabase>>
  let database: OpenDatabase

  beforeAll(async () => {
    server = await startTestDatabase()
    database = openDatabase(server.url('portal'))
  })
  afterAll(async () => {
    await database?.close()
    await server?.stop()
  })

  it('gives its word to a challenge for two minutes', async () => {
    const { passkeys, who, authenticator, pass } = await begin('challenge')
    for (const [afterMs, isOver] of [
      [CHALLENGE_MS - 1, false],
      [CHALLENGE_MS, true],
    ] as const) {
      const options = await passkeys.stepUpOptions(who, PURPOSE)
      pass(afterMs)
      const answer = authenticator.get({ challenge: options?.challenge ?? '', rpId: PLACE.rpId }, PLACE.origin)
      const given = passkeys.stepUp(who, PURPOSE, answer)
      if (isOver) await expect(given).rejects.toMatchObject({ code: 'PASSKEY_CHALLENGE_OVER' })
      else await given
    }
  })

  it('is taken at its word for five minutes, and once', async () => {
    const { passkeys, who, confirm, pass } = await begin('word')
    await confirm()
    pass(STEP_UP_MS - 1)
    await passkeys.requireStepUp(who, PURPOSE)
    await expect(passkeys.requireStepUp(who, PURPOSE)).rejects.toMatchObject({ code: 'STEP_UP_REQUIRED' })
    await confirm()
    pass(STEP_UP_MS)
    await expect(passkeys.requireStepUp(who, PURPOSE)).rejects.toMatchObject({ code: 'STEP_UP_REQUIRED' })
  })

  it('tells of another one beside it, which waits three days to the millisecond', async () => {
    const { passkeys, who, register, pass, told } = await begin('another')
    expect(told).toEqual([])
    const { usableFromMs } = await register()
    expect(told).toEqual(['staff:another'])
    pass(REENROLMENT_WAIT_MS - 1)
    const usable = async () => (await passkeys.stepUpOptions(who, PURPOSE))?.allowCredentials?.length
    expect(await usable()).toBe(1)
    pass(1)
    expect(await usable()).toBe(2)
    expect(usableFromMs).toBe(REENROLMENT_WAIT_MS)
  })

  it('works at once for the first of two that are added at the same time, and for that one alone', async () => {
    const { passkeys, who } = await begin('race', 0)
    const sessions = ['one', 'two', 'three'].map((session) => ({ ...who, session }))
    const created = await Promise.all(
      sessions.map(async (session) => {
        const { challenge } = await passkeys.registrationOptions(session)
        return softwareAuthenticator().create({ challenge, rp: { id: PLACE.rpId } }, PLACE.origin)
      }),
    )
    const added = await Promise.all(
      sessions.map((session, i) => passkeys.register(session, created[i] ?? { id: '', response: NOTHING })),
    )
    const fromMs = added.map(({ usableFromMs }) => usableFromMs).sort((a, b) => a - b)
    expect(fromMs).toEqual([0, REENROLMENT_WAIT_MS, REENROLMENT_WAIT_MS])
  })

  it('is needed outside a demonstration even by somebody who has none', async () => {
    const { passkeys, who } = await begin('none', 0)
    await expect(passkeys.requireStepUp(who, PURPOSE)).rejects.toMatchObject({ code: 'STEP_UP_REQUIRED' })
  })

  /** A person of production with so many passkeys. */
  async function begin(account: string, count = 1) {
    let nowMs = 0
    const told: string[] = []
    const passkeys = new Passkeys({
      store: new PasskeyStore(database),
      place: () => PLACE,
      clock: { nowMs: () => nowMs },
      nowMs: () => nowMs,
      isDemonstration: false,
      onAdded: (added) => told.push(personKey(added)),
    })
    const who = {
      kind: 'staff',
      name: 'Olga',
      account,
      roles: new Set(['programme-owner'] as const),
      groups: [],
      session: 's',
    } as const
    const authenticator = softwareAuthenticator()
    const register = async (passkey = softwareAuthenticator()) => {
      const { challenge } = await passkeys.registrationOptions(who)
      return passkeys.register(who, passkey.create({ challenge, rp: { id: PLACE.rpId } }, PLACE.origin))
    }
    const confirm = async () => {
      const options = await passkeys.stepUpOptions(who, PURPOSE)
      const asked = { challenge: options?.challenge ?? '', rpId: PLACE.rpId }
      await passkeys.stepUp(who, PURPOSE, authenticator.get(asked, PLACE.origin))
    }
    const pass = (byMs: number) => {
      nowMs += byMs
    }
    if (count > 0) await register(authenticator)
    return { passkeys, who, authenticator, register, confirm, pass, told }
  }
})
