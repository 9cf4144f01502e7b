import { raiseExposure } from '@fairtrace/server/runtime/exposures'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { waitFor } from '@fairtrace/testing/harness'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OWNER, type PortalGround, PROTECTION, startPortalGround, startProgramme } from '../portal-ground.ts'
import { axeFaults, CHROMIUM, FLAGS } from './chromium.ts'

describe('the pages of gate and incidents', () => {
  let ground: PortalGround
  let database: OpenDatabase
  let browser: Browser
  let page: Page
  let id = ''

  beforeAll(async () => {
    ground = await startPortalGround()
    ground.portal.setReady(true)
    database = openDatabase(ground.databaseUrl('portal'), 1)
    await startProgramme(ground, await ground.signIn(OWNER.name, OWNER.password))
    await raiseExposure(database, 'reader-unexpected', {}, 'table vault.chunks')
    const token = await ground.signIn(PROTECTION.name, PROTECTION.password)
    id = await waitFor(async () => {
      const { body } = await ground.call('/api/incidents', { token })
      return (body.incidents as { id: string }[])[0]?.id ?? null
    })
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
    page = await browser.newPage({ viewport: { width: 360, height: 740 } })
    await page.goto(`${ground.url}/sign-in`)
    await page.getByLabel('Name').first().fill(PROTECTION.name)
    await page.getByLabel('Password').fill(PROTECTION.password)
    await page.getByLabel('Password').press('Enter')
    await page.waitForURL(`${ground.url}/programme`)
  })
  afterAll(async () => {
    await browser?.close()
    await database?.close()
    await ground?.stop()
  })

  it.each([
    ['the gate', () => '/gate', 'What is missing'],
    ['the list', () => '/incidents', 'Incidents'],
    ['one incident', () => `/incidents/${id}`, 'Who could have read what'],
    ['one as a file', () => `/api/incidents/${id}/export?format=html`, 'Timeline'],
  ])('show %s without a fault of access, on a small screen', async (_what, path, heading) => {
    await page.goto(ground.url + path())
    if (process.env.FAIRTRACE_PICTURES !== undefined) {
      await page.screenshot({
        path: `${process.env.FAIRTRACE_PICTURES}/${heading.replaceAll(' ', '-')}.png`,
        fullPage: true,
      })
    }
    expect(await page.getByRole('heading', { name: heading }).count()).toBeGreaterThan(0)
    expect(await axeFaults(page)).toEqual([])
    // Wide tables scroll in their own box, never the page.
    if (!path().startsWith('/api')) {
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
    }
  })

  it('take a root cause and let notices go without a script', async () => {
    await page.goto(`${ground.url}/incidents/${id}`)
    await page.getByLabel('What made it possible').fill('A right was given by hand and never taken back.')
    await page.getByLabel('What is done about it').fill('Take it away.')
    await page.getByLabel('Who sees to it').fill('operations')
    await page.getByLabel('By when').fill('2026-12-01')
    await page.getByRole('button', { name: 'Record' }).click()
    expect(await page.textContent('main')).toContain('never taken back')
    await page.getByRole('button', { name: 'Approve and send' }).click()
    expect(await page.textContent('main')).toContain(`approved by ${PROTECTION.name}`)
  })
})
