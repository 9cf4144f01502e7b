/**
 * A desktop of its own for a test: X server, session bus, accessibility bus, window manager, and windows of real programs.
 *
 * Everything runs in a folder of its own, on displays and buses that nothing else knows, and is ended by process id.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { XConnection } from '../../apps/agent/src/capture/x11/connection.ts'

const BUS_LAUNCHERS = ['/usr/libexec/at-spi-bus-launcher', '/usr/lib/at-spi2-core/at-spi-bus-launcher']
const PYTHON = '/usr/bin/python3'
const WINDOW = fileURLToPath(new URL('gtk-window.py', import.meta.url))
const START_MS_MAX = 20_000

/** What is missing here for a desktop, or null: then a test may have one. */
export const missingForDesktop: string | null = findMissing()

interface Spot {
  readonly x: number
  readonly y: number
}

export interface TestWindow {
  readonly process: ChildProcess
  /** Of the window's content on the screen. */
  readonly left: number
  readonly top: number
  /** Centres of its widgets on the screen. */
  readonly widgets: Readonly<Record<string, Spot>>
  /** Tells the program to do something; resolves with what it says. */
  tell(command: string): Promise<Record<string, unknown>>
  close(): Promise<void>
}

export interface XGround {
  readonly display: string
  /** For programs of this desktop, the agent among them. */
  readonly env: NodeJS.ProcessEnv
  readonly folder: string
  openWindow(name: string, at?: Spot): Promise<TestWindow>
  /** Asynchronous: what is tested may live in this process. */
  xdotool(...words: readonly (string | number)[]): Promise<void>
  /** Moves the pointer there and clicks. */
  click(at: Spot, button?: number): Promise<void>
  /** Steps of the pointer, at this rate, along a line and back, through XTest. */
  motions(count: number, perSecond: number): Promise<void>
  stopDisplay(): Promise<void>
  /** Again, under the same name, with its window manager. */
  startDisplay(): Promise<void>
  stopAccessibility(): Promise<void>
  startAccessibility(): Promise<void>
  stop(): Promise<void>
}

export async function startXGround(): Promise<XGround> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-x-'))
  const running = new Set<ChildProcess>()
  const stop = async () => {
    for (const child of running) await endGroup(child)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    return await startIn(folder, running, stop)
  } catch (cause) {
    await stop()
    throw cause
  }
}

