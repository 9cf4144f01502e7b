/** The agent's review page as a person meets it, in a real Chromium. */
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FIRST, type ReviewGround, startReviewGround } from '../agent/review-ground.ts'
import { axeFaults, CHROMIUM, FLAGS } from './chromium.ts'

describe.skipIf(!existsSync(CHROMIUM))(`the agent’s review page (skipped without ${CHROMIUM})`, () => {
  let ground: ReviewGround
  let browser: Browser

  beforeAll(async () => {
    ground = await startReviewGround()
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  })
  afterAll(async () => {
    await browser?.close()
    await ground?.page.stop()
  })

  it.each([
    ['light', 1440],
    ['dark', 1440],
    ['light', 360],
    ['dark', 360],
  ] as const)('has no fault that axe finds, no error and no sideways scroll: %s, %i px', async (colorScheme, width) => {
    const { page, faults } = await open({ colorScheme, viewport: { width, height: 900 } })
    await page.goto(ground.page.mint())
    await page.getByRole('heading', { name: 'What will leave' }).waitFor()
    await check(page)
    await page.goto(`${page.url()}recordings/${FIRST}`)
    await page.getByRole('heading', { name: 'What happened, in order' }).waitFor()
    await check(page)
    await page.goto(`${ground.origin}/`)
    await check(page)
    expect(faults).toEqual([])
    await page.context().close()
  })

  it('takes the token out of the address before anything is shown', async () => {
    const { page } = await open({})
    await page.goto(ground.page.mint())
    await page.getByRole('heading', { name: 'What will leave' }).waitFor()
    expect(page.url()).not.toContain('#')
    await page.goBack()
    expect(page.url()).not.toMatch(/#[\w-]+/)
    await page.context().close()
  })

  it('pauses, deletes two stretches and releases with the keyboard alone', async () => {
    const { page } = await open({})
    await page.goto(ground.page.mint())
    await page.getByRole('heading', { name: 'What will leave' }).waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content')
    await press(page, 'Pause')
    await page.getByText('Paused by you.').waitFor()
    await press(page, 'Resume')
    await page.getByText('Recording in mail.').waitFor()
    await press(page, 'Look at it, delete parts')
    await page.getByRole('heading', { name: 'What happened, in order' }).waitFor()
    for (const place of [1, 2, 5]) {
      await page.locator(`#action-${place}`).focus()
      await page.keyboard.press('Space')
    }
    await press(page, 'Delete what is ticked')
    await page.getByRole('status').waitFor()
    await press(page, 'Release it now')
    await page.getByText('Released. It leaves').waitFor()
    expect(ground.asked).toEqual([
      { ask: 'pause' },
      { ask: 'resume' },
      { ask: 'delete-part', recording: FIRST, from: 5, to: 6 },
      { ask: 'delete-part', recording: FIRST, from: 1, to: 3 },
      { ask: 'release', recordings: [FIRST] },
    ])
    await page.context().close()
  })

  it('tells who comes with a used address what that means', async () => {
    const { page } = await open({})
    const url = ground.page.mint()
    await page.goto(url)
    await page.getByRole('heading', { name: 'What will leave' }).waitFor()
    const { page: other } = await open({})
    await other.goto(url)
    await other.getByText('somebody else on this computer did').waitFor()
    await page.reload()
    expect(await page.textContent('h1')).toBe('That did not work')
    await page.context().close()
    await other.context().close()
  })

  async function open(options: Parameters<Browser['newContext']>[0]) {
    const page = await (await browser.newContext(options)).newPage()
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
    page.on('request', (request) => {
      if (!request.url().startsWith(ground.origin)) faults.push(`request to ${request.url()}`)
    })
    return { page, faults }
  }

  async function check(page: Page): Promise<void> {
    expect(await axeFaults(page)).toEqual([])
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    expect(sideways).toBeLessThanOrEqual(0)
  }

  async function press(page: Page, name: string): Promise<void> {
    const target = page.getByRole('button', { name }).or(page.getByRole('link', { name })).first()
    await target.focus()
    await page.keyboard.press('Enter')
  }
})
