/** What the agent shows on a desktop, and where it keeps its key there. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { openDevice } from '@fairtrace/device'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { XConnection } from '../../apps/agent/src/capture/x11/connection.ts'
import { type Desktop, openDesktop } from '../../apps/agent/src/desktop/desktop.ts'
import { systemKeyring } from '../../apps/agent/src/keyring.ts'
import { missingForDesktop, startXGround, until, type XGround } from './x-ground.ts'

const KEYRING = '/usr/bin/gnome-keyring-daemon'
const nobody = { togglePause: () => undefined, openPage: () => undefined }

describe.skipIf(missingForDesktop !== null)(`on a desktop (${missingForDesktop ?? 'all is here'})`, () => {
  let ground: XGround
  let desktop: Desktop | null = null

  beforeAll(async () => {
    ground = await startXGround()
    vi.stubEnv('DISPLAY', ground.display)
    vi.stubEnv('DBUS_SESSION_BUS_ADDRESS', ground.env.DBUS_SESSION_BUS_ADDRESS)
  })
  afterEach(() => {
    desktop?.close()
    desktop = null
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await ground?.stop()
  })

  it('always says in words what the agent does', async () => {
    desktop = await openDesktop(nobody)
    desktop.show({ state: 'recording', app: 'desktop:mail', sinceMs: 0 })
    expect(await indicatorName()).toBe('Fairtrace: recording')
    desktop.show({ state: 'paused', by: 'you' })
    expect(await indicatorName()).toBe('Fairtrace: paused by you')
    desktop.show({ state: 'blind', problem: 'hook-dead' })
    expect(await indicatorName()).toBe('Fairtrace: sees nothing')
  })

  it('comes back on top of a window that is put over it', async () => {
    desktop = await openDesktop(nobody)
    desktop.show({ state: 'recording', app: null, sinceMs: 0 })
    const window = await ground.openWindow('Cover', { x: 500, y: 360 })
    // Where both are, the pointer finds the upper one.
    await ground.xdotool('mousemove', 1150, 772)
    await until(async () => (await nameUnderPointer()) === 'Fairtrace: recording', 10_000)
    await window.close()
  })

  it('opens the page at a click, and pauses at a right click or by the shortcut', async () => {
    const done: string[] = []
    desktop = await openDesktop({ togglePause: () => done.push('pause'), openPage: () => done.push('page') })
    desktop.show({ state: 'recording', app: null, sinceMs: 0 })
    await ground.click({ x: 1200, y: 775 })
    await until(() => done.length === 1, 5_000)
    await ground.click({ x: 1200, y: 775 }, 3)
    await until(() => done.length === 2, 5_000)
    await ground.xdotool('key', 'ctrl+alt+shift+p')
    await until(() => done.length === 3, 5_000)
    expect(done).toEqual(['page', 'pause', 'pause'])
    expect(desktop.shortcut).toBe('Ctrl+Alt+Shift+P')
  })

  it('says so where another program has the shortcut', async () => {
    desktop = await openDesktop(nobody)
    const second = await openDesktop(nobody)
    expect(second.shortcut).toBeNull()
    second.close()
  })

  it('shows the indicator again after the display went away', async () => {
    desktop = await openDesktop(nobody)
    desktop.show({ state: 'paused', by: 'you' })
    await ground.stopDisplay()
    await until(() => desktop?.indicator === 'none', 5_000)
    await ground.startDisplay()
    await until(() => desktop?.indicator !== 'none', 10_000)
    expect(await indicatorName()).toBe('Fairtrace: paused by you')
  })

  async function nameUnderPointer(): Promise<string> {
    const x = await XConnection.open(ground.display)
    const { child } = await x.ask<{ readonly child: number }>((client, done) => client.QueryPointer(x.root, done))
    const name = child === 0 ? '' : (await x.property(child, 'WM_NAME')).toString()
    x.close()
    return name
  }

  async function indicatorName(): Promise<string | undefined> {
    const x = await XConnection.open(ground.display)
    const names = await namesFromBelow(x)
    x.close()
    return names.findLast((name) => name.startsWith('Fairtrace'))
  }
})

async function namesFromBelow(x: XConnection): Promise<string[]> {
  const { children } = await x.ask<{ readonly children: readonly number[] }>((client, done) =>
    client.QueryTree(x.root, done),
  )
  return Promise.all(children.map(async (window) => (await x.property(window, 'WM_NAME')).toString()))
}

describe('without a display', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('has no indicator, and says so', async () => {
    vi.stubEnv('DISPLAY', '')
    const desktop = await openDesktop(nobody)
    expect([desktop.indicator, desktop.shortcut]).toEqual(['none', null])
    desktop.show({ state: 'not-joined' })
    desktop.close()
  })
})

describe.skipIf(!existsSync(KEYRING))(`the system’s keyring (skipped without ${KEYRING})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-keyring-'))
  const clock = { nowMs: () => Date.now() }
  let bus: ReturnType<typeof spawn>
  let daemon: ReturnType<typeof spawn>

  beforeAll(async () => {
    mkdirSync(join(folder, 'run'), { mode: 0o700 })
    const env = { PATH: process.env.PATH, HOME: folder, XDG_RUNTIME_DIR: join(folder, 'run') }
    bus = spawn('dbus-daemon', ['--session', '--nofork', '--nopidfile', '--print-address=1'], {
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const address = await new Promise<string>((resolve) =>
      bus.stdout?.once('data', (bytes: Buffer) => resolve(bytes.toString().trim())),
    )
    vi.stubEnv('DBUS_SESSION_BUS_ADDRESS', address)
    daemon = spawn(KEYRING, ['--unlock', '--foreground', '--components=secrets'], {
      env: { ...env, DBUS_SESSION_BUS_ADDRESS: address },
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    daemon.stdin?.end('a password of a test')
    await until(async () => {
      const keyring = await systemKeyring()
      return keyring !== null && (await keyring.read('nothing').then(isNull, () => false))
    }, 10_000)
  })
  afterAll(() => {
    vi.unstubAllEnvs()
    daemon?.kill()
    bus?.kill()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  it('keeps, gives back and forgets a secret', async () => {
    const keyring = await systemKeyring()
    const secret = crypto.getRandomValues(new Uint8Array(32))
    await keyring?.write('fairtrace-test', secret)
    expect(await keyring?.read('fairtrace-test')).toEqual(secret)
    await keyring?.remove('fairtrace-test')
    expect(await keyring?.read('fairtrace-test')).toBeNull()
  })

  it('holds the key of a device’s folder, which then has none of its own and opens with nothing else', async () => {
    const dir = join(folder, 'device')
    const keyring = await systemKeyring()
    if (keyring === null) throw new Error('no keyring')
    const device = await openDevice(dir, { clock, keyring })
    await device.outbox.note({ atMs: 1, reason: 'paused' })
    await device.close()
    expect(existsSync(join(dir, 'storage.key'))).toBe(false)
    const again = await openDevice(dir, { clock, keyring })
    expect(await again.outbox.notes()).toHaveLength(1)
    await again.close()
    await expect(openDevice(dir, { clock })).rejects.toMatchObject({ code: 'KEYRING_UNAVAILABLE' })
  })
})

function isNull(value: unknown): boolean {
  return value === null
}
