/** `fairtrace concern` as a participant runs it: a process of its own, on a device that did its work the day before. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { openDevice } from '@fairtrace/device'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DAY_MS, OWNER, type PortalGround, startPortalGround, startProgramme } from './portal-ground.ts'

describe('fairtrace concern', () => {
  let ground: PortalGround
  let dir: string

  beforeAll(async () => {
    ground = await startPortalGround()
    dir = mkdtempSync(join(tmpdir(), 'fairtrace-concern-'))
    const owner = await ground.signIn(OWNER.name, OWNER.password)
    await startProgramme(ground, owner)
    const { body } = await ground.call('/api/invitations', { token: owner, body: { count: 1 } })
    const [code] = body.codes as string[]
    const device = await openDevice(join(dir, 'device'), { clock: { nowMs: () => Date.now() - DAY_MS } })
    await device.join(ground.url, String(code))
    await device.concerns().sync()
    await device.close()
  })
  afterAll(async () => {
    await ground?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it('refuses a device that has not joined, a text that is empty or too long, and a concern that it has not heard of', async () => {
    expect(await run('list', '--device', join(dir, 'other'))).toMatchObject({ code: 5 })
    for (const text of [' ', 'x'.repeat(2_001)]) {
      expect(await onDevice('raise', text)).toMatchObject({ code: 2, err: expect.stringContaining('(USAGE)') })
    }
    expect(await onDevice('join', 'A'.repeat(22))).toMatchObject({
      code: 3,
      err: expect.stringContaining('(NOT_FOUND)'),
    })
  })

  it('raises, and shows it once the device has done its work again', async () => {
    expect((await onDevice('list')).out).toContain('No concern is known here.')
    const { code, out } = await onDevice('raise', 'Nobody told us\u001b[2J who reads the log.', '--json')
    expect(code).toBe(0)
    const { concern } = JSON.parse(out)
    const device = await openDevice(join(dir, 'device'), { clock: { nowMs: () => Date.now() } })
    await device.concerns().sync()
    await device.close()
    const listed = await onDevice('list')
    expect(listed.out).toContain(`${concern}  `)
    expect(listed.out).toContain('Nobody told us [2J who reads the log.')
    expect(await supports()).toBe(1)
    expect((await onDevice('leave', concern)).out).toContain('You no longer support it.')
    expect(await supports()).toBe(0)
    expect((await onDevice('join', concern)).out).toContain('You support it.')
    expect(await supports()).toBe(1)
  })

  async function supports(): Promise<number> {
    return (await ground.sql.query('select token_hash from consent.concern_supports')).rows.length
  }

  function onDevice(...args: string[]) {
    return run(...args, '--device', join(dir, 'device'))
  }

  async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const running = spawn(process.execPath, ['--no-warnings', 'apps/cli/src/main.ts', 'concern', ...args])
    let [out, err] = ['', '']
    running.stdout.on('data', (chunk) => (out += chunk))
    running.stderr.on('data', (chunk) => (err += chunk))
    const code = await new Promise<number | null>((resolve) => running.on('close', resolve))
    return { code, out, err }
  }
})
