/**
 * Attacks on the second custodian. The attacker here is the server itself: somebody who writes every row of the database, or who took
 * the vault's process over and signs with its key. Refused with a code, and nothing opened.
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  type Activation,
  type Approval,
  type Grant,
  KEEPER_REQUEST_TYP,
  KEEPER_SHARES_INFO,
  type KeeperItem,
  OWN_OPENED_ENTRY,
  ownAccessChallenge,
  PASSKEY_ENROLMENT_TYP,
  passkeyVoucherChallenge,
  sliceDigest,
} from '@fairtrace/core'
import { Keeper, KeeperStore } from '@fairtrace/keeper'
import { ed25519PublicKey, signerFromSeed, signJws, verifyJws } from '@fairtrace/server/runtime/jws'
import { unwrapContentKey, wrapContentKey } from '@fairtrace/server/vault/content-key-wrap'
import { generateX25519, hpkeOpen, x25519KeyPair } from '@fairtrace/server/vault/hpke'
import { openKeeperClient } from '@fairtrace/server/vault/keeper-client'
import {
  activateGrant,
  approved,
  charterApprovals,
  grantApprovals,
  randomId,
  TEST_AUTHENTICATORS,
  TEST_ORIGIN,
  TEST_PUBLIC_KEYS,
  TEST_SEEDS,
  waitFor,
} from '@fairtrace/testing/harness'
import { softwareAuthenticator } from '@fairtrace/testing/simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  GRANT_APPROVED_ENTRY,
  GRANT_OPENED_ENTRY,
  grantHash,
  HOUR_MS,
  type KeeperGround,
  openingDetail,
  startKeeperGround,
} from './keeper-ground.ts'

const SIGNER = signerFromSeed(TEST_SEEDS.vault)

describe('the keeper, asked by whoever holds the vault’s key', () => {
  let k: KeeperGround
  let grant: Grant
  let approvals: readonly Approval[]
  let activation: Activation
  let items: KeeperItem[]

  beforeAll(async () => {
    k = await startKeeperGround()
    grant = k.grant()
    approvals = grantApprovals(grant)
    items = await k.items()
    await waitFor(async () =>
      (await k.line.call<'state'>({ call: 'state' })).result.checkpoint === null ? null : true,
    )
    const { result } = await k.activation(grant, approvals)
    activation = result.activation
  })
  afterAll(() => k.stop())

  const replyKey = () => generateX25519().publicKeyRaw.toString('base64url')
  const opening = async (overrides: object = {}, slice = items) => ({
    call: 'open' as const,
    grant,
    approvals: [...approvals],
    activation,
    logged: await k.logged(GRANT_OPENED_ENTRY, openingDetail(grant, approvals, slice)),
    items: slice,
    replyKey: replyKey(),
    ...overrides,
  })
  const refusal = async (ask: Promise<unknown>): Promise<[code: string, message: string]> => {
    try {
      await ask
    } catch (error) {
      const { code, message } = error as { code: string; message: string }
      return [code, message]
    }
    return ['', 'it was allowed']
  }
  const entry = (type: string, detail: unknown) => k.logged(type, detail)

  describe('does not activate', () => {
    const activate = async (asked: Grant, by: readonly Approval[], overrides: object = {}) => {
      const detail = { grant: asked, approvers: by.map(({ approver }) => approver) }
      const logged = await entry(GRANT_APPROVED_ENTRY, detail)
      const call = { call: 'activate' as const, grant: asked, approvals: [...by], logged, ...overrides }
      return await refusal(k.line.call<'activate'>(call))
    }
    const asserted = (
      asked: Grant,
      approver: string,
      who: keyof typeof TEST_AUTHENTICATORS,
      challenge = grantHash(asked),
    ) => ({
      approver,
      assertion: TEST_AUTHENTICATORS[who].assert({ challenge, rpId: 'localhost' }, TEST_ORIGIN),
    })

    it.each<[string, () => [Grant, readonly Approval[]], string]>([
      ['what nobody approved', () => [k.grant(), []], 'approval-missing'],
      ['what one person approved', () => [k.grant(), [...grantApprovals(k.grant())].slice(0, 1)], 'approval-missing'],
      [
        'two approvals by one person under two accounts',
        () => {
          const asked = k.grant()
          return [
            asked,
            [asserted(asked, 'Dana Weiss', 'dataProtection'), asserted(asked, 'Robin Okafor', 'dataProtection')],
          ]
        },
        'approval-missing',
      ],
      [
        'self-approval, however the name is spelled',
        () => {
          const asked = k.grant({ requester: { name: ' ROBIN Okafor', group: 'agent-training' } })
          return [asked, grantApprovals(asked)]
        },
        'approval-missing',
      ],
      [
        'approvals that were given to another grant',
        () => [k.grant(), grantApprovals(k.grant({ reason: 'Something harmless.' }))],
        'approval-missing',
      ],
      [
        'approvals for another purpose',
        () => {
          const asked = k.grant({ purpose: 'dpv:PersonnelPerformanceMonitoring' })
          return [asked, grantApprovals(asked)]
        },
        'other-purpose',
      ],
      [
        'who is in no audience of the charter',
        () => {
          const asked = k.grant({ requester: { name: 'Rhea Novak', group: 'management' } })
          return [asked, grantApprovals(asked)]
        },
        'not-in-audience',
      ],
      [
        'more time than the audience may have',
        () => {
          const asked = k.grant({ lengthMs: 9 * HOUR_MS })
          return [asked, grantApprovals(asked)]
        },
        'too-long',
      ],
      [
        'approvals that came too late',
        () => {
          const asked = k.grant({ approveByMs: k.clock.nowMs() - 1 })
          return [asked, grantApprovals(asked)]
        },
        'approved-too-late',
      ],
      [
        'a grant of another epoch',
        () => {
          const asked = k.grant({ epoch: 7 })
          return [asked, grantApprovals(asked)]
        },
        'epoch-over',
      ],
    ])('%s', async (_what, make, reason) => {
      const [asked, by] = make()
      expect(await activate(asked, by)).toEqual(['GRANT_INVALID', expect.stringContaining(reason)])
    })

    it('an approval by a passkey that asked for no finger, or on a page of somebody else', async () => {
      const asked = k.grant()
      const challenge = grantHash(asked)
      const [dana, robin] = grantApprovals(asked)
      const elsewhere = TEST_AUTHENTICATORS.workerRepresentative.assert(
        { challenge, rpId: 'localhost' },
        'https://localhost.evil',
      )
      expect(await activate(asked, [dana, { ...robin, assertion: elsewhere }])).toEqual([
        'GRANT_INVALID',
        expect.stringContaining('approval-missing'),
      ])
      const unverified = softwareAuthenticator({ isUserVerified: false, seed: 'worker-representative' })
      const assertion = unverified.assert({ challenge, rpId: 'localhost' }, TEST_ORIGIN)
      expect(await activate(asked, [dana, { ...robin, assertion }])).toEqual([
        'GRANT_INVALID',
        expect.stringContaining('approval-missing'),
      ])
    })

    it('what stands in the log as something else, or nowhere', async () => {
      const asked = k.grant()
      const by = grantApprovals(asked)
      const other = await entry(GRANT_APPROVED_ENTRY, { grant: k.grant(), approvers: [] })
      expect((await activate(asked, by, { logged: other }))[0]).toBe('KEEPER_REFUSED')
      const otherType = await entry('programme.state', { grant: asked, approvers: [] })
      expect((await activate(asked, by, { logged: otherType }))[0]).toBe('LEDGER_INVALID')
      const changed = { ...other, detail: { grant: asked, approvers: [] } }
      expect((await activate(asked, by, { logged: changed }))[0]).toBe('LEDGER_INVALID')
    })
  })

  it('gives shares for an opening that stands in the log, to the key that asked, and once', async () => {
    const reply = generateX25519()
    const asked = await opening({ replyKey: reply.publicKeyRaw.toString('base64url') })
    const { result, nonce } = await k.line.call<'open'>(asked)
    const shares = hpkeOpen({
      ...reply,
      enc: Buffer.from(result.enc, 'base64url'),
      info: KEEPER_SHARES_INFO,
      aad: Buffer.from(nonce),
      ciphertext: Buffer.from(result.sealed, 'base64url'),
    })
    expect(shares.length).toBe(32 * items.length)
    expect(
      new Set(Array.from({ length: items.length }, (_, i) => shares.subarray(32 * i, 32 * i + 32).toString('hex')))
        .size,
    ).toBe(items.length)
    // The same again after a crash is the same; another key needs another entry.
    await k.line.call<'open'>(asked)
    expect(await refusal(k.line.call<'open'>({ ...asked, replyKey: replyKey() }))).toEqual([
      'KEEPER_REFUSED',
      expect.stringContaining('opened before'),
    ])
  })

  describe('does not open', () => {
    it('what is not in the entry', async () => {
      const more = [...items, { ...(items[0] as KeeperItem), contentKeyId: 'another' }]
      const asked = await opening()
      expect((await refusal(k.line.call<'open'>({ ...asked, items: more })))[0]).toBe('KEEPER_REFUSED')
      const [first, second] = items as [KeeperItem, KeeperItem]
      const swapped = [
        { ...first, e: second.e },
        { ...second, e: first.e },
      ]
      expect((await refusal(k.line.call<'open'>({ ...asked, items: swapped })))[0]).toBe('KEEPER_REFUSED')
    })

    it('for another opening’s entry, or another grant’s', async () => {
      const other = k.grant()
      const logged = await entry(GRANT_OPENED_ENTRY, openingDetail(other, approvals, items))
      expect((await refusal(k.line.call<'open'>(await opening({ logged }))))[0]).toBe('KEEPER_REFUSED')
      const asApproval = await entry(GRANT_APPROVED_ENTRY, openingDetail(grant, approvals, items))
      expect((await refusal(k.line.call<'open'>(await opening({ logged: asApproval }))))[0]).toBe('LEDGER_INVALID')
    })

    it('under a checkpoint that somebody else signed, that it never cosigned, or cosigned long ago', async () => {
      const { logged } = await opening()
      const forged = logged.proof.replace(
        /\n([A-Za-z0-9+/]{43}=)\n\n/,
        `\n${createHash('sha256').digest('base64')}\n\n`,
      )
      expect((await refusal(k.line.call<'open'>(await opening({ logged: { ...logged, proof: forged } }))))[0]).toBe(
        'LEDGER_INVALID',
      )
      const lines = logged.proof.split('\n')
      const bare = lines.filter((line) => !line.startsWith('— fairtrace/test-programme/keeper ')).join('\n')
      expect(await refusal(k.line.call<'open'>(await opening({ logged: { ...logged, proof: bare } })))).toEqual([
        'LEDGER_INVALID',
        expect.stringContaining('never cosigned'),
      ])
      k.clock.offsetMs += 16 * 60_000
      expect(await refusal(k.line.call<'open'>(await opening({ logged })))).toEqual([
        'LEDGER_INVALID',
        expect.stringContaining('stale'),
      ])
    })

    it('with an activation of the attacker’s making, or a longer one', async () => {
      const longer = { ...activation, endsAtMs: activation.endsAtMs + HOUR_MS }
      expect(await refusal(k.line.call<'open'>(await opening({ activation: longer })))).toEqual([
        'GRANT_INVALID',
        expect.stringContaining('not-active'),
      ])
      const never = k.grant()
      const by = grantApprovals(never)
      const logged = await entry(GRANT_OPENED_ENTRY, openingDetail(never, by, items))
      const asked = await opening({ grant: never, approvals: by, logged })
      expect((await refusal(k.line.call<'open'>(asked)))[1]).toContain('not-active')
    })

    it('what a request asks that was used before, is old, or that somebody else signed', async () => {
      const { url, key } = k.ground.keeper.place
      const post = async (token: string) => await fetch(`${url}/v1`, { method: 'POST', body: token })
      const signed = (atMs: number, signer = SIGNER) =>
        signJws(KEEPER_REQUEST_TYP, { nonce: randomId(), atMs, call: { call: 'state' } }, signer)
      const good = signed(k.clock.nowMs())
      const first = await post(good)
      expect(first.status).toBe(200)
      verifyJws('ft-keeper-answer+jwt', await first.text(), ed25519PublicKey(key), 'KEEPER_UNTRUSTED')
      for (const token of [
        good,
        signed(k.clock.nowMs() - 2 * 60_000),
        signed(k.clock.nowMs() + 2 * 60_000),
        signed(Number.NaN),
        signed(k.clock.nowMs(), signerFromSeed(TEST_SEEDS.builder)),
        good.replace(/^[^.]*/, Buffer.from('{"alg":"none","typ":"ft-keeper-request+jwt"}').toString('base64url')),
        'nonsense',
        '',
      ]) {
        const answer = await post(token)
        expect([answer.status, await answer.json()]).toMatchObject([401, { error: { code: 'KEEPER_REQUEST_INVALID' } }])
      }
    })

    it('after the custodian’s own end, whatever the vault says; and an end is final', async () => {
      const ending = k.grant()
      const by = grantApprovals(ending)
      await k.activation(ending, by)
      k.ground.keeper.keeper.endGrant(grantHash(ending))
      expect(await refusal(k.activation(ending, by))).toEqual(['GRANT_INVALID', expect.stringContaining('ended')])
    })
  })

  describe('and its clock', () => {
    it('ends a grant by its own time, not the vault’s', async () => {
      const short = k.grant({ lengthMs: 60_000 })
      const by = grantApprovals(short)
      const { result } = await k.activation(short, by)
      k.clock.offsetMs += 61_000
      const logged = await entry(GRANT_OPENED_ENTRY, openingDetail(short, by, items))
      const asked = await opening({ grant: short, approvals: by, activation: result.activation, logged })
      expect((await refusal(k.line.call<'open'>(asked)))[1]).toContain('not-in-period')
    })

    it('is noticed when it goes back, also over a restart: then nothing opens', async () => {
      k.clock.offsetMs -= HOUR_MS
      expect((await refusal(k.line.call<'state'>({ call: 'state' })))[0]).toBe('KEEPER_CLOCK_BACK')
      k.clock.offsetMs += HOUR_MS
      await k.ground.keeper.stop()
      k.clock.offsetMs -= HOUR_MS
      await expect(k.ground.keeper.restart()).rejects.toMatchObject({ code: 'KEEPER_CLOCK_BACK' })
      k.clock.offsetMs += HOUR_MS
      await k.ground.keeper.restart()
      await waitFor(async () => ((await refusal(k.line.call<'state'>({ call: 'state' })))[0] === '' ? true : null))
    })
  })

  describe('and its charter', () => {
    it('follows no charter that lacks the signatures of the one before', async () => {
      const { CHARTER_YAML } = await import('@fairtrace/testing/harness')
      const stranger = softwareAuthenticator().passkey
      const yaml = CHARTER_YAML.replace('version: 1', 'version: 2').replace(
        TEST_AUTHENTICATORS.dataProtection.passkey.key,
        stranger.key,
      )
      const call = { call: 'charter' as const, yaml, approvals: [] }
      expect(await refusal(k.line.call<'charter'>(call))).toEqual([
        'KEEPER_REFUSED',
        expect.stringContaining('signature'),
      ])
      expect(
        (await refusal(k.line.call<'charter'>({ ...call, approvals: [...charterApprovals('A'.repeat(43))] })))[0],
      ).toBe('KEEPER_REFUSED')
    })

    it('never lowers its epoch', async () => {
      const { result } = await k.line.call<'state'>({ call: 'state' })
      await k.line.call<'raise-epoch'>({ call: 'raise-epoch', epoch: 0 })
      expect((await k.line.call<'state'>({ call: 'state' })).result.epoch).toBe(result.epoch)
    })
  })

  it('makes no share again that it destroyed, and none for another key of the vault’s', async () => {
    const pseudonym = randomId()
    const person = { pseudonym, generation: 1, vaultKey: replyKey() }
    const made = await k.line.call<'make-shares'>({ call: 'make-shares', people: [person] })
    expect(await k.line.call<'make-shares'>({ call: 'make-shares', people: [person] })).toMatchObject({
      result: made.result,
    })
    const other = { ...person, vaultKey: replyKey() }
    expect((await refusal(k.line.call<'make-shares'>({ call: 'make-shares', people: [other] })))[0]).toBe(
      'KEEPER_REFUSED',
    )
    await k.line.call<'erase'>({ call: 'erase', people: [{ pseudonym, generation: 1 }] })
    expect((await refusal(k.line.call<'make-shares'>({ call: 'make-shares', people: [person] })))[0]).toBe(
      'KEEPER_REFUSED',
    )
  })

  describe('and participants’ passkeys', () => {
    const DAYS_3 = 72 * HOUR_MS
    const enrol = (pseudonym: string, device: ReturnType<typeof softwareAuthenticator>, seed = TEST_SEEDS.issuer) =>
      signJws(
        PASSKEY_ENROLMENT_TYP,
        { programme: 'test-programme', pseudonym, passkey: device.passkey, atMs: k.clock.nowMs() },
        signerFromSeed(seed),
      )
    const add = async (enrolment: string, vouchedBy: ReturnType<typeof passkeyAnswer> | null = null) =>
      await k.line.call<'add-passkey'>({ call: 'add-passkey', enrolment, vouchedBy })
    const passkeyAnswer = (device: ReturnType<typeof softwareAuthenticator>, challenge: string) =>
      device.assert({ challenge, rpId: 'localhost' }, TEST_ORIGIN)
    const own = async (pseudonym: string, device: ReturnType<typeof softwareAuthenticator>, slice: KeeperItem[]) => {
      const request = {
        id: randomId(),
        programme: 'test-programme',
        pseudonym,
        what: 'view' as const,
        recipientKey: replyKey(),
        requestedAtMs: k.clock.nowMs(),
      }
      const detail = { opening: 'mine', request, slices: [sliceDigest(slice)], contentKeys: slice.length }
      const logged = await entry(OWN_OPENED_ENTRY, detail)
      const assertion = passkeyAnswer(device, ownAccessChallenge(request))
      return await k.line.call<'open-own'>({
        call: 'open-own',
        request,
        assertion,
        logged,
        items: slice,
        replyKey: replyKey(),
      })
    }

    it('takes none that the portal did not sign, and lets none work at once for whom something is stored', async () => {
      const person = k.people[0]?.pseudonym ?? ''
      const mine = items.filter(({ pseudonym }) => pseudonym === person)
      const stranger = softwareAuthenticator()
      expect((await refusal(add(enrol(person, stranger, TEST_SEEDS.vault))))[0]).toBe('PASSKEY_INVALID')
      expect((await refusal(own(person, stranger, mine)))[0]).toBe('PASSKEY_UNKNOWN')
      const { result } = await add(enrol(person, stranger))
      expect(result.usableFromMs).toBeGreaterThanOrEqual(k.clock.nowMs() + DAYS_3 - 1_000)
      expect((await refusal(own(person, stranger, mine)))[0]).toBe('PASSKEY_WAITS')
    })

    it('lets one work at once that came before anything, or that a present one vouches for', async () => {
      const pseudonym = randomId()
      const first = softwareAuthenticator()
      expect((await add(enrol(pseudonym, first))).result.usableFromMs).toBeLessThanOrEqual(k.clock.nowMs())
      const second = softwareAuthenticator()
      const voucher = passkeyVoucherChallenge({ programme: 'test-programme', pseudonym, passkey: second.passkey })
      const byStranger = passkeyAnswer(softwareAuthenticator(), voucher)
      const third = softwareAuthenticator()
      expect((await add(enrol(pseudonym, third), byStranger)).result.usableFromMs).toBeGreaterThan(
        k.clock.nowMs() + DAYS_3 - 1_000,
      )
      const vouched = await add(enrol(pseudonym, second), passkeyAnswer(first, voucher))
      expect(vouched.result.usableFromMs).toBeLessThanOrEqual(k.clock.nowMs())
      // Nothing is stored of this person; that the opening is allowed is what is asked here.
      await own(pseudonym, second, [])
    })

    it('opens nobody else’s content keys', async () => {
      const pseudonym = randomId()
      const device = softwareAuthenticator()
      await add(enrol(pseudonym, device))
      expect((await refusal(own(pseudonym, device, items)))[0]).toBe('KEEPER_REFUSED')
    })
  })
})

