/** Staff sign in at their organisation's provider, in a real Chromium: across sites, where strict cookies stay at home. */
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProvider, type TestProvider } from '../oidc-ground.ts'
import { type PortalGround, startPortalGround } from '../portal-ground.ts'
import { axeFaults, CHROMIUM, FLAGS } from './chromium.ts'

describe.skipIf(!existsSync(CHROMIUM))(`the organisation’s sign-in in a browser (skipped without ${CHROMIUM})`, () => {
  let ground: PortalGround
  let provider: TestProvider
  let browser: Browser
  let url: string

  beforeAll(async () => {
    provider = await startProvider()
    ground = await startPortalGround()
    const port = await freePort()
    // The provider is 127.0.0.1, so that the two are different sites to a browser.
    url = `http://localhost:${port}`
    await provider.connect(url)
    const portal = await ground.another({
      installation: 'production',
      demoAccountsFile: null,
      listen: { host: '127.0.0.1', port },
      signIn: { ...provider.settings, portal: url },
    })
    portal.setReady(true)
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  })
  afterAll(async () => {
    await browser?.close()
    await ground?.stop()
    await provider?.stop()
  })

  it.each([
    ['with scripts', true],
    ['without any', false],
  ])('leads there and back, and is over after signing out, %s', async (_how, javaScriptEnabled) => {
    provider.next = { sub: 'olga', name: 'Olga Owner', groups: ['fairtrace-owners', 'fairtrace-audit'] }
    const context = await browser.newContext({ javaScriptEnabled })
    const page = await context.newPage()
    page.setDefaultTimeout(10_000)
    await page.goto(`${url}/sign-in`)
    if (javaScriptEnabled) expect(await axeFaults(page)).toEqual([])
    await page.getByRole('link', { name: 'Sign in with your organisation' }).click()
    await page.waitForURL(`${url}/programme`)
    expect(await page.locator('header').textContent()).toContain('Olga Owner, programme owner and auditor')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(`${url}/`)
    await page.goto(`${url}/programme`)
    expect(page.url()).toBe(`${url}/sign-in`)
    await context.close()
  })

  it('says plainly that somebody’s groups have no role here', async () => {
    provider.next = { sub: 'nora', name: 'Nora', groups: ['everybody'] }
    const page = await browser.newPage()
    await page.goto(`${url}/sign-in`)
    await page.getByRole('link', { name: 'Sign in with your organisation' }).click()
    await page.getByText('None of your groups has a role here.').waitFor()
    expect(await axeFaults(page)).toEqual([])
    expect((await page.context().cookies(url)).map(({ name }) => name)).toEqual([])
    await page.close()
  })
})

function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = address !== null && typeof address === 'object' ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
