/** The whole way of the data, on real processes: what the demonstration does, and what must never be found where it ran. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { openDevice } from '@fairtrace/device'
import { DataDir, type Embedded, startEmbedded } from '@fairtrace/server'
import { CONTENT_WORDS } from '@fairtrace/testing/simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CycleReport, DEMO_CLOCK_START_MS, runCycle } from '../apps/cli/src/demo/cycle.ts'

const ENTRY = fileURLToPath(new URL('../apps/cli/src/main.ts', import.meta.url))
const RECORDINGS = process.env.FAIRTRACE_RECORDINGS ?? fileURLToPath(new URL('../../shared/data', import.meta.url))
const isHere = existsSync(join(RECORDINGS, 'ducktrack'))
const common = { host: '127.0.0.1', port: 0, entry: ENTRY } as const

describe('a demonstration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-cycle-'))
  const dir = new DataDir(join(folder, 'data'))
  let embedded: Embedded
  let report: CycleReport

  beforeAll(async () => {
    embedded = await startEmbedded({
      ...common,
      dir,
      kindIfNew: 'demonstration',
      clockOffsetIfNewMs: -DEMO_CLOCK_START_MS,
    })
    report = await runCycle(embedded, dir, { participants: 6, recordings: isHere ? RECORDINGS : null })
  })
  afterAll(async () => {
    await embedded?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('takes every step of the way', () => {
    expect(report.inputEvents).toBeGreaterThan(10_000)
    expect(report.actions).toBeGreaterThan(500)
    expect(report.batches).toBeGreaterThanOrEqual(6)
    expect(report.segments).toBeGreaterThanOrEqual(1)
    expect(report.release.episodes).toBeGreaterThan(0)
    expect(report.release).toMatchObject({ ledgerVerified: true, releaseVerified: true })
  })

  it.skipIf(!isHere)('takes real recordings the same way (needs FAIRTRACE_RECORDINGS, else ../shared/data)', () => {
    const manifest = JSON.parse(readFileSync(dir.path('objects/releases/first-release/manifest.json'), 'utf8'))
    expect(Object.keys(manifest.counts.byApp)).toContain('desktop:recording')
  })

  it('ends in the present, with the clock of the system', () => {
    expect(Math.abs(embedded.nowMs() - Date.now())).toBeLessThan(1_000)
    expect(dir.clockOffsetMs()).toBeNull()
  })

  it('answers 503 until it is opened, and 200 from then on', async () => {
    expect((await fetch(`${embedded.portalUrl}/healthz`)).status).toBe(503)
    await embedded.open()
    expect((await fetch(`${embedded.portalUrl}/healthz`)).status).toBe(200)
  })

  it('refuses to move its clock back, or ahead of the system', async () => {
    await expect(embedded.moveClock(Date.now() - 60_000)).rejects.toMatchObject({ code: 'CLOCK_NOT_DEMONSTRATION' })
  })

  it('leaves nothing of what people saw and typed anywhere on the disk', async () => {
    const typed = 'xylophonequartzfjord'
    const device = await openDevice(dir.path('demo/devices/p01'), { clock: { nowMs: Date.now } })
    const startMs = Date.now()
    const keys = [...typed].flatMap((key) =>
      [true, false].map((down) => ({ kind: 'key', atMs: startMs, key, down }) as const),
    )
    const captured = await device.capture(
      [{ kind: 'focus', atMs: startMs, app: 'desktop:mail', field: 'text' }, ...keys],
      { replayed: true },
    )
    expect(captured.actions).toMatchObject({ type: 1, switch: 1 })
    await device.releaseEarly()
    expect(await device.upload()).toMatchObject({ uploaded: 1, stopped: null })
    await device.close()
    // Beside it, words of simulated messages and rows: on the screens of all, in no catalogue.
    const markers = [typed, typed.toUpperCase(), ...CONTENT_WORDS].map((word) => Buffer.from(word))
    const found = filesUnder(dir.root).filter((file) => {
      const bytes = readFileSync(file)
      return markers.some((marker) => bytes.includes(marker))
    })
    expect(found.map((file) => file.slice(dir.root.length))).toEqual([])
  })

  it('keeps secrets and releases to the account that runs it', () => {
    const open = filesUnder(dir.root)
      .filter((file) => /^\/(?:secrets|keys|demo)\//.test(file.slice(dir.root.length)))
      .filter((file) => ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0)
    expect(open).toEqual([])
    expect(statSync(dir.root).mode & 0o077).toBe(0)
  })
})

describe('an installation that is no demonstration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-production-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('has no clock that can be moved', async () => {
    const dir = new DataDir(join(folder, 'data'))
    const embedded = await startEmbedded({
      ...common,
      dir,
      kindIfNew: 'production',
      clockOffsetIfNewMs: -DEMO_CLOCK_START_MS,
    })
    try {
      expect(dir.clockOffsetMs()).toBeNull()
      await expect(embedded.moveClock(Date.now())).rejects.toMatchObject({ code: 'CLOCK_NOT_DEMONSTRATION' })
      // No local sign-in with passwords either.
      const signIn = await fetch(`${embedded.portalUrl}/api/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: embedded.portalUrl },
        body: JSON.stringify({ name: 'olivia', password: 'x' }),
      })
      expect(signIn.status).toBe(404)
    } finally {
      await embedded.stop()
    }
  })
})

function filesUnder(root: string): readonly string[] {
  return (
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      // SQLite's journals come and go while the processes run.
      .filter((file) => !file.endsWith('-journal'))
  )
}