describe('a content key', () => {
  const [vault, keeper] = [generateX25519(), generateX25519()]
  const keys = { vaultKey: vault.publicKeyRaw, keeperKey: keeper.publicKeyRaw }
  const name = { id: 'one', pseudonym: randomId(), generation: 1 }
  const contentKey = randomBytes(32)
  const { enc, sealed } = wrapContentKey(name, keys, contentKey)
  const share = (pair = keeper) => {
    const { diffieHellman, createPublicKey } = process.getBuiltinModule('node:crypto')
    const der = Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), enc])
    return diffieHellman({
      privateKey: pair.privateKey,
      publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }),
    })
  }
  const open = (overrides: object = {}) =>
    unwrapContentKey({ name, keys, enc, sealed, vaultPrivate: vault.privateKey, keeperShare: share(), ...overrides })

  it('opens with both halves', () => {
    expect(open().equals(contentKey)).toBe(true)
  })

  it.each<[string, () => object]>([
    ['the vault alone', () => ({ keeperShare: Buffer.alloc(32) })],
    ['the keeper alone', () => ({ vaultPrivate: keeper.privateKey })],
    ['a share of another ephemeral key', () => ({ keeperShare: randomBytes(32) })],
    ['another keeper’s share', () => ({ keeperShare: share(generateX25519()) })],
    ['another person’s name', () => ({ name: { ...name, pseudonym: randomId() } })],
    ['another generation', () => ({ name: { ...name, generation: 2 } })],
    ['another id', () => ({ name: { ...name, id: 'two' } })],
    ['another key of the keeper’s in the row', () => ({ keys: { ...keys, keeperKey: generateX25519().publicKeyRaw } })],
    ['another person’s half', () => ({ vaultPrivate: x25519KeyPair(randomBytes(32)).privateKey })],
  ])('does not open for %s', (_what, overrides) => {
    expect(() => open(overrides())).toThrow(expect.objectContaining({ code: 'KEY_UNAVAILABLE' }))
  })
})

