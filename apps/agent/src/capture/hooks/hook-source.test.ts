/** The hook library's source, with the library stood in for: there is no macOS and no Windows here. */
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Action, createShield, defaultShieldSettings, type InputEvent } from '@fairtrace/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { explainPermissions } from '../explain-permissions.ts'
import { HookSource } from './hook-source.ts'

class FakeHook extends EventEmitter {
  isStarted = false
  isAllowed = true

  start(): void {
    if (!this.isAllowed) throw new Error('not trusted')
    this.isStarted = true
  }

  stop(): void {
    this.isStarted = false
  }

  override removeAllListeners(): this {
    return super.removeAllListeners()
  }
}

const clocks = { wallMs: () => 1_000, nowMs: () => performance.now() }
const FRONT = 400

let hook: FakeHook
let front: { name: string; execName: string; x: number; y: number } | null
let events: InputEvent[]
let problems: unknown[]
let source: HookSource

beforeEach(() => {
  hook = new FakeHook()
  front = { name: 'Orders', execName: 'orders', x: 100, y: 100 }
  events = []
  problems = []
  const windows = {
    activeWindowAsync: async () => {
      if (front === null) throw new Error('no permission')
      const { name, execName, x, y } = front
      return { info: { name, execName }, position: { x, y, width: 800, height: 400 } }
    },
  }
  source = new HookSource({ hook, windows }, 'darwin', clocks)
  source.onProblem((problem) => problems.push(problem))
})

const attach = () => source.attach((event) => events.push(event))

function click(x: number, y: number, clicks = 1): void {
  for (const event of ['mousedown', 'mouseup']) hook.emit(event, { x, y, button: 1, clicks })
}

function actions(): Action[] {
  const shield = createShield(defaultShieldSettings(['desktop:orders']))
  const out: Action[] = []
  for (const event of events) shield.push(event, out)
  shield.end(out)
  return out
}

describe('the source of macOS and Windows', () => {
  it('says that it may not see, and hooks nothing, where the system does not allow it', async () => {
    hook.isAllowed = false
    await attach()
    expect(problems).toEqual(['permission-missing'])
    expect(hook.eventNames()).toEqual([])
  })

  it('listens to no motion and no key', async () => {
    await attach()
    expect(hook.eventNames()).toEqual(['mousedown', 'mouseup', 'wheel'])
  })

  it('places clicks in cells of the window, and says whose it is first', async () => {
    await attach()
    click(150, 150, 2)
    hook.emit('wheel', { x: 150, y: 150, rotation: 1, direction: 3 })
    await sleep(FRONT)
    expect(actions()).toEqual([
      { kind: 'switch', app: 'desktop:orders' },
      { kind: 'click', button: 'left', count: 2, target: { cell: [0, 1] } },
      { kind: 'scroll', direction: 'down', amount: 1, target: { cell: [0, 1] } },
    ])
    expect(events[0]).toMatchObject({ kind: 'focus', field: 'unknown' })
  })

  it.each([
    ['a browser', { name: 'Google Chrome', execName: 'chrome.exe', x: 100, y: 100 }, 150],
    ['another window than the one in front', { name: 'Orders', execName: 'orders', x: 100, y: 100 }, 5_000],
  ])('has nothing of a click in %s', async (_what, window, x) => {
    front = window
    await attach()
    click(x, 150)
    await sleep(FRONT)
    expect(events.filter(({ kind }) => kind !== 'focus')).toEqual([])
  })

  it('says so when the permission is taken away', async () => {
    await attach()
    front = null
    click(150, 150)
    await sleep(FRONT)
    expect(problems).toEqual(['permission-missing'])
    expect(events).toEqual([])
  })

  it('unhooks when it is detached, and emits nothing of what was held', async () => {
    await attach()
    click(150, 150)
    await source.detach()
    await sleep(FRONT)
    expect(hook.isStarted).toBe(false)
    expect(hook.eventNames()).toEqual([])
    expect(events).toEqual([])
  })
})

describe('what a system asks before', () => {
  it.each(['darwin', 'win32', 'linux', 'aix'] as const)('is explained in sentences for %s', (platform) => {
    const sentences = explainPermissions(platform)
    expect(sentences.length).toBeGreaterThan(0)
    for (const sentence of sentences) expect(sentence).toMatch(/\.$/)
  })
})
