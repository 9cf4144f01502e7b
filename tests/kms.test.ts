/**
 * One suite for every key management. The remote ones run against stand-ins of ours, built from the published API documentation:
 * no real Vault, OpenBao or AWS can be had where these tests run.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Keystore } from '@fairtrace/server/vault/keystore'
import type { Kms } from '@fairtrace/server/vault/kms'
import { openAwsKms } from '@fairtrace/server/vault/kms-aws'
import { readKmsSettings } from '@fairtrace/server/vault/kms-file'
import { openLocalKms } from '@fairtrace/server/vault/kms-local'
import { openTransitKms } from '@fairtrace/server/vault/kms-transit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type AwsKmsServer, startAwsKmsServer } from '../testing/src/kms/aws-kms-server.ts'
import type { KmsFault } from '../testing/src/kms/faults.ts'
import { startTransitServer, type TransitServer } from '../testing/src/kms/transit-server.ts'

const WITHIN_MS = 1_000
const unavailable = { code: 'KMS_UNAVAILABLE' }
const shut = { code: 'KEY_UNAVAILABLE' }
const folder = mkdtempSync(join(tmpdir(), 'fairtrace-kms-'))
let transit: TransitServer
let aws: AwsKmsServer

beforeAll(async () => {
  transit = await startTransitServer()
  aws = await startAwsKmsServer()
  writeFileSync(join(folder, 'token'), transit.token, { mode: 0o600 })
})
afterAll(async () => {
  await transit.stop()
  await aws.stop()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(() => {
  transit.fault = 'none'
  aws.fault = 'none'
})

const openLocal = () => openLocalKms(join(folder, 'local-kms'), 'a passphrase for tests')
const openTransit = (msMax = WITHIN_MS) =>
  openTransitKms({ address: transit.address, mount: 'transit', tokenFile: join(folder, 'token') }, msMax)
const openAws = (msMax = WITHIN_MS) =>
  openAwsKms({ region: aws.region, endpoint: aws.endpoint, credentials: aws.credentials }, msMax)
const name = () => `fairtrace-${randomBytes(6).toString('hex')}`

describe.each([
  ['on this machine', openLocal],
  ['in a transit engine', openTransit],
  ['in AWS KMS', openAws],
] as const)('key management %s', (_where, open: () => Kms) => {
  it('unwraps what it wrapped, also when it is opened again', async () => {
    const key = await open().createKey(name())
    const secret = randomBytes(32)
    const wrapped = await open().wrap(key, 'a context', secret)
    expect(wrapped.includes(secret)).toBe(false)
    expect(await open().unwrap(key, 'a context', wrapped)).toEqual(secret)
  })

  it.each([
    ['another context', async (kms: Kms, key: string, wrapped: Buffer) => await kms.unwrap(key, 'another', wrapped)],
    [
      'a bit flipped',
      async (kms: Kms, key: string, wrapped: Buffer) => await kms.unwrap(key, 'a context', flipped(wrapped)),
    ],
    [
      'its end cut off',
      async (kms: Kms, key: string, wrapped: Buffer) => await kms.unwrap(key, 'a context', wrapped.subarray(0, -4)),
    ],
    [
      'another key',
      async (kms: Kms, _key: string, wrapped: Buffer) =>
        await kms.unwrap(await kms.createKey(name()), 'a context', wrapped),
    ],
  ])('opens nothing with %s', async (_what, attack) => {
    const kms = open()
    const key = await kms.createKey(name())
    const wrapped = await kms.wrap(key, 'a context', randomBytes(32))
    await expect(attack(kms, key, wrapped)).rejects.toMatchObject(shut)
  })

  it('gives the same key for the same name, as after a crash', async () => {
    const asked = name()
    const wrapped = await open().wrap(await open().createKey(asked), 'a context', Buffer.from('secret'))
    expect((await open().unwrap(await open().createKey(asked), 'a context', wrapped)).toString()).toBe('secret')
  })

  it('opens nothing under a key that was destroyed, and destroys it once more without complaint', async () => {
    const kms = open()
    const key = await kms.createKey(name())
    const wrapped = await kms.wrap(key, 'a context', randomBytes(32))
    const first = await kms.destroyKey(key)
    expect(await kms.destroyKey(key)).toEqual(first)
    await expect(kms.unwrap(key, 'a context', wrapped)).rejects.toMatchObject(shut)
    await expect(kms.wrap(key, 'a context', randomBytes(32))).rejects.toThrow()
  })

  it('carries a keystore over a restart and a roll, after which a copy of the old one opens for nobody', async () => {
    const dir = mkdtempSync(join(folder, 'keys-'))
    const secret = randomBytes(32)
    const store = new Keystore(dir, open())
    await store.putParticipants([{ pseudonym: 'p', generation: 1, privateKey: secret }])
    const copy = mkdtempSync(join(folder, 'copy-'))
    writeFileSync(join(copy, 'keystore.sqlite'), readFileSync(join(dir, 'keystore.sqlite')))
    await roll(store)
    expect(await store.participant('p', 1)).toEqual(secret)
    store.close()
    const again = new Keystore(dir, open())
    expect(await again.participant('p', 1)).toEqual(secret)
    again.close()
    const stolen = new Keystore(copy, open())
    await expect(stolen.participant('p', 1)).rejects.toMatchObject(shut)
    stolen.close()
  })
})

describe.each([
  ['in a transit engine', () => transit, openTransit],
  ['in AWS KMS', () => aws, openAws],
] as const)('a key management %s that does wrong', (_where, server, open: (msMax?: number) => Kms) => {
  it.each([
    ['silent', unavailable],
    ['denies', unavailable],
    ['babbles', unavailable],
  ] as const)('and is one that %s, opens and wraps nothing', async (fault: KmsFault, code) => {
    const kms = open(300)
    const key = await kms.createKey(name())
    const wrapped = await kms.wrap(key, 'a context', randomBytes(32))
    server().fault = fault
    const startedAt = performance.now()
    await expect(kms.unwrap(key, 'a context', wrapped)).rejects.toMatchObject(code)
    await expect(kms.wrap(key, 'a context', randomBytes(32))).rejects.toMatchObject(code)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })

  it('is waited for when it is slow', async () => {
    const kms = open()
    const key = await kms.createKey(name())
    server().fault = 'slow'
    const secret = randomBytes(32)
    expect(await kms.unwrap(key, 'a context', await kms.wrap(key, 'a context', secret))).toEqual(secret)
  })

  it('is found out when it unwraps to something else, and nothing opens', async () => {
    const dir = mkdtempSync(join(folder, 'lied-'))
    const store = new Keystore(dir, open())
    await store.putParticipants([{ pseudonym: 'p', generation: 1, privateKey: randomBytes(32) }])
    store.close()
    server().fault = 'lies'
    const again = new Keystore(dir, open())
    await expect(again.participant('p', 1)).rejects.toMatchObject({ code: 'KMS_UNTRUSTED' })
    await expect(again.putDay('k', randomBytes(32))).rejects.toMatchObject({ code: 'KMS_UNTRUSTED' })
    again.close()
  })

  it('is found out when it wraps something else, before anything depends on it', async () => {
    server().fault = 'wraps-another'
    const store = new Keystore(mkdtempSync(join(folder, 'wrapped-')), open())
    await expect(store.putDay('k', randomBytes(32))).rejects.toMatchObject({ code: 'KMS_UNTRUSTED' })
    expect(store.dayKeyIds()).toEqual([])
    store.close()
  })
})

describe('what each key management keeps to itself', () => {
  it('lies for its owner alone, and a destroyed local key nowhere', async () => {
    const kms = openLocal()
    const key = await kms.createKey(name())
    const path = join(folder, 'local-kms', `${key}.key`)
    expect(statSync(path).mode & 0o077).toBe(0)
    await kms.destroyKey(key)
    expect(existsSync(path)).toBe(false)
  })

  it('refuses a guessed passphrase', () => {
    openLocal()
    expect(() => openLocalKms(join(folder, 'local-kms'), 'a guess')).toThrow(expect.objectContaining(shut))
    expect(() => openLocalKms(join(folder, 'local-kms'), '')).toThrow(expect.objectContaining(shut))
  })

  it('says until when AWS could take a destruction back: seven days, and none after', async () => {
    const kms = openAws()
    const key = await kms.createKey(name())
    const { revocableUntilMs } = await kms.destroyKey(key)
    const days = ((revocableUntilMs ?? 0) - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(6.9)
    expect(days).toBeLessThan(7.1)
    aws.purge()
    expect(await kms.destroyKey(key)).toEqual({ revocableUntilMs: null })
  })

  it.each([
    ['no JSON', '{'],
    ['a kind that does not exist', '{"kind":"paper"}'],
    ['an address without encryption', '{"kind":"transit","address":"http://vault.example:8200","tokenFile":"/t"}'],
    [
      'a token in the settings',
      '{"kind":"transit","address":"https://vault.example","tokenFile":"/t","token":"hvs.x"}',
    ],
  ])('takes no settings with %s, and repeats nothing of them', (_what, text) => {
    const dir = mkdtempSync(join(folder, 'settings-'))
    writeFileSync(join(dir, 'kms.json'), text, { mode: 0o600 })
    expect(() => readKmsSettings(dir)).toThrow(expect.objectContaining({ code: 'KMS_SETTINGS_INVALID' }))
  })

  it('takes no settings that others may read', () => {
    const dir = mkdtempSync(join(folder, 'settings-'))
    writeFileSync(join(dir, 'kms.json'), '{"kind":"local"}', { mode: 0o644 })
    expect(() => readKmsSettings(dir)).toThrow(expect.objectContaining({ code: 'KMS_SETTINGS_INVALID' }))
    expect(readKmsSettings(mkdtempSync(join(folder, 'none-')))).toEqual({ kind: 'local' })
  })
})

/** As `key-roll.ts` does, without the ledger. */
async function roll(store: Keystore): Promise<void> {
  const current = await store.wrappingKeys.make(2)
  await store.rewrapSome(current, 1_000)
  for (const row of store.wrappingKeys.rows()) {
    if (row.state === 'old' && store.doomUnused(row.id)) await store.wrappingKeys.destroy(row)
  }
  expect(store.wrappingKeys.rows().map(({ state }) => state)).toEqual(['current'])
}

function flipped(bytes: Buffer): Buffer {
  const other = Buffer.from(bytes)
  const at = other.length - 3
  // Another letter of base64, so that it is the contents that are wrong.
  other[at] = other[at] === 0x41 ? 0x42 : 0x41
  return other
}
