/** Passkeys in a real Chromium with its virtual authenticator: added, asked for, refused, removed. */
import { existsSync } from 'node:fs'
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OWNER, type PortalGround } from '../portal-ground.ts'
import { axeFaults, CHROMIUM, FLAGS } from './chromium.ts'
import { PARTICIPANT, startDemoPortal } from './portal-demo.ts'

describe.skipIf(!existsSync(CHROMIUM))(`passkeys in a browser (skipped without ${CHROMIUM})`, () => {
  let ground: PortalGround
  let browser: Browser
  /** Browsers bind passkeys to names, so not 127.0.0.1. */
  let url: string

  beforeAll(async () => {
    ground = await startDemoPortal()
    url = ground.url.replace('127.0.0.1', 'localhost')
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  })
  afterAll(async () => {
    await browser?.close()
    await ground?.stop()
  })

  it('confirm that a programme runs again, and without one’s finger it stays paused', async () => {
    const { page, faults, cdp } = await open()
    await signIn(page, OWNER)
    const phone = await addAuthenticator(cdp, 'internal')
    await page.goto(`${url}/security`)
    expect(await page.locator('#main').textContent()).toContain('You have none')
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page.getByRole('button', { name: /^Remove passkey/ }).waitFor()
    expect(await axeFaults(page)).toEqual([])

    await page.goto(`${url}/programme`)
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('button', { name: 'Run' }).waitFor()
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId: phone, isUserVerified: false })
    await page.getByRole('button', { name: 'Run' }).click()
    await page.getByRole('alert').waitFor()
    expect(await page.getByRole('alert').textContent()).toContain('Nothing was changed')
    expect(await axeFaults(page)).toEqual([])
    await page.reload()
    expect(await page.locator('.state').textContent()).toContain('is paused')

    await cdp.send('WebAuthn.setUserVerified', { authenticatorId: phone, isUserVerified: true })
    await page.getByRole('button', { name: 'Run' }).click()
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    expect(await page.locator('.state').textContent()).toContain('is running')
    expect(faults).toEqual([])
    await page.context().close()
  })

  it('are added and removed by their owner; one that nobody vouched for is shown as waiting', async () => {
    const { page, faults, cdp } = await open()
    await signIn(page, PARTICIPANT)
    const first = await addAuthenticator(cdp, 'usb')
    await page.goto(`${url}/security`)
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page.getByRole('button', { name: /^Remove passkey/ }).waitFor()
    await page.getByRole('button', { name: 'Add one without: it works after 72 hours' }).click()
    await page.getByText('is added already').waitFor()

    // Another key fob; nobody touches the first.
    await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: first, enabled: false })
    const second = await addAuthenticator(cdp, 'usb')
    await page.getByRole('button', { name: 'Add one without: it works after 72 hours' }).click()
    await page.waitForFunction(() => document.querySelectorAll('[data-passkey-remove]').length === 2)
    expect(await page.locator('strong').textContent()).toContain('works from')
    expect(await axeFaults(page)).toEqual([])

    // Taken away again, with the first one's word: the new one has none yet.
    await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: second, enabled: false })
    await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: first, enabled: true })
    await page
      .getByRole('button', { name: /^Remove passkey/ })
      .last()
      .click()
    await page.waitForFunction(() => document.querySelectorAll('[data-passkey-remove]').length === 1)
    expect(await page.locator('strong').count()).toBe(0)
    expect(faults).toEqual([])
    await page.context().close()
  })

  it('are offered at the portal’s name alone, and sessions end without any script', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await signIn(page, PARTICIPANT, ground.url)
    await page.goto(`${ground.url}/security`)
    expect(await page.locator('#main').textContent()).toContain(`Passkeys of this portal belong to ${url}`)
    expect(await page.getByRole('button', { name: /passkey/ }).count()).toBe(0)
    await page.getByRole('button', { name: 'Sign out everywhere' }).click()
    await page.goto(`${ground.url}/me`)
    expect(new URL(page.url()).pathname).toBe('/sign-in')
    await context.close()
  })

  async function open(): Promise<{ page: Page; faults: string[]; cdp: CDPSession }> {
    const context = await browser.newContext()
    const page = await context.newPage()
    page.setDefaultTimeout(10_000)
    const faults: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text())
    })
    page.on('pageerror', (error) => faults.push(error.message))
    const cdp = await context.newCDPSession(page)
    await cdp.send('WebAuthn.enable')
    return { page, faults, cdp }
  }

  async function signIn(
    page: Page,
    account: { readonly name: string; readonly password: string },
    at = url,
  ): Promise<void> {
    await page.goto(`${at}/sign-in`)
    await page.getByLabel('Name').fill(account.name)
    await page.getByLabel('Password').fill(account.password)
    await page.locator('main').getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL((address) => address.pathname !== '/sign-in')
  }
})

async function addAuthenticator(cdp: CDPSession, transport: 'internal' | 'usb'): Promise<string> {
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport,
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return authenticatorId
}
