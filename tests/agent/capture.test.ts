/** The desktop's source on a real X server, with real windows, driven through XTest. */
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Action, createShield, defaultShieldSettings, type InputEvent } from '@fairtrace/core'
import type { SourceProblem } from '@fairtrace/device'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { XConnection } from '../../apps/agent/src/capture/x11/connection.ts'
import { X11Source } from '../../apps/agent/src/capture/x11-source.ts'
import { missingForDesktop, startXGround, type TestWindow, until, type XGround } from './x-ground.ts'

const APP = 'desktop:orders'
/** Longer than anything is held. */
const HELD_MS = 2_500
const RAW_PRESSES_AND_BUTTONS = (1 << 13) | (1 << 15) | (1 << 16)
/** PointerMotion, PointerMotionHint, Button1Motion … ButtonMotion. */
const CORE_MOTION = 0x3fc0

/** As a locker does: every key goes to the root window, and the focus stays where it is. */
async function grabKeyboard(x: XConnection): Promise<void> {
  const [grab, asynchronous] = [31, 1]
  const request = Buffer.alloc(16)
  request.writeUInt8(grab, 0)
  request.writeUInt16LE(4, 2)
  request.writeUInt32LE(x.root, 4)
  request.writeUInt8(asynchronous, 12)
  request.writeUInt8(asynchronous, 13)
  await x.askRaw(request)
}

/** A source on a ground, and what it emitted since it was last asked. */
class Watched {
  readonly source: X11Source
  readonly problems: (SourceProblem | null)[] = []
  events: InputEvent[] = []

  constructor(ground: XGround) {
    // The buses are named by the environment of the process.
    Object.assign(process.env, {
      DBUS_SESSION_BUS_ADDRESS: ground.env.DBUS_SESSION_BUS_ADDRESS,
      DBUS_SYSTEM_BUS_ADDRESS: ground.env.DBUS_SYSTEM_BUS_ADDRESS,
    })
    this.source = new X11Source({
      display: ground.display,
      wallMs: () => Date.now(),
      nowMs: () => performance.now(),
    })
    this.source.onProblem((problem) => this.problems.push(problem))
  }

  attach(): Promise<void> {
    return this.source.attach((event) => this.events.push(event))
  }

  /** What the shield makes of everything up to now. */
  actions(): Action[] {
    const shield = createShield({
      ...defaultShieldSettings([APP]),
      labels: new Map([[APP, new Set(['Save', 'Cancel'])]]),
    })
    const out: Action[] = []
    for (const event of this.events) shield.push(event, out)
    shield.end(out)
    return out
  }

  get keys(): string[] {
    return this.events.flatMap((event) => (event.kind === 'key' && event.down ? [event.key] : []))
  }

  get fields(): string[] {
    return this.events.flatMap((event) => (event.kind === 'focus' ? [`${event.app} ${event.field}`] : []))
  }

  settle(): Promise<void> {
    return sleep(HELD_MS)
  }
}