describe('a database superuser who inserts every row', () => {
  let k: KeeperGround
  beforeAll(async () => {
    k = await startKeeperGround()
  })
  afterAll(() => k.stop())

  const ask = async (request: unknown) => {
    const id = randomId()
    await k.ground.sql.query('insert into vault.openings (id, request) values ($1, $2)', [id, JSON.stringify(request)])
    await k.ground.sql.query(`select pg_notify('fairtrace_openings', $1)`, [id])
    return await waitFor(async () => {
      const { rows } = await k.ground.sql.query(`select * from vault.openings where id = $1 and state <> 'requested'`, [
        id,
      ])
      return rows[0] ?? null
    })
  }

  it('opens nothing with a grant, approvals and an activation of their own making', async () => {
    const grant = k.grant()
    const impostors = { ...TEST_AUTHENTICATORS, dataProtection: softwareAuthenticator() }
    const approvals = ['Dana Weiss', 'Robin Okafor'].map((approver) => ({
      approver,
      assertion: impostors.dataProtection.assert({ challenge: grantHash(grant), rpId: 'localhost' }, TEST_ORIGIN),
    }))
    const hash = grantHash(grant)
    const activation = {
      programme: grant.programme,
      grant: hash,
      activeFromMs: Date.now() - 1_000,
      endsAtMs: Date.now() + HOUR_MS,
      signature: 'A'.repeat(86),
    }
    await k.ground.sql.query(
      `insert into vault.activations (grant_hash, request, state, activation) values ($1, $2, 'active', $3)`,
      [hash, JSON.stringify({ grant, approvals }), JSON.stringify(activation)],
    )
    expect(await ask({ grant, approvals })).toMatchObject({ state: 'refused', code: 'GRANT_INVALID', answer: null })
    // With real approvals, but an activation that the keeper never gave.
    expect(await ask(approved(grant))).toMatchObject({ state: 'refused', code: 'GRANT_INVALID', answer: null })
  })

  it('changes approvers, epoch or charter in the database and still opens nothing', async () => {
    const request = approved(k.grant())
    await activateGrant(k.ground.sql, request)
    await k.ground.setProgramme({ epoch: 3 })
    expect(await ask(request)).toMatchObject({ state: 'refused', code: 'GRANT_INVALID' })
    // Set back: the keeper has seen the higher one, so this is a store from before.
    await waitFor(async () => ((await k.line.call<'state'>({ call: 'state' })).result.epoch === 3 ? true : null))
    await k.ground.setProgramme({ epoch: 0 })
    // A process that has seen the higher one goes by that; one that starts on this store is told by the keeper.
    expect(await ask(request)).toMatchObject({ state: 'refused', answer: null })
    await k.stopVault()
    await k.startVault()
    await waitFor(async () => {
      const { rows } = await k.ground.sql.query('select state, epoch from install.programme')
      return rows[0]?.state === 'locked' && rows[0].epoch > 3 ? true : null
    })
    expect(await ask(request)).toMatchObject({ state: 'refused', answer: null })
  })

  it('has nothing sealed to a key of their own: rows that the keeper did not sign are no keys', async () => {
    const { openPublicKeys } = await import('@fairtrace/server/vault/public-keys')
    const pseudonym = k.people[0]?.pseudonym ?? ''
    const keys = () =>
      openPublicKeys(k.database, () => ({ programme: k.ground.charter.programme, keeper: TEST_PUBLIC_KEYS.keeper }))
    expect((await keys().find([pseudonym])).size).toBe(1)
    for (const column of ['public_key', 'keeper_public_key']) {
      const { rows } = await k.ground.sql.query(
        `select ${column} as was from vault.participant_keys where pseudonym = $1`,
        [pseudonym],
      )
      await k.ground.sql.query(`update vault.participant_keys set ${column} = $2 where pseudonym = $1`, [
        pseudonym,
        generateX25519().publicKeyRaw,
      ])
      expect((await keys().find([pseudonym])).size).toBe(0)
      await k.ground.sql.query(`update vault.participant_keys set ${column} = $2 where pseudonym = $1`, [
        pseudonym,
        rows[0].was,
      ])
    }
  })
})

