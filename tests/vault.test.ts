import { hash, randomBytes, verify } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { type CharterHash, charterHash, type Grant } from '@fairtrace/core'
import { startLedger } from '@fairtrace/server/ledger/role'
import { ed25519PublicKey, signerFromSeed } from '@fairtrace/server/runtime/jws'
import type { RunningRole } from '@fairtrace/server/runtime/role'
import { FileObjects } from '@fairtrace/server/store/objects'
import { factsOfRow } from '@fairtrace/server/vault/chunk-rows'
import { DAY_MS, dayKeyStatement } from '@fairtrace/server/vault/day-keys'
import { generateX25519, hpkeOpen } from '@fairtrace/server/vault/hpke'
import { CONTENT_KEY_INFO, type OpenedKey } from '@fairtrace/server/vault/opening'
import { startVault } from '@fairtrace/server/vault/role'
import { chunkAad, openChunk, segmentKey } from '@fairtrace/server/vault/segment'
import {
  type ApprovedGrant,
  aBatch,
  activateGrant,
  aDevice,
  aGrant,
  approved,
  type BatchSettings,
  grantApprovals,
  someActions,
  startTestGround,
  TEST_SEEDS,
  type TestBatch,
  type TestGround,
  type TestVaultKey,
  waitFor,
} from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const log = pino({ level: 'silent' })
const REAL = { nowMs: () => Date.now() }

