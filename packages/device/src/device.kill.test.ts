/** kill -9 while a real process seals and uploads: every batch arrives, each under its own number, none twice. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { inflateRawSync } from 'node:zlib'
import { BATCH_INFO, batchBodySchema, type InputEvent, parseEnvelope, parsePlaintext } from '@fairtrace/core'
import { type FakePortal, startFakePortal } from '@fairtrace/testing/harness'
import * as oracle from 'hpke'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDevice } from './open-device.ts'

const RECORDINGS = 12
const clock = { nowMs: () => Date.UTC(2026, 0, 5, 10) }
const moduleUrl = new URL('./open-device.ts', import.meta.url).href
const suite = new oracle.CipherSuite(
  oracle.KEM_DHKEM_X25519_HKDF_SHA256,
  oracle.KDF_HKDF_SHA256,
  oracle.AEAD_AES_256_GCM,
)
const events: InputEvent[] = [
  { kind: 'focus', atMs: 0, app: 'desktop:orders', field: 'none' },
  { kind: 'key', atMs: 0, key: 'enter', down: true },
  { kind: 'key', atMs: 0, key: 'enter', down: false },
]
let dir: string
let portal: FakePortal

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'fairtrace-device-kill-'))
  portal = await startFakePortal(clock)
  const device = await openDevice(dir, { clock })
  await device.enrol(portal.url, 'a-session', 'test-build')
  for (let i = 0; i < RECORDINGS; i++) await device.capture(events, { replayed: true })
  await device.releaseEarly()
  await device.close()
})
afterEach(async () => {
  await portal.stop()
  rmSync(dir, { recursive: true })
})

function startUpload() {
  const body = `
    const { openDevice } = await import(${JSON.stringify(moduleUrl)})
    const device = await openDevice(${JSON.stringify(dir)}, { clock: { nowMs: () => ${clock.nowMs()} } })
    await device.upload()
    await device.close()`
  return spawn(process.execPath, ['--no-warnings', '--input-type=module', '--eval', body], { stdio: 'inherit' })
}

async function sequenceOf(envelope: Uint8Array): Promise<number> {
  const { header, enc, ciphertext } = parseEnvelope(envelope)
  const raw = portal.dayKey.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32)
  const key = await suite.DeserializePrivateKey(raw)
  const plaintext = await suite.Open(key, enc, ciphertext, { info: new TextEncoder().encode(BATCH_INFO), aad: header })
  return batchBodySchema.parse(JSON.parse(inflateRawSync(parsePlaintext(plaintext).body).toString())).sequence
}

describe('an upload under kill -9', () => {
  it.each([
    ['while it seals', '/api/programme', 1, 15],
    ['while it asks for permits', '/api/permits', 1, 0],
    ['at its first batch', '/batches', 1, 0],
    ['between two batches', '/batches', 6, 1],
    ['at its last batch', '/batches', RECORDINGS, 0],
  ])('loses nothing and sends nothing twice: killed %s', async (_what, path, nth, afterMs) => {
    const child = startUpload()
    const gone = once(child, 'exit')
    let seen = 0
    portal.intercept = (request) => {
      if (request.path !== path || ++seen !== nth) return null
      // Killed at once, it never hears the answer, although the server does what was asked.
      if (afterMs === 0) child.kill('SIGKILL')
      else setTimeout(() => child.kill('SIGKILL'), afterMs)
      return null
    }
    await gone
    if (afterMs === 0) expect(child.signalCode).toBe('SIGKILL')
    portal.intercept = () => null
    const device = await openDevice(dir, { clock })
    expect(await device.upload()).toMatchObject({ kept: [], stopped: null })
    expect(await device.review()).toEqual([])
    await device.close()
    // Two envelopes under one number would be the same recording twice.
    const sequences = await Promise.all([...portal.accepted.values()].map(sequenceOf))
    expect(sequences.sort((a, b) => a - b)).toEqual(Array.from({ length: RECORDINGS }, (_, i) => i))
  })
})
