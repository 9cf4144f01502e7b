/** The extension in a real Chromium, on real pages, with a real server: what people do there, and what of it arrives in the vault. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Action } from '@fairtrace/core'
import { eventually, waitFor } from '@fairtrace/testing/harness'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DAY_MS } from '../portal-ground.ts'
import { axeFaults, CHROMIUM } from './chromium.ts'
import { buildExtension } from './extension-build.ts'
import {
  ask,
  type ExtensionBrowser,
  type ServerGround,
  type Site,
  startBrowser,
  startServer,
  startSite,
  takePart,
} from './extension-ground.ts'

/** Typed on the pages; to be found nowhere afterwards. */
const TYPED = ['xylophonequartz', 'geheimniskraemer', 'jabberwockyfjord']
/** Also shown on them: in titles, paths, queries, texts and names. */
const MARKERS = [...TYPED, 'wintergreen', 'Wintergreen']

interface Look {
  readonly state: { readonly state: string; readonly app?: string | null; readonly by?: string }
  readonly apps: readonly string[]
}

describe.skipIf(!existsSync(CHROMIUM))(`the extension (skipped without ${CHROMIUM})`, () => {
  let site: Site
  let other: Site
  let server: ServerGround
  let extension: string
  let browser: ExtensionBrowser
  const arrived: string[] = []

  beforeAll(async () => {
    extension = await buildExtension()
    site = await startSite()
    other = await startSite()
    server = await startServer([`web:${site.origin}`], (yaml) => yaml.replace('k: 5', 'k: 3'))
    browser = await startBrowser(extension)
    const [code = ''] = await server.invite(1)
    await takePart(browser, server, code, () => server.moveClock(15 * DAY_MS))
  })
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
    await site?.stop()
    await other?.stop()
    if (browser !== undefined) rmSync(browser.profile, { recursive: true, force: true })
    if (extension !== undefined) rmSync(join(extension, '..'), { recursive: true, force: true })
  })

  const look = () => ask<Look>(browser, { ask: 'look' })
  const isState = (state: string) => eventually(async () => (await look()).state.state === state, 15_000)

  /** The test page in a tab of its own, listened to. */
  async function openSite(path = '/'): Promise<Page> {
    const page = await browser.context.newPage()
    await page.goto(
      `${site.origin}${path}${path.includes('?') ? '&' : '?'}other=${encodeURIComponent(`${other.origin}/frame.html`)}`,
    )
    await page.bringToFront()
    await isListened(page)
    return page
  }

  const isListened = (page: Page) => waitFor(async () => ((await listeners(page)).length > 0 ? true : null), 10_000)

  /** What a stretch of work leaves in the vault: paused, let go, sent, opened. */
  async function whatLeaves(work: (page: Page) => Promise<void>, path = '/'): Promise<readonly Action[]> {
    const page = await openSite(path)
    await work(page)
    // Longer than the scripts hold their bundles.
    await sleep(900)
    const actions = await arrive()
    await page.close()
    return actions
  }

  async function resume(): Promise<void> {
    await ask(browser, { ask: 'resume' })
    expect(await isState('recording')).toBe(true)
  }

  async function arrive(): Promise<readonly Action[]> {
    await ask(browser, { ask: 'pause' })
    const waiting = await ask<readonly { readonly id: string; readonly state: string }[]>(browser, { ask: 'review' })
    for (const { id, state } of waiting) if (state === 'held') await ask(browser, { ask: 'release', recording: id })
    await resume()
    const before = await chunks()
    const { uploaded, stopped } = await ask<{ uploaded: number; stopped: string | null }>(browser, { ask: 'send' })
    expect(stopped).toBeNull()
    await waitFor(async () => ((await chunks()) === before + uploaded ? true : null))
    const all = (await server.openVault()).map((part) => JSON.stringify(part))
    const known = [...arrived]
    const fresh = all.filter((part) => {
      const at = known.indexOf(part)
      if (at !== -1) known.splice(at, 1)
      return at === -1
    })
    arrived.push(...fresh)
    return fresh.flatMap((part) => JSON.parse(part) as Action[])
  }

  const chunks = async () => (await server.sql.query('select 1 from vault.chunks')).rowCount ?? 0

  /** Types of the extension's listeners on a page's window, as the browser's debugger sees them. */
  async function listeners(page: Page): Promise<readonly string[]> {
    const cdp = await browser.context.newCDPSession(page)
    const contexts: number[] = []
    cdp.on('Runtime.executionContextCreated', ({ context }) => {
      if (context.origin === `chrome-extension://${browser.id}`) contexts.push(context.id)
    })
    await cdp.send('Runtime.enable')
    const types: string[] = []
    for (const contextId of contexts) {
      const { result } = await cdp.send('Runtime.evaluate', { expression: 'window', contextId })
      if (result.objectId === undefined) continue
      const found = await cdp.send('DOMDebugger.getEventListeners', { objectId: result.objectId })
      types.push(...found.listeners.map(({ type }) => type))
    }
    await cdp.detach()
    return types
  }

  it('takes clicks, shortcuts and text as what they are, with labels of the catalogue alone', async () => {
    const actions = await whatLeaves(async (page) => {
      await page.click('#save')
      await page.click('#wintergreen')
      await page.click('#icon')
      await page.dblclick('#save')
      await page.click('#save', { button: 'right' })
      await page.click('#note')
      await page.keyboard.type('xylophonequartz')
      await page.keyboard.press('Control+a')
      await page.keyboard.press('Tab')
      await page.keyboard.type('xylophonequartz 12')
      await page.keyboard.press('Enter')
    })
    expect(actions[0]).toEqual({ kind: 'switch', app: `web:${site.origin}` })
    expect(said(actions)).toEqual([
      'click 1 left button Save',
      'click 1 left button -',
      'click 1 left button Search',
      'click 2 left button Save',
      'click 1 right button Save',
      'click 1 left textbox Note',
      'type word medium',
      'hotkey ctrl+a',
      'press tab',
      'type search medium',
      'press enter',
    ])
  })

  it('sees frames of the same site in their place, and nothing in a frame of another origin', async () => {
    const actions = await whatLeaves(async (page) => {
      await page.frameLocator('#same').locator('#inner').click()
      await page.frameLocator('#srcdoc').locator('#inner').click()
      await page.frameLocator('#other').locator('#inner').click()
      await page.frameLocator('#other').locator('#text').click()
      await page.keyboard.type('xylophonequartz')
      await page.frameLocator('#sandboxed').locator('#inner').click()
      await page.keyboard.type('xylophonequartz')
      await page.frameLocator('#same').locator('#text').click()
      await page.keyboard.type('xylophonequartz')
    })
    expect(said(actions)).toEqual([
      'click 1 left button Open',
      'click 1 left button Open',
      'click 1 left textbox Inside',
      'type word medium',
    ])
    const first = actions.find(({ kind }) => kind === 'click')
    if (first?.kind !== 'click' || !('box' in first.target)) throw new Error('no box')
    // 100 × 30 px of a window of 1280 × 900, on a schematic of 1280 × 800.
    expect(first.target.box[2]).toBeCloseTo(100, -1)
    expect(Math.abs(first.target.box[3] - 26.7)).toBeLessThan(1)
    expect(first.target.box[1]).toBeGreaterThan(250)
  })

  it('looks into shadow trees, closed ones too', async () => {
    const actions = await whatLeaves(async (page) => {
      await page.locator('#open-host >> #inside').click()
      await page.locator('#open-host >> #text').click()
      await page.keyboard.type('xylophonequartz')
      // From one field to the next inside one tree nothing of it is heard outside.
      await page.keyboard.press('Tab')
      await page.keyboard.type('geheimniskraemer')
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await page.locator('#open-host >> #pass').click()
      await page.keyboard.type('geheimniskraemer')
      await inClosed(page, 'text')
      await page.keyboard.type('xylophonequartz')
      await inClosed(page, 'pass')
      await page.keyboard.type('geheimniskraemer')
      await inClosed(page, 'show')
      await inClosed(page, 'pass')
      await page.keyboard.type('geheimniskraemer')
    })
    const lines = said(actions)
    expect(lines.filter((line) => line.startsWith('type'))).toEqual(['type word medium', 'type word medium'])
    expect(lines).toContain('click 1 left textbox Inside')
    expect(lines).toContain('click 1 left button Open')
  })

  it('makes nothing of secret fields, in whatever way a page shows or names them', async () => {
    const actions = await whatLeaves(async (page) => {
      const typeInto = async (selector: string) => {
        await page.click(selector)
        await page.keyboard.type('geheimniskraemer')
        await page.keyboard.press('ArrowLeft')
      }
      await typeInto('#password')
      await page.click('#show')
      await typeInto('#password')
      await page.click('#swap-show')
      await typeInto('#swapped')
      await page.click('#twin-show')
      await typeInto('#twin-hidden')
      for (const secret of ['#masked', '#otp', '#digits', '#split input:first-child']) await typeInto(secret)
      // A field beside a password is no password.
      await page.click('#login-name')
      await page.keyboard.type('xylophonequartz')
    })
    expect(said(actions)).toEqual([
      'click 1 left button Show',
      'click 1 left button -',
      'click 1 left button -',
      'click 1 left textbox Login',
      'type word medium',
    ])
  })

  it('remembers a password that was shown while nothing was recorded', async () => {
    await ask(browser, { ask: 'pause' })
    const page = await browser.context.newPage()
    await page.goto(site.origin)
    await page.click('#show')
    await resume()
    await page.bringToFront()
    await isListened(page)
    await page.click('#password')
    await page.keyboard.type('geheimniskraemer')
    await page.click('#save')
    await sleep(900)
    expect(said(await arrive())).toEqual(['click 1 left button Save'])
    await page.close()
  })

  it('takes that something was typed into an editor, and never what it holds', async () => {
    const actions = await whatLeaves(async (page) => {
      await page.click('#editor')
      await page.keyboard.type('xylophonequartz jabberwockyfjord is typed')
      await page.click('#area')
      await page.keyboard.insertText('jabberwockyfjord')
    })
    expect(said(actions)).toEqual(['click 1 left textbox -', 'type sentence long', 'click 1 left textbox -'])
  })

  it('takes drags of the browser’s own and of a page’s, and clicks on a canvas', async () => {
    const actions = await whatLeaves(async (page) => {
      await page.dragAndDrop('#from', '#to')
      await page.dblclick('#canvas')
    })
    expect(said(actions)).toEqual(['drag left button Card → button Pile', 'click 2 left other -'])
  })

  it('takes the wheel in notches, and where the pointer came to rest', async () => {
    const actions = await whatLeaves(async (page) => {
      await page.hover('#save')
      await sleep(600)
      await page.hover('#icon')
      await sleep(600)
      await page.mouse.wheel(0, 300)
      await sleep(400)
      await page.mouse.wheel(0, -300)
      await sleep(400)
    })
    expect(said(actions)).toContain('hover button Save')
    expect(said(actions)).toContain('hover button Search')
    expect(said(actions).filter((line) => line.startsWith('scroll'))).toEqual(['scroll down 4', 'scroll up 4'])
  })

  it('goes on through an application of one page, and through pages', async () => {
    const actions = await whatLeaves(async (page) => {
      await page.click('#route')
      await sleep(100)
      await page.click('#routed')
      await page.click('#routed-text')
      await page.keyboard.type('xylophonequartz')
      await page.reload()
      await isListened(page)
      await page.click('#save')
    })
    expect(said(actions)).toEqual([
      'click 1 left button Next',
      'click 1 left button Open',
      'click 1 left textbox Routed',
      'type word medium',
      'click 1 left button Save',
    ])
  })

  it('sees nothing of what scripts dispatch', async () => {
    const actions = await whatLeaves(async (page) => {
      await page.evaluate(() => {
        const button = document.getElementById('save')
        for (const type of ['pointerover', 'pointerdown', 'mousedown', 'mouseup', 'pointerup', 'click', 'wheel']) {
          button?.dispatchEvent(new MouseEvent(type, { bubbles: true, composed: true, detail: 1 }))
        }
        button?.click()
        document.getElementById('note')?.focus()
        for (const key of 'jabberwockyfjord') {
          document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true }))
        }
      })
    })
    expect(actions.filter(({ kind }) => kind !== 'switch')).toEqual([])
  })

  it('has no listener without a lease, and none for movement with one', async () => {
    const page = await openSite()
    expect(await listeners(page)).toEqual(expect.arrayContaining(['pointerover', 'mousedown', 'keydown']))
    expect((await listeners(page)).filter((type) => /move/.test(type))).toEqual([])
    await ask(browser, { ask: 'pause' })
    await waitFor(async () => ((await listeners(page)).length === 0 ? true : null))
    await page.bringToFront()
    await page.click('#save')
    await sleep(600)
    expect(said(await arrive())).toEqual([])
    await resume()
    expect(readFileSync(join(extension, 'page.js'), 'utf8')).not.toMatch(/(?:pointer|mouse|touch)(?:raw)?move/)
    await page.close()
  })

  it('does not go where it was not chosen, nor into private windows', async () => {
    const page = await openSite()
    const elsewhere = await browser.context.newPage()
    await elsewhere.goto(other.origin)
    await elsewhere.bringToFront()
    await sleep(1_000)
    expect(await listeners(elsewhere)).toEqual([])
    await elsewhere.click('#note')
    await elsewhere.keyboard.type('jabberwockyfjord')
    await elsewhere.close()
    await page.close()
    await sleep(900)
    expect((await arrive()).filter(({ kind }) => kind !== 'switch')).toEqual([])
    await resume()
    const manifest = JSON.parse(readFileSync(join(extension, 'manifest.json'), 'utf8'))
    expect(manifest.incognito).toBe('not_allowed')
  })

  it('goes on after the browser ended its worker, with a break and nothing twice', async () => {
    const page = await openSite()
    await page.click('#save')
    await sleep(1_500)
    await stopWorker()
    await waitFor(async () => ((await listeners(page)).length === 0 ? true : null), 5_000)
    await isListened(page)
    await page.bringToFront()
    await page.click('#icon')
    await sleep(900)
    const lines = said(await arrive())
    expect(lines).toContain('click 1 left button Search')
    expect(lines.filter((line) => line.endsWith('Save')).length).toBeLessThanOrEqual(1)
    await page.close()
    await resume()
  })

  async function stopWorker(): Promise<void> {
    const page = await browser.context.newPage()
    const cdp = await browser.context.newCDPSession(page)
    await page.goto(`chrome-extension://${browser.id}/review.html`)
    await cdp.send('ServiceWorker.enable')
    await cdp.send('ServiceWorker.stopAllWorkers')
    await page.close()
  }

  it('says on its icon which tab is listened to, and in words what it does', async () => {
    const page = await openSite()
    const { id, badge } = await badgeOf(page)
    expect(badge).toBe('REC')
    await ask(browser, { ask: 'pause' })
    await waitFor(async () => ((await badgeOf(page)).badge === 'OFF' ? true : null))
    expect(await title(id)).toMatch(/Paused by you/)
    await resume()
    await page.close()
  })

  type Chrome = {
    tabs: { query(about: object): Promise<{ id: number }[]> }
    action: { getBadgeText(about: object): Promise<string>; getTitle(about: object): Promise<string> }
  }

  async function badgeOf(page: Page): Promise<{ id: number; badge: string }> {
    await page.bringToFront()
    const worker = await browser.worker()
    return worker.evaluate(async () => {
      const { tabs, action } = (globalThis as unknown as { chrome: Chrome }).chrome
      const [tab] = await tabs.query({ active: true, url: 'http://127.0.0.1/*' })
      const id = tab?.id ?? -1
      return { id, badge: await action.getBadgeText({ tabId: id }) }
    })
  }

  async function title(tabId: number): Promise<string> {
    const worker = await browser.worker()
    return worker.evaluate(
      (id) => (globalThis as unknown as { chrome: Chrome }).chrome.action.getTitle({ tabId: id }),
      tabId,
    )
  }

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 360],
    ['dark', 360],
  ] as const)(
    'shows pages without a fault that axe finds or a sideways scroll: %s, %i px',
    async (colorScheme, width) => {
      const work = await openSite()
      await work.click('#save')
      await sleep(900)
      await ask(browser, { ask: 'pause' })
      for (const name of ['popup', 'options', 'review'] as const) {
        const page = await browser.open(name)
        await page.emulateMedia({ colorScheme })
        await page.setViewportSize({ width, height: 800 })
        await page.waitForTimeout(700)
        expect(await axeFaults(page), name).toEqual([])
        expect(
          await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
          name,
        ).toBeLessThanOrEqual(0)
        const folder = process.env.FAIRTRACE_SCREENSHOTS
        if (folder !== undefined)
          await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`), fullPage: true })
        await page.close()
      }
      await work.close()
      await resume()
    },
  )

  it('lets a person delete a part before anything leaves', async () => {
    const page = await openSite()
    await page.click('#save')
    await page.click('#icon')
    await sleep(900)
    await ask(browser, { ask: 'pause' })
    const review = await browser.open('review')
    await review
      .getByRole('button', { name: /^Delete step \d+: clicked the Search button/ })
      .last()
      .click()
    await waitFor(async () => ((await review.getByText('clicked the Search button').count()) === 0 ? true : null))
    await review.close()
    const lines = said(await arrive())
    expect(lines).toContain('click 1 left button Save')
    expect(lines).not.toContain('click 1 left button Search')
    await page.close()
    await resume()
  })

  it('takes a session from consent to a release', async () => {
    // Nobody may own more than 0.3 of a type: of what this browser did nothing would be left, unless three others did the like.
    await server.addPeople(3, await server.openVault())
    const name = await server.release()
    const folder = join(server.objectsDir, 'releases', name)
    expect(readdirSync(folder)).toContain('shards')
    expect(await server.peopleIn(name)).toBe(4)
  })

  it('gives everything back at withdrawal', async () => {
    const page = await openSite()
    const popup = await browser.open('popup')
    await popup.getByRole('button', { name: 'Withdraw' }).click()
    await popup.getByRole('button', { name: 'Yes, withdraw' }).click()
    await popup.getByText(/Nothing is recorded/).waitFor()
    await popup.close()
    await waitFor(async () => ((await listeners(page)).length === 0 ? true : null))
    const worker = await browser.worker()
    const scripts = await worker.evaluate(() =>
      (
        globalThis as unknown as { chrome: { scripting: { getRegisteredContentScripts(): Promise<unknown[]> } } }
      ).chrome.scripting.getRegisteredContentScripts(),
    )
    expect(scripts).toEqual([])
    expect((await look()).apps).toEqual([])
    await page.close()
  })

  it('leaves nothing of what was typed or shown in the profile, the logs or the data of the server', async () => {
    await browser.close()
    // What the pages show and their addresses the browser itself keeps, in its cache and history: of that, our own storage is asked.
    const isOurs = (file: string) =>
      file.startsWith(server.folder) || file.includes(browser.id) || /IndexedDB|Local Ext/.test(file)
    // And what stands in the fields of a tab it keeps too, to open the tab again.
    const isBrowsers = (file: string) => file.includes('/Sessions/')
    const found = [...filesUnder(browser.profile), ...filesUnder(server.folder)].filter((file) => {
      if (isBrowsers(file)) return false
      const bytes = readFileSync(file)
      const markers = isOurs(file) ? MARKERS : TYPED
      return markers.some((marker) => bytes.includes(marker) || bytes.includes(Buffer.from(marker, 'utf16le')))
    })
    expect(found).toEqual([])
    expect(MARKERS.filter((marker) => server.logged.some((line) => line.includes(marker)))).toEqual([])
  })
})

/** One short line an action, hovers last, without the switches and boxes. */
function said(actions: readonly Action[]): string[] {
  const others = actions.filter(({ kind }) => kind !== 'switch' && kind !== 'hover')
  return [...others, ...actions.filter(({ kind }) => kind === 'hover')].map(lineOf)
}

function lineOf(action: Action): string {
  switch (action.kind) {
    case 'click':
      return `click ${action.count} ${action.button} ${targetText(action.target)}`
    case 'hover':
      return `hover ${targetText(action.target)}`
    case 'drag':
      return `drag ${action.button} ${targetText(action.from)} → ${targetText(action.to)}`
    case 'scroll':
      return `scroll ${action.direction} ${action.amount}`
    case 'press':
      return `press ${action.key}`
    case 'hotkey':
      return `hotkey ${action.keys.join('+')}`
    case 'type':
      return `type ${action.text} ${action.length}`
    case 'switch':
      return `switch ${action.app}`
  }
}

function targetText(target: Extract<Action, { kind: 'hover' }>['target']): string {
  return 'cell' in target ? `cell ${target.cell.join(',')}` : `${target.role} ${target.label ?? '-'}`
}

/** A click on an element of the closed tree, by its place: no selector reaches it. */
async function inClosed(page: Page, id: string): Promise<void> {
  const { x, y } = await page.evaluate((inner) => {
    const rect = (globalThis as unknown as { closedRoot: ShadowRoot }).closedRoot
      .getElementById(inner)
      ?.getBoundingClientRect()
    return { x: (rect?.x ?? 0) + 10, y: (rect?.y ?? 0) + 10 }
  }, id)
  await page.mouse.click(x, y)
}

function filesUnder(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
