import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Keystore } from './keystore.ts'
import { openLocalKms } from './kms-local.ts'

const unavailable = { code: 'KEY_UNAVAILABLE' }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairtrace-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const openKms = (passphrase = 'correct horse') => openLocalKms(join(folder, 'local-kms'), passphrase)
/** How the secrets of a table lie there, by what they are. */
const wrappedIn = (table: string, names: string): Map<string, Buffer> => {
  const file = new DatabaseSync(join(folder, 'keystore.sqlite'), { readOnly: true })
  const rows = file.prepare(`select ${names} as what, wrapped from ${table}`).all()
  file.close()
  return new Map(rows.map((row) => [String(row.what), Buffer.from(row.wrapped as Uint8Array)]))
}
const files = () =>
  Buffer.concat(
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => readFileSync(join(folder, name))),
  )

describe('the local key management', () => {
  it('refuses a damaged file instead of starting anew', () => {
    openKms()
    writeFileSync(join(folder, 'local-kms', 'passphrase.json'), '{}')
    expect(() => openKms()).toThrow(expect.objectContaining(unavailable))
    expect(readFileSync(join(folder, 'local-kms', 'passphrase.json'), 'utf8')).toBe('{}')
  })
})

describe('the keystore', () => {
  it('keeps keys over a restart, and the first one under a name', async () => {
    const [first, second] = [randomBytes(32), randomBytes(32)]
    const store = new Keystore(folder, openKms())
    await store.putParticipants([{ pseudonym: 'p', generation: 1, privateKey: first }])
    await store.putParticipants([{ pseudonym: 'p', generation: 1, privateKey: second }])
    await store.putDay('k', second)
    store.close()
    const again = new Keystore(folder, openKms())
    expect(await again.participant('p', 1)).toEqual(first)
    expect(await again.participant('p', 2)).toBeNull()
    expect(await again.day('k')).toEqual(second)
    expect(again.dayKeyIds()).toEqual(['k'])
    again.close()
  })

  it('leaves no byte of a destroyed key in its files, and no private key in the clear', async () => {
    const key = randomBytes(32)
    const store = new Keystore(folder, openKms())
    await store.putDay('k', key)
    const wrapped = wrappedIn('day_keys', 'key_id').get('k') ?? Buffer.alloc(0)
    expect([files().includes(wrapped), files().includes(key)]).toEqual([true, false])
    store.destroyDay('k')
    expect(await store.day('k')).toBeNull()
    // Neither in the file nor in the journal beside it, which held the page as it was.
    expect(files().includes(wrapped.subarray(12, 44))).toBe(false)
    store.close()
  })

  it('destroys the generations of a person up to one, on the disk, and counts people for the report', async () => {
    const store = new Keystore(folder, openKms())
    const aKeyOf = (pseudonym: string, generation: number) => ({ pseudonym, generation, privateKey: randomBytes(32) })
    await store.putParticipants([aKeyOf('p', 1), aKeyOf('p', 3), aKeyOf('q', 1)])
    const wrappings = wrappedIn('participant_keys', `pseudonym || ',' || generation`)
    expect(store.erasures(20_000)).toEqual({ sinceDay: 20_000, people: 0 })
    for (let again = 0; again < 2; again++) store.destroyParticipants([{ pseudonym: 'p', lastGeneration: 2 }])
    expect(await store.participant('p', 1)).toBeNull()
    expect([await store.participant('p', 3), await store.participant('q', 1)]).not.toContain(null)
    const isThere = [...wrappings].map(([what, wrapped]) => [what, files().includes(wrapped.subarray(12))])
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

  it('ends a period on the disk, and says which until what lay under it is tidied away', async () => {
    const store = new Keystore(folder, openKms())
    const [monday, other, tuesday] = [
      await store.periodOf(1, 500),
      await store.periodOf(1, 900),
      await store.periodOf(2, 500),
    ]
    expect(new Set([monday.id, other.id, tuesday.id]).size).toBe(3)
    expect(await store.periodOf(1, 500)).toEqual(monday)
    expect(store.periodsBefore(2).map(({ id, keepMs }) => [id, keepMs])).toEqual([
      [monday.id, 500],
      [other.id, 900],
    ])
    const wrapped = wrappedIn('period_keys', 'id').get(monday.id) ?? Buffer.alloc(0)
    store.destroyPeriods([monday.id])
    expect([await store.period(monday.id), files().includes(wrapped.subarray(12))]).toEqual([null, false])
    expect(store.endedPeriods()).toEqual([monday.id])
    store.tidiedPeriod(monday.id)
    expect(store.endedPeriods()).toEqual([])
    store.close()
  })

  it('refuses a file that is no database', async () => {
    const kms = openKms()
    writeFileSync(join(folder, 'keystore.sqlite'), 'x'.repeat(8_192))
    expect(() => new Keystore(folder, kms)).toThrow(expect.objectContaining(unavailable))
  })
})
