/** What breaks under the desktop's source is noticed within seconds, told, and mended. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { InputEvent } from '@fairtrace/core'
import type { SourceProblem } from '@fairtrace/device'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AccessibilitySight } from '../../apps/agent/src/capture/accessibility/sight.ts'
import { openInputSource } from '../../apps/agent/src/capture/open-source.ts'
import { XConnection } from '../../apps/agent/src/capture/x11/connection.ts'
import { X11Session } from '../../apps/agent/src/capture/x11/x11-session.ts'
import { X11Source } from '../../apps/agent/src/capture/x11-source.ts'
import { missingForDesktop, startXGround, until, type XGround } from './x-ground.ts'

/** Within seconds, as the person must not believe for long that it records. */
const NOTICED_MS_MAX = 5_000
const MENDED_MS_MAX = 15_000

describe.skipIf(missingForDesktop !== null)(`a source that loses sight (${missingForDesktop ?? 'all is here'})`, () => {
  let ground: XGround
  let source: X11Source
  let problems: (SourceProblem | null)[]
  let events: InputEvent[]

  beforeEach(async () => {
    ground = await startXGround()
    await ground.openWindow('Orders')
    Object.assign(process.env, {
      DBUS_SESSION_BUS_ADDRESS: ground.env.DBUS_SESSION_BUS_ADDRESS,
      DBUS_SYSTEM_BUS_ADDRESS: ground.env.DBUS_SYSTEM_BUS_ADDRESS,
    })
    problems = []
    events = []
  })
  afterEach(async () => {
    await source?.close()
    await ground?.stop()
  })

  async function attach(): Promise<void> {
    source = new X11Source({ display: ground.display, wallMs: () => Date.now(), nowMs: () => performance.now() })
    source.onProblem((problem) => problems.push(problem))
    await source.attach((event) => events.push(event))
    await until(() => events.some(({ kind }) => kind === 'focus'))
    events = []
  }

  const noticed = (problem: SourceProblem) => until(() => problems.includes(problem), NOTICED_MS_MAX)
  const mended = () => until(() => problems.at(-1) === null, MENDED_MS_MAX)

  it('says that the display is gone, and sees again when it is back', async () => {
    await attach()
    await ground.stopDisplay()
    await noticed('display-lost')
    expect(events).toEqual([expect.objectContaining({ kind: 'gap' })])
    await ground.startDisplay()
    await mended()
    await ground.openWindow('Orders')
    await until(() => events.some((event) => event.kind === 'focus' && event.app === 'desktop:orders'))
  })

  it('says that accessibility is gone, sees nothing meanwhile, and sees again when it is back', async () => {
    await attach()
    await ground.stopAccessibility()
    await noticed('accessibility-missing')
    events = []
    await ground.click({ x: 300, y: 300 })
    await ground.xdotool('type', 'anything')
    expect(events).toEqual([])
    await ground.startAccessibility()
    await mended()
    expect(await source.selected()).toHaveLength(1)
  })

  it('says that the screens have changed, and sees again', async () => {
    await attach()
    await changeScreen(ground.display)
    await noticed('screen-changed')
    expect(events[0]).toMatchObject({ kind: 'gap' })
    await mended()
    await until(() => events.some((event) => event.kind === 'focus'))
  })

  it('says that the machine sleeps, sees nothing meanwhile, and sees again when it wakes', async () => {
    const bus = spawn('dbus-daemon', ['--session', '--nofork', '--nopidfile', '--print-address=1'], {
      env: ground.env,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    try {
      process.env.DBUS_SYSTEM_BUS_ADDRESS = await line(bus)
      await attach()
      const say = (isAsleep: boolean) =>
        spawnSync('dbus-send', [
          `--bus=${process.env.DBUS_SYSTEM_BUS_ADDRESS}`,
          '--type=signal',
          '/org/freedesktop/login1',
          'org.freedesktop.login1.Manager.PrepareForSleep',
          `boolean:${isAsleep}`,
        ])
      say(true)
      await noticed('suspended')
      expect(events).toEqual([expect.objectContaining({ kind: 'gap' })])
      expect(await source.selected()).toEqual([])
      say(false)
      await mended()
    } finally {
      bus.kill('SIGKILL')
    }
  })

  it('notices that the server has stopped to send input', async () => {
    const clocks = { wallMs: () => Date.now(), nowMs: () => performance.now() }
    const x = await XConnection.open(ground.display)
    const sight = await AccessibilitySight.open(clocks.nowMs, () => undefined)
    const broken: string[] = []
    const session = await X11Session.open({
      x,
      sight,
      emit: () => undefined,
      ...clocks,
      onBroken: (why) => broken.push(why),
    })
    await ground.xdotool('mousemove', 500, 500)
    await sleep(500)
    const xinput = await x.extension('xinput')
    xinput.XISelectEvents(x.root, { deviceId: 1, mask: 0 })
    await until(async () => {
      await ground.xdotool('click', 1)
      return broken.includes('hook-dead')
    }, NOTICED_MS_MAX)
    session.close()
    await sight.close()
  })

  it('has no connection and no selection once it is detached, and emits nothing', async () => {
    await attach()
    await source.detach()
    expect(await source.selected()).toEqual([])
    events = []
    await ground.click({ x: 300, y: 300 })
    expect(events).toEqual([])
    expect(problems.filter((problem) => problem !== null)).toEqual([])
  })

  it('says that a display lets nobody in', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fairtrace-auth-'))
    const file = join(folder, 'auth')
    writeFileSync(file, authority())
    const server = spawn('Xvfb', ['-displayfd', '1', '-auth', file, '-nolisten', 'tcp'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    try {
      const display = `:${(await line(server)).trim()}`
      process.env.XAUTHORITY = join(folder, 'none')
      source = new X11Source({ display, wallMs: () => Date.now(), nowMs: () => performance.now() })
      source.onProblem((problem) => problems.push(problem))
      await source.attach((event) => events.push(event))
      expect(problems).toEqual(['permission-missing'])
    } finally {
      delete process.env.XAUTHORITY
      server.kill('SIGKILL')
      rmSync(folder, { recursive: true })
    }
  })
})

describe('a session on Wayland', () => {
  it.each([{ XDG_SESSION_TYPE: 'wayland', DISPLAY: ':0' }, { WAYLAND_DISPLAY: 'wayland-0' }])(
    'is refused with that reason (%j)',
    async (environment) => {
      const source = await openInputSource(environment, 'linux')
      const problems: unknown[] = []
      source.onProblem((problem) => problems.push(problem))
      await source.attach(() => {
        throw new Error('it saw something')
      })
      expect(problems).toEqual(['wayland'])
      await source.close()
    },
  )
})

function line(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => child.stdout?.once('data', (bytes: Buffer) => resolve(bytes.toString().trim())))
}

/** One entry of an Xauthority file for any display: family, address, number, name and data, each with its length. */
function authority(): Buffer {
  const field = (bytes: Buffer) => Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
  const wild = Buffer.from([0xff, 0xff])
  const parts = [Buffer.alloc(0), Buffer.alloc(0), Buffer.from('MIT-MAGIC-COOKIE-1'), Buffer.alloc(16, 7)]
  return Buffer.concat([wild, ...parts.map(field)])
}

/** RandR’s SetScreenSize, as when a monitor is unplugged: of Xvfb only the size in millimetres can be another. */
async function changeScreen(display: string): Promise<void> {
  const x = await XConnection.open(display)
  const { majorOpcode } = await x.extension('randr')
  const request = Buffer.alloc(20)
  request.writeUInt8(majorOpcode, 0)
  request.writeUInt8(7, 1)
  request.writeUInt16LE(5, 2)
  request.writeUInt32LE(x.root, 4)
  request.writeUInt16LE(1_280, 8)
  request.writeUInt16LE(800, 10)
  request.writeUInt32LE(270, 12)
  request.writeUInt32LE(203, 16)
  x.client.seq_num++
  x.client.pack_stream.put(request)
  x.client.pack_stream.submit()
  await x.property(x.root, 'WM_NAME')
  x.close()
}
