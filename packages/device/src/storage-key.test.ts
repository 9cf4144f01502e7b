/** Where the key of a folder is: in a keyring, in a file, on its way from the one to the other, or gone. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Keyring } from './keyring.ts'
import { openDevice } from './open-device.ts'

const clock = { nowMs: () => 1_000_000 }
let dir: string
let keyring: TestKeyring

class TestKeyring implements Keyring {
  readonly secrets = new Map<string, Uint8Array>()
  isLocked = false
  forgets = false

  async read(name: string): Promise<Uint8Array | null> {
    this.#requireOpen()
    return this.secrets.get(name) ?? null
  }
  async write(name: string, secret: Uint8Array): Promise<void> {
    this.#requireOpen()
    if (!this.forgets) this.secrets.set(name, Uint8Array.from(secret))
  }
  async remove(name: string): Promise<void> {
    this.#requireOpen()
    this.secrets.delete(name)
  }
  #requireOpen(): void {
    if (this.isLocked) throw new Error('locked')
  }
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fairtrace-key-'))
  keyring = new TestKeyring()
})
afterEach(() => rmSync(dir, { recursive: true }))

const keyFile = () => join(dir, 'storage.key')

/** Opens, writes or reads what only the right key opens, and closes. */
async function use(ring?: Keyring, value?: string): Promise<unknown> {
  const device = await openDevice(dir, { clock, ...(ring === undefined ? {} : { keyring: ring }) })
  try {
    if (value !== undefined) await device.outbox.writeSetting('test', value)
    return await device.outbox.readSetting('test')
  } finally {
    await device.close()
  }
}

describe('the storage key', () => {
  it('is refused where the keyring that has it is locked, gone, or has it no longer; then nothing is lost', async () => {
    await use(keyring, 'kept')
    keyring.isLocked = true
    await expect(use(keyring)).rejects.toMatchObject({ code: 'KEYRING_UNAVAILABLE' })
    await expect(use()).rejects.toMatchObject({ code: 'KEYRING_UNAVAILABLE' })
    await expect(use(new TestKeyring())).rejects.toMatchObject({ code: 'KEYRING_UNAVAILABLE' })
    expect(existsSync(keyFile())).toBe(false)
    keyring.isLocked = false
    expect(await use(keyring)).toBe('kept')
  })

  it('is a file of its owner alone where there is no keyring', async () => {
    await use(undefined, 'kept')
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600)
    expect(statSync(keyFile()).size).toBe(32)
    expect(await use()).toBe('kept')
  })

  it('is in the keyring and nowhere in the folder where there is one', async () => {
    await use(keyring, 'kept')
    const [key] = keyring.secrets.values()
    expect(key).toHaveLength(32)
    for (const name of readdirSync(dir))
      expect(readFileSync(join(dir, name)).includes(Buffer.from(key ?? []))).toBe(false)
    expect(await use(keyring)).toBe('kept')
    expect(keyring.secrets.size).toBe(1)
  })

  it('moves from the file into the keyring, and leaves the file empty of it', async () => {
    await use(undefined, 'kept')
    const inFile = readFileSync(keyFile())
    expect(await use(keyring)).toBe('kept')
    expect(existsSync(keyFile())).toBe(false)
    expect([...keyring.secrets.values()]).toEqual([Uint8Array.from(inFile)])
  })

  it('ends a move that was cut off after the keyring had it', async () => {
    await use(undefined, 'kept')
    const inFile = readFileSync(keyFile())
    await use(keyring)
    writeFileSync(keyFile(), inFile)
    expect(await use(keyring)).toBe('kept')
    expect(existsSync(keyFile())).toBe(false)
  })

  it.each([
    ['is locked', { isLocked: true }],
    ['does not keep what it takes', { forgets: true }],
  ])('stays in the file where a keyring %s that does not have it yet', async (_what, how) => {
    Object.assign(keyring, how)
    await use(keyring, 'kept')
    expect(existsSync(keyFile())).toBe(true)
    Object.assign(keyring, { isLocked: false, forgets: false })
    expect(await use(keyring)).toBe('kept')
    expect(existsSync(keyFile())).toBe(false)
  })

  it('is never made anew where something waits already', async () => {
    await use(undefined, 'kept')
    rmSync(keyFile())
    await expect(use()).rejects.toMatchObject({ code: 'OUTBOX_CORRUPT' })
    await expect(use(keyring)).rejects.toMatchObject({ code: 'OUTBOX_CORRUPT' })
    expect(keyring.secrets.size).toBe(0)
  })

  it('is refused in another form', async () => {
    writeFileSync(keyFile(), new Uint8Array(31))
    await expect(use()).rejects.toMatchObject({ code: 'OUTBOX_CORRUPT' })
    rmSync(keyFile())
    writeFileSync(join(dir, 'key-place'), '../../elsewhere')
    await expect(use(keyring)).rejects.toMatchObject({ code: 'OUTBOX_CORRUPT' })
  })
})
