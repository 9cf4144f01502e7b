/** What people see, in a real Chromium on a real portal. */
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OWNER, type PortalGround, RESEARCHER } from '../portal-ground.ts'
import { axeFaults, CHROMIUM, FLAGS } from './chromium.ts'
import { PARTICIPANT, REPRESENTATIVE, startDemoPortal } from './portal-demo.ts'

interface Account {
  readonly name: string
  readonly password: string
}
const VIEWS: readonly (readonly [string, Account | null])[] = [
  ['/', null],
  ['/sign-in', null],
  ['/log', null],
  ['/nothing-here', null],
  ['/me', PARTICIPANT],
  ['/programme', OWNER],
  ['/releases', RESEARCHER],
  ['/security', PARTICIPANT],
  ['/concerns', REPRESENTATIVE],
  ['/access', REPRESENTATIVE],
  ['/access', RESEARCHER],
]

describe.skipIf(!existsSync(CHROMIUM))(`the portal’s pages (skipped without ${CHROMIUM})`, () => {
  let ground: PortalGround
  let browser: Browser

  beforeAll(async () => {
    ground = await startDemoPortal()
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  })
  afterAll(async () => {
    await browser?.close()
    await ground?.stop()
  })

  it.each([
    ['light', 1440],
    ['dark', 1440],
    ['light', 360],
    ['dark', 360],
  ] as const)(
    'have no fault that axe finds, no error, no request elsewhere and no sideways scroll: %s, %i px',
    async (colorScheme, width) => {
      for (const [path, account] of VIEWS) {
        const { page, faults } = await open({ colorScheme, viewport: { width, height: 900 } })
        if (account !== null) await signIn(page, account)
        const answer = await page.goto(`${ground.url}${path}`)
        const isThere = answer?.ok() ?? false
        expect(isThere, path).toBe(path !== '/nothing-here')
        expect(await axeFaults(page), path).toEqual([])
        expect(
          await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
          path,
        ).toBeLessThanOrEqual(0)
        // The browser itself reports the one page that is not there.
        expect(
          faults.filter((fault) => !(path === '/nothing-here' && fault.includes('404'))),
          path,
        ).toEqual([])
        await page.context().close()
      }
    },
  )

  it('let a person sign in, read, choose and withdraw with the keyboard alone', async () => {
    const { page, faults } = await open({ acceptDownloads: true })
    await page.goto(ground.url)
    await page.keyboard.press('Tab')
    expect(await focused(page)).toBe('Skip to the content')
    await page.keyboard.press('Enter')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main')

    await page.goto(`${ground.url}/sign-in`)
    await tabTo(page, 'name')
    await page.keyboard.type(PARTICIPANT.name)
    await page.keyboard.press('Tab')
    await page.keyboard.type(PARTICIPANT.password)
    await page.keyboard.press('Enter')
    await page.waitForURL('**/me')
    expect(await page.locator('.state').textContent()).toContain('Your devices may record')

    await tabTo(page, 'categories-keyboard')
    expect(await hasVisibleFocus(page)).toBe(true)
    await page.keyboard.press('Space')
    await tabTo(page, 'Change to what is ticked')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/me?done=consented')
    expect(await page.locator('#categories-keyboard').isChecked()).toBe(false)
    expect(await page.locator('#categories-pointer').isChecked()).toBe(true)

    await tabTo(page, 'Withdraw now')
    expect(await hasVisibleFocus(page)).toBe(true)
    await page.keyboard.press('Enter')
    await page.waitForURL('**/me?done=withdrawn')
    expect(await page.locator('.state').textContent()).toContain('you have withdrawn')
    expect(await page.getByRole('link', { name: /^Receipt/ }).count()).toBe(3)
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Receipt 3' }).click(),
    ])
    expect(download.suggestedFilename()).toBe('fairtrace-receipt-3.jwt')
    expect(faults).toEqual([])
    await page.context().close()
  })

  it('work without any script', async () => {
    const { page } = await open({ javaScriptEnabled: false })
    await signIn(page, OWNER)
    await page.getByRole('button', { name: 'Pause' }).click()
    expect(await page.locator('.state').textContent()).toContain('is paused')
    await page.getByRole('button', { name: 'Run' }).click()
    expect(await page.locator('.state').textContent()).toContain('is running')
    await page.getByRole('button', { name: 'Sign out' }).click()
    expect(await page.getByRole('link', { name: 'Sign in' }).count()).toBe(1)
    await page.context().close()
  })

  it('wait while Fairtrace starts, and open by themselves', async () => {
    const { page } = await open({})
    ground.portal.setReady(false)
    await page.goto(ground.url)
    expect(await page.locator('h1').textContent()).toBe('Fairtrace is starting')
    expect(await axeFaults(page)).toEqual([])
    ground.portal.setReady(true)
    await page.getByRole('heading', { name: 'Five promises' }).waitFor({ timeout: 10_000 })
    await page.context().close()
  })

  it('say on the form that a password was wrong', async () => {
    const { page } = await open({})
    await page.goto(`${ground.url}/sign-in`)
    await fill(page, { ...OWNER, password: 'wrong' })
    expect(await page.getByRole('alert').textContent()).toContain('The name or the password is wrong')
    expect(await axeFaults(page)).toEqual([])
    await page.context().close()
  })

  async function open(options: BrowserContextOptions): Promise<{ page: Page; faults: string[] }> {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const faults: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text())
    })
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== ground.url) faults.push(`request to ${new URL(request.url()).origin}`)
    })
    return { page, faults }
  }

  async function signIn(page: Page, account: Account): Promise<void> {
    await page.goto(`${ground.url}/sign-in`)
    await fill(page, account)
    await page.waitForURL((url) => url.pathname !== '/sign-in')
  }

  async function fill(page: Page, { name, password }: Account): Promise<void> {
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Password').fill(password)
    await page.locator('main').getByRole('button', { name: 'Sign in' }).click()
  }
})

/** Presses Tab until the element with this id or text has the focus; gives up after a round. */
async function tabTo(page: Page, idOrText: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab')
    const isThere = await page.evaluate(
      (wanted) => document.activeElement?.id === wanted || document.activeElement?.textContent?.trim() === wanted,
      idOrText,
    )
    if (isThere) return
  }
  throw new Error(`the keyboard does not reach ${idOrText}`)
}

function focused(page: Page): Promise<string | undefined> {
  return page.evaluate(() => document.activeElement?.textContent?.trim())
}

function hasVisibleFocus(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const element = document.activeElement
    return element !== null && Number.parseFloat(getComputedStyle(element).outlineWidth) >= 2
  })
}