async function startIn(folder: string, running: Set<ChildProcess>, stop: () => Promise<void>): Promise<XGround> {
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    XDG_SESSION_TYPE: 'x11',
    GTK_THEME: 'Adwaita',
    NO_AT_BRIDGE: '0',
    // No logind here, unless a test brings one.
    DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${join(folder, 'no-system-bus')}`,
  }
  const start = (command: string, words: readonly string[], stdio: 'ignore' | 'pipe' = 'ignore'): ChildProcess => {
    const child = spawn(command, words, { env, stdio: ['pipe', stdio, 'ignore'], detached: true })
    running.add(child)
    child.once('exit', () => running.delete(child))
    return child
  }

  const busConfig = join(folder, 'session-bus.conf')
  writeFileSync(busConfig, sessionBus(folder))
  const bus = start(
    'dbus-daemon',
    [`--config-file=${busConfig}`, '--nofork', '--nopidfile', '--print-address=1'],
    'pipe',
  )
  env.DBUS_SESSION_BUS_ADDRESS = (await firstLine(bus)).trim()

  let display: ChildProcess
  let manager: ChildProcess
  const startDisplay = async (): Promise<void> => {
    const name = env.DISPLAY === undefined ? ['-displayfd', '1'] : [env.DISPLAY]
    display = start('Xvfb', [...name, '-screen', '0', '1280x800x24', '-nolisten', 'tcp', '-noreset'], 'pipe')
    env.DISPLAY ??= `:${(await firstLine(display)).trim()}`
    await until(async () => {
      const x = await XConnection.open(env.DISPLAY ?? '').catch(() => null)
      x?.close()
      return x !== null
    })
    manager = start('openbox', ['--sm-disable'])
    await until(async () => {
      const x = await XConnection.open(env.DISPLAY ?? '')
      const isThere = (await x.property(x.root, '_NET_SUPPORTING_WM_CHECK')).length > 0
      x.close()
      return isThere
    })
  }
  await startDisplay()

  let accessibility: ChildProcess
  const startAccessibility = async (): Promise<void> => {
    accessibility = start(BUS_LAUNCHERS.find((path) => existsSync(path)) ?? '', ['--launch-immediately'])
    await until(async () => {
      const asked = spawnSync(
        'dbus-send',
        ['--session', '--print-reply', '--dest=org.a11y.Bus', '/org/a11y/bus', 'org.a11y.Bus.GetAddress'],
        { env },
      )
      return asked.status === 0
    })
  }
  await startAccessibility()

  let x: XConnection | null = null
  const xdotool = async (...words: readonly (string | number)[]): Promise<void> => {
    const child = spawn('xdotool', words.map(String), { env, stdio: 'ignore' })
    const code = await new Promise((resolve) => child.once('exit', resolve))
    if (code !== 0) throw new Error(`xdotool ${words[0]} failed`)
  }

  return {
    display: env.DISPLAY ?? '',
    env,
    folder,
    openWindow: async (name, at = { x: 60, y: 60 }) => {
      const child = start(PYTHON, [WINDOW, name, String(at.x), String(at.y)], 'pipe')
      const lines = answers(child)
      await lines.next()
      const tell = async (command: string): Promise<Record<string, unknown>> => {
        child.stdin?.write(`${command}\n`)
        return lines.next()
      }
      const { left, top, widgets } = (await tell('where')) as unknown as Pick<TestWindow, 'left' | 'top' | 'widgets'>
      return { process: child, left, top, widgets, tell, close: () => end(child) }
    },
    xdotool,
    click: (at, button = 1) => xdotool('mousemove', at.x, at.y, 'sleep', '0.05', 'click', button),
    motions: async (count, perSecond) => {
      x = x?.isOpen === true ? x : await XConnection.open(env.DISPLAY ?? '')
      const xtest = await x.extension('xtest')
      const startedMs = performance.now()
      for (let i = 0; i < count; i++) {
        xtest.FakeInput(MOTION_NOTIFY, 0, 0, x.root, 200 + Math.abs((i % 600) - 300), 650)
        const aheadMs = (i * 1_000) / perSecond - (performance.now() - startedMs)
        if (aheadMs > 1) await sleep(aheadMs)
      }
      await x.property(x.root, 'WM_NAME')
    },
    stopDisplay: async () => {
      await end(display)
      await end(manager)
    },
    startDisplay,
    stopAccessibility: () => endGroup(accessibility),
    startAccessibility,
    stop: async () => {
      x?.close()
      await stop()
    },
  }
}

const MOTION_NOTIFY = 6

/** Waits until `isTrue`, or gives up. */
export async function until(isTrue: () => boolean | Promise<boolean>, mostMs: number = START_MS_MAX): Promise<void> {
  const startedMs = performance.now()
  while (!(await isTrue())) {
    if (performance.now() - startedMs > mostMs) throw new Error('it did not come about in time')
    await sleep(50)
  }
}

function answers(child: ChildProcess): { next(): Promise<Record<string, unknown>> } {
  if (child.stdout === null) throw new Error('the program has no output')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    next: async () => {
      const { value, done } = await lines.next()
      if (done === true) throw new Error('the program ended')
      return JSON.parse(value)
    },
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`${child.spawnfile} ended at once`)))
    child.stdout?.once('data', (bytes: Buffer) => resolve(bytes.toString()))
  })
}

/** Ends one process that was started here. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3_000)
  await gone
  clearTimeout(timer)
}

/** Ends a process and what it started: it leads a group of its own. */
async function endGroup(child: ChildProcess): Promise<void> {
  const { pid } = child
  await end(child)
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The whole group has ended by itself.
  }
}

/** A session bus that starts nothing by itself: what runs here is what was started here, and is ended when it is to be. */
function sessionBus(folder: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=${folder}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`
}

function findMissing(): string | null {
  if (process.platform !== 'linux') return 'needs Linux with an X server'
  const missing = ['Xvfb', 'openbox', 'dbus-daemon', 'xdotool', 'setxkbmap'].find(
    (tool) => !(process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, tool))),
  )
  if (missing !== undefined) return `needs ${missing}`
  if (!BUS_LAUNCHERS.some((path) => existsSync(path))) return 'needs at-spi2-core'
  const gtk = spawnSync(PYTHON, ['-c', "import gi; gi.require_version('Gtk', '3.0')"])
  return gtk.status === 0 ? null : 'needs python3-gi and gir1.2-gtk-3.0'
}