describe.skipIf(missingForDesktop !== null)(`a desktop on X11 (${missingForDesktop ?? 'all is here'})`, () => {
  let ground: XGround
  let window: TestWindow
  let watched: Watched

  beforeAll(async () => {
    ground = await startXGround()
    window = await ground.openWindow('Orders')
    watched = new Watched(ground)
  })
  afterAll(async () => {
    await watched?.source.close()
    await ground?.stop()
  })
  beforeEach(async () => {
    await window.tell('clear')
    await window.tell('focus save')
    await ground.xdotool('mousemove', 1_200, 780)
    await sleep(300)
    watched.events = []
    await watched.attach()
    await until(() => watched.events.length > 0)
  })
  afterEach(() => watched.source.detach())

  it('says first what has the focus', () => {
    expect(watched.events[0]).toMatchObject({ kind: 'focus', app: APP, field: 'none' })
    expect(watched.problems.at(-1) ?? null).toBeNull()
  })

  it('selects keys and buttons at the server, and never motion', async () => {
    expect(await watched.source.selected()).toEqual([{ device: 1, mask: RAW_PRESSES_AND_BUTTONS }])
    const other = await XConnection.open(ground.display)
    const { allEventMasks } = await other.ask<{ readonly allEventMasks: number }>((client, callback) =>
      client.GetWindowAttributes(other.root, callback),
    )
    other.close()
    expect(allEventMasks & CORE_MOTION).toBe(0)
  })

  it('is sent nothing while the pointer moves a thousand times a second', async () => {
    watched.events = []
    const before = watched.source.bytesRead
    await ground.motions(2_000, 1_000)
    // A word about the pointer at rest, where the machine was too busy to move it on; a motion event has 32 bytes at least.
    expect(watched.source.bytesRead - before).toBeLessThan(2_000)
    expect(watched.events.filter(({ kind }) => kind !== 'rest')).toEqual([])
  })

  it('is sent nothing at all while nobody does anything', async () => {
    const before = watched.source.bytesRead
    await sleep(1_500)
    expect(watched.source.bytesRead).toBe(before)
  })

  it('sees where the pointer came to rest, and not the way there', async () => {
    const { save, cancel } = window.widgets
    await ground.xdotool('mousemove', save?.x ?? 0, save?.y ?? 0)
    await sleep(600)
    await ground.xdotool('mousemove', cancel?.x ?? 0, cancel?.y ?? 0)
    await watched.settle()
    expect(watched.actions()).toEqual([
      { kind: 'switch', app: APP },
      expect.objectContaining({ kind: 'hover', target: expect.objectContaining({ role: 'button', label: 'Save' }) }),
      expect.objectContaining({ kind: 'hover', target: expect.objectContaining({ role: 'button', label: 'Cancel' }) }),
    ])
  })

  it('counts clicks as the desktop does, and places them on elements', async () => {
    const { save, cancel } = window.widgets
    if (save === undefined || cancel === undefined) throw new Error('the window has no buttons')
    await ground.click(save)
    await sleep(700)
    await ground.xdotool('mousemove', cancel.x, cancel.y, 'click', '--repeat', 2, '--delay', 80, 1)
    await sleep(700)
    await ground.xdotool('click', '--repeat', 3, '--delay', 80, 1)
    await sleep(700)
    await ground.click(save, 3)
    await watched.settle()
    const clicks = watched.actions().filter(({ kind }) => kind === 'click')
    expect(clicks).toEqual([
      expect.objectContaining({ button: 'left', count: 1, target: expect.objectContaining({ label: 'Save' }) }),
      expect.objectContaining({ button: 'left', count: 2, target: expect.objectContaining({ label: 'Cancel' }) }),
      expect.objectContaining({ button: 'left', count: 3, target: expect.objectContaining({ label: 'Cancel' }) }),
      expect.objectContaining({ button: 'right', count: 1, target: expect.objectContaining({ label: 'Save' }) }),
    ])
  })

  it('sees drags and the wheel', async () => {
    const { save, cancel, list } = window.widgets
    if (save === undefined || cancel === undefined || list === undefined) throw new Error('the window has no list')
    await ground.xdotool(
      'mousemove',
      save.x,
      save.y,
      'mousedown',
      1,
      'sleep',
      '0.1',
      'mousemove',
      cancel.x,
      cancel.y,
      'sleep',
      '0.1',
      'mouseup',
      1,
    )
    await ground.xdotool('mousemove', list.x, list.y, 'click', 5, 'click', 5, 'click', 5)
    await watched.settle()
    expect(watched.actions()).toContainEqual(
      expect.objectContaining({
        kind: 'drag',
        from: expect.objectContaining({ label: 'Save' }),
        to: expect.objectContaining({ label: 'Cancel' }),
      }),
    )
    expect(watched.actions()).toContainEqual(expect.objectContaining({ kind: 'scroll', direction: 'down', amount: 4 }))
  })

  it('makes one text of what is typed in a field, of a kind, and shortcuts by name', async () => {
    await typeIn('entry', 'anna@example.org')
    await ground.xdotool('key', 'ctrl+a')
    await watched.settle()
    expect(watched.actions().filter(({ kind }) => kind === 'type' || kind === 'hotkey')).toEqual([
      { kind: 'type', text: 'email', length: 'medium' },
      { kind: 'hotkey', keys: ['ctrl', 'a'] },
    ])
    expect(watched.fields).toContain(`${APP} text`)
  })

  it('knows a field of search', async () => {
    await typeIn('search', 'late orders')
    await watched.settle()
    expect(watched.actions()).toContainEqual({ kind: 'type', text: 'search', length: 'short' })
  })

  it('knows capitals, dead keys, the third level and other layouts', async () => {
    const map = (layout: string) => spawnSync('setxkbmap', ['-display', ground.display, ...layout.split(' ')])
    expect(map('-layout de,ru').status).toBe(0)
    await sleep(500)
    await typeIn('entry', '')
    // On a German keyboard: Z, o, then the dead acute before e, then the euro sign on the third level.
    await ground.xdotool(
      'keydown',
      50,
      'key',
      29,
      'keyup',
      50,
      'key',
      32,
      'key',
      21,
      'key',
      26,
      'keydown',
      108,
      'key',
      26,
      'keyup',
      108,
    )
    await sleep(300)
    map('-layout ru')
    await sleep(500)
    await ground.xdotool('key', 38)
    await watched.settle()
    map('-layout us')
    expect(watched.keys.filter((key) => key.length === 1).join('')).toBe('Zoé€ф')
  })

  it('has nothing at all of a password field: no key, no click, no rest', async () => {
    await typeIn('password', 'correct horse')
    await watched.settle()
    expect(watched.keys).toEqual([])
    expect(watched.events.filter(({ kind }) => kind === 'button' || kind === 'rest')).toEqual([])
    expect(watched.fields).toContain(`${APP} secure`)
  })

  it('keeps a password field secret that shows what it holds', async () => {
    await window.tell('focus password')
    await sleep(300)
    await ground.click(window.widgets.show ?? { x: 0, y: 0 })
    await sleep(300)
    await typeIn('password', 'correct horse')
    await watched.settle()
    await ground.click(window.widgets.show ?? { x: 0, y: 0 })
    expect(watched.keys).toEqual([])
    expect(watched.fields).not.toContain(`${APP} text`)
  })

  it('takes no text where it does not know what has the focus', async () => {
    await typeIn('canvas', 'who knows what')
    await watched.settle()
    expect(watched.keys).toEqual([])
    expect(watched.fields).toContain(`${APP} unknown`)
  })

  describe('when the field is not certain', () => {
    it('drops what was typed while the app was too busy to say that it went into a password field', async () => {
      await typeIn('entry', 'x')
      await sleep(1_000)
      watched.events = []
      await window.tell('block 1.2')
      await ground.click(window.widgets.password ?? { x: 0, y: 0 })
      await ground.xdotool('type', '--delay', 5, 'hunter')
      await watched.settle()
      expect(watched.keys).toEqual([])
    })

    it('drops what was typed when the app went on to a password field by itself', async () => {
      await window.tell('jump-at 4 password')
      await typeIn('entry', 'anna')
      await ground.xdotool('type', '--delay', 5, 'secret')
      await watched.settle()
      // Also of the name, as far as it wasn't certain by then.
      expect(watched.keys.join('')).not.toMatch(/[sect]/)
      expect(watched.actions().filter(({ kind }) => kind === 'type')).toEqual([])
    })

    it('takes what goes to another window as that window’s, from its first key on', async () => {
      const other = await ground.openWindow('Private', { x: 60, y: 540 })
      await sleep(500)
      await typeIn('entry', 'mine')
      await sleep(1_200)
      const at = other.widgets.entry ?? { x: 0, y: 0 }
      await ground.xdotool('mousemove', at.x, at.y, 'click', 1, 'type', '--delay', 2, 'qqqqqq')
      await watched.settle()
      await other.close()
      const focusOfQ = watched.events.slice(
        0,
        watched.events.findIndex((event) => event.kind === 'key' && event.key === 'q'),
      )
      expect(focusOfQ.findLast(({ kind }) => kind === 'focus')).toMatchObject({ app: 'desktop:private' })
      expect(watched.actions().filter(({ kind }) => kind === 'type')).toEqual([
        { kind: 'type', text: 'word', length: 'short' },
      ])
    })

    it('drops what a program takes that has grabbed the keyboard, as lockers and password prompts do', async () => {
      await typeIn('entry', 'mine')
      await sleep(1_200)
      watched.events = []
      const locker = await XConnection.open(ground.display)
      await grabKeyboard(locker)
      await sleep(100)
      await ground.xdotool('type', '--delay', 5, 'hunter')
      await sleep(700)
      locker.close()
      await sleep(200)
      await watched.settle()
      expect(watched.keys).toEqual([])
    })

    it('drops everything that happens in a browser', async () => {
      const browser = await ground.openWindow('Chromium', { x: 60, y: 540 })
      await browser.tell('raise')
      await sleep(500)
      watched.events = []
      await ground.click(browser.widgets.entry ?? { x: 0, y: 0 })
      await ground.xdotool('type', 'private')
      await watched.settle()
      await browser.close()
      expect(watched.events.filter(({ kind }) => kind !== 'focus')).toEqual([])
      expect(watched.events.every((event) => event.kind !== 'focus' || event.app === 'desktop:')).toBe(true)
    })
  })

  async function typeIn(widget: string, text: string): Promise<void> {
    await ground.click(window.widgets[widget] ?? { x: 0, y: 0 })
    await sleep(300)
    await ground.xdotool('type', '--delay', 20, text)
  }
})
