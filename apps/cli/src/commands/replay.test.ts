/** The command as people run it: a process of its own, against a small server. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { type FakePortal, fakeRefusal, startFakePortal } from '@fairtrace/testing/harness'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))
let dir: string
let portal: FakePortal

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'fairtrace-replay-'))
  portal = await startFakePortal({ nowMs: () => Date.now() })
  const lines = Array.from({ length: 6 }, (_, i) => [
    { time_stamp: i, action: 'click', x: 100, y: 100, button: 'left', pressed: true },
    { time_stamp: i + 0.1, action: 'click', x: 100, y: 100, button: 'left', pressed: false },
  ])
  writeFileSync(
    join(dir, 'events.jsonl'),
    `${lines
      .flat()
      .map((line) => JSON.stringify(line))
      .join('\n')}\n`,
  )
})
afterEach(async () => {
  await portal.stop()
  rmSync(dir, { recursive: true })
})

async function replay(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const running = spawn(process.execPath, ['--no-warnings', main, 'replay', '--device', join(dir, 'device'), ...args])
  let [out, err] = ['', '']
  running.stdout.on('data', (chunk) => (out += chunk))
  running.stderr.on('data', (chunk) => (err += chunk))
  const code = await new Promise<number | null>((resolve) => running.on('close', resolve))
  return { code, out, err }
}
const recording = () => ['--format', 'ducktrack', '--app', 'desktop:orders', join(dir, 'events.jsonl')]
const joinHere = () => replay('--server', portal.url, '--join', 'a-code')

describe('fairtrace replay', () => {
  it('refuses a device that has not joined, and says what to do', async () => {
    const { code, err } = await replay(...recording())
    expect(code).toBe(5)
    expect(err).toContain('(DEVICE_UNKNOWN)')
  })

  it('refuses to run with nothing to do, as wrong usage', async () => {
    expect((await replay()).code).toBe(2)
    expect((await replay(join(dir, 'events.jsonl'))).code).toBe(2)
  })

  it('captures nothing in the run that joins, and shows the notice', async () => {
    const { code, out } = await joinHere()
    expect(code).toBe(0)
    expect(out).toContain('You can say no')
    expect((await replay('--server', portal.url, '--join', 'a-code', ...recording())).err).toContain(
      'REFLECTION_NOT_OVER',
    )
    expect(portal.accepted.size).toBe(0)
  })

  it('says the code of a refusal as JSON', async () => {
    await joinHere()
    portal.intercept = ({ path }) => (path === '/api/leases' ? fakeRefusal(403, 'CONSENT_REQUIRED') : null)
    const { code, out } = await replay('--json', ...recording())
    expect(code).toBe(5)
    expect(JSON.parse(out).error.code).toBe('CONSENT_REQUIRED')
  })

  it('gives consent to what was chosen alone, and refuses a choice that is not offered', async () => {
    await joinHere()
    expect((await replay('--consent', '--apps', 'desktop:bank')).code).toBe(2)
    expect((await replay('--consent', '--categories', 'pointer, switches', '--apps', 'desktop:mail')).code).toBe(0)
    const given = portal.requests
      .filter(({ path }) => path === '/api/consent')
      .map(({ bytes }) => JSON.parse(String(bytes)))
    expect(given).toEqual([{ noticeVersion: 1, categories: ['pointer', 'switches'], apps: ['desktop:mail'] }])
  })

  it('holds what it captured until the review is over', async () => {
    await joinHere()
    const { code, out } = await replay('--consent', ...recording())
    expect(code).toBe(0)
    expect(out).toContain('Captured 7 actions in 1 recording.')
    expect(out).toContain('stays here until')
    expect(portal.accepted.size).toBe(0)
  })

  it('takes an outcome for a task alone, and in its two words alone', async () => {
    await joinHere()
    expect((await replay('--consent', '--outcome', 'done', ...recording())).code).toBe(2)
    expect((await replay('--task', 'enter-order', '--outcome', 'almost', ...recording())).code).toBe(2)
    expect((await replay('--task', 'enter-order', '--outcome', 'not-done', ...recording())).code).toBe(0)
  })

  it('uploads at once what the participant releases, and prints each count as JSON', async () => {
    await joinHere()
    const { code, out } = await replay('--consent', '--release-now', '--json', '--task', 'enter-order', ...recording())
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      read: { lines: 12 },
      captured: { actions: { switch: 1, click: 6 }, recordings: 1 },
      released: 1,
      waiting: [],
      uploaded: { uploaded: 1, kept: [] },
    })
    expect(portal.accepted.size).toBe(1)
  })

  it('drops everything in an app that is not listed, and says so', async () => {
    await joinHere()
    const { out } = await replay('--format', 'ducktrack', join(dir, 'events.jsonl'))
    expect(out).toContain('this app is not listed')
    expect(out).toContain('Captured 0 actions')
  })
})