describe('the vault', () => {
  let ground: TestGround
  let ledger: RunningRole
  let vault: RunningRole
  let vaultKey: TestVaultKey
  const person = aDevice()
  let sequence = 0

  beforeAll(async () => {
    ground = await startTestGround()
    ledger = await startLedger({ ...ground.contextOf('ledger'), log, clock: REAL, addresses: {} })
    vault = await startVault({ ...ground.contextOf('vault'), log, clock: REAL, addresses: {} })
    vaultKey = await ground.vaultKey()
    await ground.addParticipants([person.pseudonym])
  })
  afterAll(async () => {
    await vault.stop()
    await ledger.stop()
    await ground.stop()
  })

  const batch = (settings: Partial<BatchSettings> = {}) =>
    aBatch({ charter: ground.charter, vaultKey, device: person, sequence: sequence++, atMs: Date.now(), ...settings })
  const put = async (...batches: TestBatch[]) => {
    for (const { id, bytes } of batches) {
      const keyId = bytes.subarray(5 + (bytes[4] ?? 0), 13 + (bytes[4] ?? 0)).toString('hex')
      await ground.sql.query('insert into inbox.batches (id, vault_key_id, sealed) values ($1, $2, $3)', [
        id,
        keyId,
        bytes,
      ])
    }
    await ground.sql.query('notify fairtrace_inbox')
    await waitFor(async () =>
      (await ground.sql.query('select 1 from inbox.batches limit 1')).rowCount === 0 ? true : null,
    )
  }
  const codeOf = async ({ id }: TestBatch): Promise<string | null> =>
    (await ground.sql.query('select code from vault.quarantine where batch_id = $1', [id])).rows[0]?.code ?? null
  const chunkOf = async ({ id }: TestBatch) =>
    (await ground.sql.query('select * from vault.chunks where batch_id = $1', [id])).rows[0] ?? null

  it.each([
    ['bytes that do not open', 'BATCH_UNDECODABLE', () => damaged(batch())],
    ['another programme', 'BATCH_PROGRAMME_MISMATCH', () => batch({ headerProgramme: 'other-programme' })],
    [
      'a key that the vault has not',
      'BATCH_KEY_UNKNOWN',
      () => batch({ vaultKey: { ...vaultKey, keyId: '0123456789abcdef' } }),
    ],
    ['a body that is no DEFLATE', 'BATCH_UNDECODABLE', () => batch({ rawBody: randomBytes(300) })],
    ['a body that is no JSON', 'BATCH_UNDECODABLE', () => batch({ rawBody: deflateRawSync('{"v":1') })],
    ['a body that inflates to gigabytes', 'BATCH_UNDECODABLE', () => batch({ rawBody: bomb() })],
    ['a padding that carries something', 'BATCH_UNDECODABLE', () => batch({ lastPaddingByte: 1 })],
    ['the signature of another device', 'BATCH_SIGNATURE_INVALID', () => batch({ signer: aDevice().privateKey })],
    ['no lease', 'LEASE_INVALID', () => batch({ body: { lease: '' } })],
    [
      'a lease that somebody else signed',
      'LEASE_INVALID',
      () => batch({ leaseSigner: signerFromSeed(TEST_SEEDS.builder) }),
    ],
    ['a lease of another programme', 'LEASE_INVALID', () => batch({ lease: { programme: 'other-programme' } })],
    [
      'a lease under another charter',
      'LEASE_INVALID',
      () => batch({ lease: { charter: 'A'.repeat(43) as CharterHash } }),
    ],
    ['a lease of an epoch to come', 'LEASE_INVALID', () => batch({ lease: { epoch: 7 } })],
    ['a lease that ends before it begins', 'LEASE_INVALID', () => batch({ lease: { endsAtMs: 0 } })],
    ['a lease of a year', 'LEASE_INVALID', () => batch({ lease: { endsAtMs: Date.now() + 365 * DAY_MS } })],
    [
      'a text in an action',
      'BATCH_NOT_SHIELDED',
      () => batch({ actions: [{ kind: 'type', text: 'my secret', length: 'short' }] }),
    ],
    [
      'a field more in an action',
      'BATCH_NOT_SHIELDED',
      () => batch({ actions: [{ kind: 'press', key: 'enter', atMs: 17 }] }),
    ],
    ['a field more in the body', 'BATCH_NOT_SHIELDED', () => batch({ body: { note: 'my secret' } })],
    [
      'a label that is in no catalogue',
      'BATCH_NOT_SHIELDED',
      () => batch({ actions: [switchTo(), click('Jane Doe')] }),
    ],
    [
      'an app that is not listed',
      'BATCH_NOT_SHIELDED',
      () => batch({ actions: [{ kind: 'switch', app: 'desktop:diary' }] }),
    ],
    ['an app that the person did not allow', 'BATCH_NOT_SHIELDED', () => batch({ lease: { apps: ['desktop:mail'] } })],
    [
      'a category that the person did not allow',
      'BATCH_NOT_SHIELDED',
      () => batch({ lease: { categories: ['pointer', 'switches'] } }),
    ],
    ['a task that is not in the charter', 'BATCH_NOT_SHIELDED', () => batch({ body: { task: 'write-poems' } })],
    ['an outcome without a task', 'BATCH_NOT_SHIELDED', () => batch({ body: { task: null, outcome: 'done' } })],
    ['an outcome in words', 'BATCH_UNDECODABLE', () => batch({ body: { outcome: 'slow' } })],
    ['another version of the shield', 'BATCH_NOT_SHIELDED', () => batch({ body: { shield: '0' } })],
    ['a person without keys', 'KEY_UNAVAILABLE', () => batch({ device: aDevice() })],
  ] as const)('quarantines %s, unread', async (_what, code, make) => {
    const sealed = make()
    await put(sealed)
    expect(await codeOf(sealed)).toBe(code)
    expect(await chunkOf(sealed)).toBeNull()
    const { rows } = await ground.sql.query('select sealed from vault.quarantine where batch_id = $1', [sealed.id])
    expect(sealed.bytes.equals(rows[0].sealed)).toBe(true)
  })

  it('stores a good batch, and says who, which and how many alone', async () => {
    const sealed = batch()
    await put(sealed)
    expect(await codeOf(sealed)).toBeNull()
    expect(await chunkOf(sealed)).toMatchObject({
      pseudonym: person.pseudonym,
      device: person.device,
      task: 'enter-order',
      outcome: null,
      charter_hash: charterHash(ground.charter),
      consent_version: 1,
      actions: 100,
    })
  })

  it('stores the same batch once, however often it comes', async () => {
    const sealed = batch()
    await put(sealed)
    const before = await chunkOf(sealed)
    await put(sealed)
    expect(await chunkOf(sealed)).toEqual(before)
    expect(await codeOf(sealed)).toBeNull()
  })

  it('quarantines another batch under a sequence number that was used', async () => {
    const at = sequence++
    const first = batch({ sequence: at })
    const second = batch({ sequence: at })
    await put(first)
    await put(second)
    expect([await codeOf(first), await codeOf(second)]).toEqual([null, 'BATCH_REPLAYED'])
    const [third, fourth] = [batch({ sequence: at + 1 }), batch({ sequence: at + 1 })]
    sequence += 2
    await put(third, fourth)
    expect([await codeOf(third), await codeOf(fourth)].sort()).toEqual(['BATCH_REPLAYED', null].sort())
  })

  it('keeps a good batch next to bad ones', async () => {
    const good = [batch(), batch(), batch()]
    const bad = [damaged(batch()), batch({ signer: aDevice().privateKey })]
    await put(...[good[0], bad[0], good[1], bad[1], good[2]].filter((one) => one !== undefined))
    for (const one of good) expect(await chunkOf(one)).not.toBeNull()
    for (const one of bad) expect(await codeOf(one)).not.toBeNull()
  })

  it('publishes keys for today and tomorrow under the signature that the charter names', async () => {
    const { rows } = await ground.sql.query('select * from vault.day_keys order by opens_at_ms')
    const today = Math.floor(Date.now() / DAY_MS) * DAY_MS
    expect(rows.map((row) => Number(row.opens_at_ms))).toEqual([today, today + DAY_MS])
    for (const row of rows) {
      expect(row.key_id).toBe(hash('sha256', row.public_key, 'hex').slice(0, 16))
      const statement = dayKeyStatement(ground.charter.programme, {
        keyId: row.key_id,
        publicKey: row.public_key.toString('base64url'),
        opensAtMs: Number(row.opens_at_ms),
        closesAtMs: Number(row.closes_at_ms),
      })
      const key = ed25519PublicKey(ground.charter.keys.vault)
      expect(verify(null, Buffer.from(statement), key, Buffer.from(row.signature, 'base64url'))).toBe(true)
    }
  })

  describe('asked to open keys', () => {
    const recipient = generateX25519()
    const aGrantToUs = (overrides: Partial<Grant> = {}): Grant =>
      aGrant(ground.charter, { recipientKey: recipient.publicKeyRaw.toString('base64url'), ...overrides })
    const activated = async (request: ApprovedGrant): Promise<ApprovedGrant> => {
      await activateGrant(ground.sql, request)
      return request
    }
    const ask = async (request: unknown, waitMs = 30_000) => {
      const id = randomBytes(16).toString('base64url')
      await ground.sql.query('insert into vault.openings (id, request) values ($1, $2)', [id, JSON.stringify(request)])
      await ground.sql.query(`select pg_notify('fairtrace_openings', $1)`, [id])
      return await waitFor(async () => {
        const { rows } = await ground.sql.query(`select * from vault.openings where id = $1 and state <> 'requested'`, [
          id,
        ])
        return rows[0] ?? null
      }, waitMs)
    }

    it.each([
      ['a request of another form', async () => ({ grant: 'please' })],
      ['a grant that nobody activated', async () => approved(aGrantToUs())],
      [
        'one approval',
        () => {
          const { grant, approvals } = approved(aGrantToUs())
          return activated({ grant, approvals: approvals.slice(0, 1) })
        },
      ],
      [
        'approvals of another grant',
        () => activated({ grant: aGrantToUs(), approvals: grantApprovals(aGrantToUs({ reason: 'Something else.' })) }),
      ],
      ['a grant that is over', () => activated(approved(aGrantToUs({ lengthMs: 1 })))],
      ['a grant of another epoch', () => activated(approved(aGrantToUs({ epoch: 5 })))],
      [
        'a requester who approves',
        () => activated(approved(aGrantToUs({ requester: { name: 'dana weiss ', group: 'agent-training' } }))),
      ],
    ])('refuses %s, and opens nothing', async (_what, make) => {
      expect(await ask(await make())).toMatchObject({
        state: 'refused',
        code: 'GRANT_INVALID',
        answer: null,
        ledger_index: null,
      })
    })

    it('refuses a grant for a release that is not there, and opens nothing', async () => {
      const grant = approved(aGrantToUs({ scope: { kind: 'release', release: 'A'.repeat(43) } }))
      expect(await ask(await activated(grant))).toMatchObject({
        state: 'refused',
        code: 'RELEASE_CLOSED',
        answer: null,
        ledger_index: null,
      })
    })

    it('opens each content key to the recipient alone, after the ledger says so', async () => {
      const actions = someActions(ground.charter, 4_711)
      const sealed = batch({ actions })
      await put(sealed)
      const answer = await ask(await activated(approved(aGrantToUs())))
      expect(answer).toMatchObject({ state: 'opened', code: null })
      const { rows } = await ground.sql.query('select entry from ledger.entries where idx = $1', [answer.ledger_index])
      expect(JSON.parse(rows[0].entry).type).toBe('grant.opened')

      const chunk = await chunkOf(sealed)
      const key = (answer.answer.keys as OpenedKey[]).find((one) => one.contentKeyId === chunk.content_key_id)
      const contentKey = hpkeOpen({
        ...recipient,
        enc: Buffer.from(key?.enc ?? '', 'base64url'),
        info: CONTENT_KEY_INFO,
        aad: Buffer.from(chunk.content_key_id),
        ciphertext: Buffer.from(key?.sealed ?? '', 'base64url'),
      })
      const objects = new FileObjects(ground.objectsDir)
      const bytes = await objects.read(segmentKey(chunk.segment_id), Number(chunk.at_offset), chunk.length)
      const facts = factsOfRow(chunk)
      expect(JSON.parse(inflateRawSync(openChunk(chunkAad(facts), contentKey, bytes)).toString())).toEqual(actions)
      // Bound to its whole row: as another person's, task's or charter's it does not open.
      for (const other of [{ pseudonym: aDevice().pseudonym }, { task: null }, { charterHash: 'A'.repeat(43) }]) {
        expect(() => openChunk(chunkAad({ ...facts, ...other }), contentKey, bytes)).toThrow(
          expect.objectContaining({ code: 'SEGMENT_CORRUPT' }),
        )
      }
      const segment = await objects.get(segmentKey(chunk.segment_id))
      const row = (await ground.sql.query('select * from vault.segments where id = $1', [chunk.segment_id])).rows[0]
      expect([row.sha256, Number(row.bytes)]).toEqual([hash('sha256', segment, 'base64url'), segment.length])
    })

    it('opens nothing while the ledger is down', async () => {
      const request = await activated(approved(aGrantToUs()))
      await ledger.stop()
      const answer = await ask(request)
      expect(answer).toMatchObject({ state: 'refused', code: 'LEDGER_UNAVAILABLE', answer: null })
      ledger = await startLedger({ ...ground.contextOf('ledger'), log, clock: REAL, addresses: {} })
      expect(await ask(request)).toMatchObject({ state: 'opened' })
    })

    it('opens nothing while the keeper is away', async () => {
      const request = await activated(approved(aGrantToUs()))
      await ground.keeper.stop()
      expect(await ask(request)).toMatchObject({ state: 'refused', code: 'KEEPER_UNREACHABLE', answer: null })
      await ground.keeper.restart()
      expect(await ask(request)).toMatchObject({ state: 'opened' })
    })
  })

  it('removes at its start what a crash left behind, and nothing else', async () => {
    await vault.stop()
    const folder = join(ground.objectsDir, 'segments', 'ab')
    mkdirSync(folder, { recursive: true })
    const left = Buffer.concat([Buffer.from('FTS2'), Buffer.from('ab00000000000000000000000000cdef', 'hex')])
    writeFileSync(join(folder, 'ab00000000000000000000000000cdef'), left)
    const before = readdirSync(join(ground.objectsDir, 'segments'), { recursive: true }).length
    vault = await startVault({ ...ground.contextOf('vault'), log, clock: REAL, addresses: {} })
    await waitFor(async () => (existsSync(join(folder, 'ab00000000000000000000000000cdef')) ? null : true))
    expect(readdirSync(join(ground.objectsDir, 'segments'), { recursive: true }).length).toBe(before - 1)
    const sealed = batch()
    await put(sealed)
    expect(await chunkOf(sealed)).not.toBeNull()
  })

  it('does not start with another passphrase', async () => {
    const context = { ...ground.contextOf('vault'), log, clock: REAL, addresses: {} }
    const secrets = { ...context.secrets, kmsPassphrase: 'a guess' }
    await expect(startVault({ ...context, secrets })).rejects.toMatchObject({ code: 'KEY_UNAVAILABLE' })
  })
})

function damaged(sealed: TestBatch): TestBatch {
  const bytes = Buffer.from(sealed.bytes)
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1
  return { id: sealed.id, bytes }
}

/** 1 GB of zeros would take too long to make here; 100 MB are over the limit as well. */
function bomb(): Buffer {
  return deflateRawSync(Buffer.alloc(100 * 1024 * 1024))
}

function switchTo() {
  return { kind: 'switch', app: 'desktop:orders' }
}

function click(label: string) {
  return { kind: 'click', button: 'left', count: 1, target: { role: 'button', label, box: [0, 0, 10, 10] } }
}