describe('a keeper that lies', () => {
  it('is found out: an answer under another key, or to another request, is nobody’s word', async () => {
    const { createServer } = await import('node:http')
    let body = ''
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.end(body))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    const line = openKeeperClient({ url, key: TEST_PUBLIC_KEYS.keeper }, SIGNER, { nowMs: () => Date.now() })
    const answer = { nonce: randomId(), result: { epoch: 0, charter: null, checkpoint: null } }
    for (const seed of [TEST_SEEDS.vault, TEST_SEEDS.keeper]) {
      body = signJws('ft-keeper-answer+jwt', answer, signerFromSeed(seed))
      await expect(line.call<'state'>({ call: 'state' })).rejects.toMatchObject({ code: 'KEEPER_UNTRUSTED' })
    }
    server.close()
  })
})

describe('the keeper’s store', () => {
  it('opens with its passphrase alone, holds no share in the clear, and runs once', async () => {
    const { mkdtempSync, readFileSync, rmSync, statSync } = await import('node:fs')
    const { join } = await import('node:path')
    const { tmpdir } = await import('node:os')
    const folder = mkdtempSync(join(tmpdir(), 'fairtrace-keeper-'))
    const store = KeeperStore.create(folder, 'the custodian alone knows', 'production')
    const privateKey = randomBytes(32)
    store.putShare('somebody', 1, { privateKey, vaultKey: 'A'.repeat(43) })
    expect(() => KeeperStore.open(folder, 'the custodian alone knows')).toThrow(
      expect.objectContaining({ code: 'DATA_IN_USE' }),
    )
    // A keeper that was set up for real waits for its custodian: it takes no first charter from whoever comes.
    const keeper = new Keeper(store, { nowMs: () => Date.now() })
    await expect(keeper.answer('a.b.c')).rejects.toMatchObject({ code: 'KEEPER_REQUEST_INVALID' })
    store.eraseShares('somebody', 1)
    keeper.close()
    expect(() => KeeperStore.open(folder, 'a guess')).toThrow(expect.objectContaining({ code: 'KEY_UNAVAILABLE' }))
    const bytes = readFileSync(join(folder, 'keeper.sqlite'))
    expect(bytes.includes(privateKey)).toBe(false)
    expect(bytes.includes(Buffer.from('somebody'))).toBe(false)
    expect(statSync(join(folder, 'keeper.sqlite')).mode & 0o077).toBe(0)
    rmSync(folder, { recursive: true, force: true })
  })
})
