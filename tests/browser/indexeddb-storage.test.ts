/** The storage of a device in real Chromium: the suite of every storage, kill -9 of the browser, and what its profile shows. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aStart, clicks, hold, STORAGE_NOW_MS, storageSuite, stored } from '../storage-suite.ts'
import { CHROMIUM } from './chromium.ts'
import { bundlePortable } from './portable-bundle.ts'
import { openStoragePage, type StoragePage } from './storage-page.ts'

const MARKER = 'zebra-marker'
const NAME = 'fairtrace-test'
const nowMs = STORAGE_NOW_MS

let module: string
let profile: string
let storagePage: StoragePage

beforeAll(async () => {
  module = await bundlePortable()
})

it('runs without a line of Node: the portable half bundles for a browser', () => {
  expect(module.length).toBeGreaterThan(100_000)
  expect(module).not.toMatch(/(?:from|import\()\s*["']node:/)
})

describe.skipIf(!existsSync(CHROMIUM))('in Chromium', () => {
  beforeAll(async () => {
    profile = mkdtempSync(join(tmpdir(), 'fairtrace-profile-'))
    storagePage = await openStoragePage(profile, module)
  })
  afterAll(async () => {
    await storagePage.close()
    rmSync(profile, { recursive: true, force: true })
  })

  storageSuite('the storage of a browser', {
    open: (options) => storagePage.open(NAME, { nowMs, ...options }),
    clear: () => storagePage.clear(NAME),
  })

  it('keeps its key where no script can read it out', async () => {
    const storage = await storagePage.open(NAME, { nowMs })
    await storage.close()
    const exported = await storagePage.page.evaluate(async (name) => {
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open(name)
        request.onsuccess = () => resolve(request.result)
      })
      const key = await new Promise<CryptoKey>((resolve) => {
        const request = database.transaction('key').objectStore('key').get('key')
        request.onsuccess = () => resolve(request.result)
      })
      database.close()
      return crypto.subtle.exportKey('raw', key).then(
        () => 'exported',
        (cause: DOMException) => cause.name,
      )
    }, NAME)
    expect(exported).toBe('InvalidAccessError')
    await storagePage.clear(NAME)
  })

  it('loses nothing that was acknowledged, and seals nothing twice, when the browser is killed', async () => {
    for (const appends of [1, 5, 20]) {
      const storage = await storagePage.open(NAME, { nowMs })
      const sealedBefore = (await storage.sealedIds()).length
      await storage.seal(await hold(storage), async () => [stored(`batch ${appends}`)])
      const id = await storage.begin(aStart(), clicks(1))
      for (let i = 0; i < appends; i++) await storage.append(id, clicks(1))
      // Two more that nobody waits for: the browser dies in the middle of them.
      const late = [storage.append(id, clicks(1)), storage.append(id, clicks(1))].map((one) =>
        one.catch(() => undefined),
      )
      await storagePage.kill()
      await Promise.all(late)
      storagePage = await openStoragePage(profile, module)
      const after = await storagePage.open(NAME, { nowMs })
      const waiting = (await after.list()).find((recording) => recording.id === id)
      expect(waiting).toMatchObject({ state: 'held', endedAtMs: nowMs })
      expect(waiting?.actionCount).toBeGreaterThanOrEqual(1 + appends)
      expect(await after.actions(id)).toHaveLength(waiting?.actionCount ?? 0)
      expect((await after.sealed(100)).map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: sealedBefore + 1 }, (_, i) => i),
      )
      await after.close()
    }
    await storagePage.clear(NAME)
  })

  it('leaves nothing in the profile that can be read', async () => {
    const storage = await storagePage.open(NAME, { nowMs })
    const id = await storage.begin(aStart({ task: MARKER, lease: MARKER }), clicks(20, MARKER))
    await storage.note({ atMs: 1, reason: MARKER })
    await storage.end(id, nowMs, MARKER)
    await storage.writeSetting('session', MARKER)
    await storage.seal(await hold(storage, clicks(5, MARKER)), async () => [stored('one')])
    expect(await storage.readSetting('session')).toBe(MARKER)
    await storage.close()
    await storagePage.close()
    const files = readdirSync(profile, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const bytes = files.map((entry) => readFileSync(join(entry.parentPath, entry.name)))
    const holds = (what: string) =>
      bytes.some((one) => one.includes(what) || one.includes(Buffer.from(what, 'utf16le')))
    // What is stored is found, so that not finding the rest means something.
    expect(holds(id)).toBe(true)
    expect(holds(MARKER)).toBe(false)
    storagePage = await openStoragePage(profile, module)
    await storagePage.clear(NAME)
  })
})
