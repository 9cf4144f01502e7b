import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Keystore } from './keystore.ts'
import { openLocalKms } from './kms-local.ts'

const unavailable = { code: 'KEY_UNAVAILABLE' }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairtrace-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const openKms = (passphrase = 'correct horse') => openLocalKms(join(folder, 'kms-local.json'), passphrase)

describe('the local key management', () => {
  it('refuses an empty passphrase, and another one than at the first start', async () => {
    await expect(openKms('')).rejects.toMatchObject(unavailable)
    await openKms()
    await expect(openKms('wrong horse')).rejects.toMatchObject(unavailable)
  })

  it('refuses a damaged file instead of starting anew', async () => {
    await openKms()
    writeFileSync(join(folder, 'kms-local.json'), '{}')
    await expect(openKms()).rejects.toMatchObject(unavailable)
    expect(readFileSync(join(folder, 'kms-local.json'), 'utf8')).toBe('{}')
  })

  it('unwraps under the same context alone, also after a restart', async () => {
    const secret = randomBytes(32)
    const wrapped = await (await openKms()).wrap('a', secret)
    const again = await openKms()
    expect(await again.unwrap('a', wrapped)).toEqual(secret)
    await expect(again.unwrap('b', wrapped)).rejects.toMatchObject(unavailable)
    await expect(again.unwrap('a', wrapped.subarray(1))).rejects.toMatchObject(unavailable)
    await expect(again.unwrap('a', Buffer.alloc(0))).rejects.toMatchObject(unavailable)
  })

  it('lets nobody else read its file', async () => {
    await openKms()
    expect(statSync(join(folder, 'kms-local.json')).mode & 0o077).toBe(0)
  })
})

describe('the keystore', () => {
  it('keeps keys over a restart, and the first one under a name', async () => {
    const [first, second] = [randomBytes(32), randomBytes(32)]
    const store = new Keystore(folder, await openKms())
    await store.putParticipants([{ pseudonym: 'p', generation: 1, privateKey: first }])
    await store.putParticipants([{ pseudonym: 'p', generation: 1, privateKey: second }])
    await store.putDay('k', second)
    store.close()
    const again = new Keystore(folder, await openKms())
    expect(await again.participant('p', 1)).toEqual(first)
    expect(await again.participant('p', 2)).toBeNull()
    expect(await again.day('k')).toEqual(second)
    expect(again.dayKeyIds()).toEqual(['k'])
    again.close()
  })

  it('leaves no byte of a destroyed key in its files, and no private key in the clear', async () => {
    const kms = await openKms()
    const wrappings: Buffer[] = []
    const watched: typeof kms = {
      ...kms,
      async wrap(context, secret) {
        const wrapped = await kms.wrap(context, secret)
        wrappings.push(wrapped)
        return wrapped
      },
    }
    const key = randomBytes(32)
    const store = new Keystore(folder, watched)
    await store.putDay('k', key)
    const files = () => Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))))
    const [wrapped = Buffer.alloc(0)] = wrappings
    expect(files().includes(wrapped)).toBe(true)
    expect(files().includes(key)).toBe(false)
    store.destroyDay('k')
    expect(await store.day('k')).toBeNull()
    expect(files().includes(wrapped.subarray(12, 44))).toBe(false)
    store.close()
  })

  it('destroys the generations of a person up to one, on the disk, and counts people for the report', async () => {
    const kms = await openKms()
    const wrappings = new Map<string, Buffer>()
    const watched: typeof kms = {
      ...kms,
      async wrap(context, secret) {
        const wrapped = await kms.wrap(context, secret)
        wrappings.set(context, wrapped)
        return wrapped
      },
    }
    const store = new Keystore(folder, watched)
    const aKeyOf = (pseudonym: string, generation: number) => ({ pseudonym, generation, privateKey: randomBytes(32) })
    await store.putParticipants([aKeyOf('p', 1), aKeyOf('p', 3), aKeyOf('q', 1)])
    expect(store.erasures(20_000)).toEqual({ sinceDay: 20_000, people: 0 })
    for (let again = 0; again < 2; again++) store.destroyParticipants([{ pseudonym: 'p', lastGeneration: 2 }])
    expect(await store.participant('p', 1)).toBeNull()
    expect([await store.participant('p', 3), await store.participant('q', 1)]).not.toContain(null)
    const files = Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))))
    const isThere = [...wrappings].map(([context, wrapped]) => [
      context.split('\n').slice(1).join(),
      files.includes(wrapped),
    ])
    expect(isThere).toEqual([
      ['p,1', false],
      ['p,3', true],
      ['q,1', true],
    ])
    expect(store.erasures(20_001)).toEqual({ sinceDay: 20_000, people: 1 })
    store.erasuresReported(20_001, 1)
    expect(store.erasures(20_001)).toEqual({ sinceDay: 20_001, people: 0 })
    store.close()
  })

  it('refuses a file that is no database', async () => {
    const kms = await openKms()
    writeFileSync(join(folder, 'keystore.sqlite'), 'x'.repeat(8_192))
    expect(() => new Keystore(folder, kms)).toThrow(expect.objectContaining(unavailable))
  })
})
