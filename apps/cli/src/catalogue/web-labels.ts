/**
 * Labels of a web app, from the pages that a person visits in a browser of its own: an empty profile that is gone afterwards.
 *
 * Roles and names come from the extension's own rules, put into each page of the app as they are: a catalogue and a recording name
 * the same things alike. Values, texts and addresses are never read.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { SeenLabel } from './catalogue.ts'

const RULES = new URL('../../../extension/src/dom/describe-element.ts', import.meta.url)
const BROWSERS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]
/** How long a page gets to draw itself when nobody looks at it. */
const SETTLE_MS = 1_500
const WALK_EVERY_MS = 400
/** More is no interface. */
const SEEN_MAX = 20_000

export interface WebLabelsOptions {
  readonly headless: boolean
  /** Further pages of the same origin to open; only used without a window. */
  readonly also: readonly string[]
  /** Path of a Chromium or Chrome; null looks in the usual places. */
  readonly browser: string | null
  /** Hears how many labels have been seen so far. */
  readonly onSeen: (count: number) => void
  /** Ends the visit as closing the window does. */
  readonly ended: Promise<void>
}

/**
 * Returns when the person closes the window, or without one when the pages were visited.
 * @throws `BROWSER_UNAVAILABLE`, `CATALOGUE_EMPTY`
 */
export async function readWebLabels(url: URL, options: WebLabelsOptions): Promise<readonly SeenLabel[]> {
  const browser = await launch(options)
  const seen = new Map<string, SeenLabel>()
  try {
    const context = await browser.newContext({ viewport: options.headless ? { width: 1_280, height: 800 } : null })
    await watch(context, url.origin, (labels) => {
      for (const { role, label } of labels) if (seen.size < SEEN_MAX) seen.set(`${role}\n${label}`, { role, label })
      options.onSeen(seen.size)
    })
    const page = await context.newPage()
    await visit(page, url)
    if (options.headless) {
      await page.waitForTimeout(SETTLE_MS)
      for (const path of options.also) {
        await visit(page, new URL(path, url))
        await page.waitForTimeout(SETTLE_MS)
      }
    } else await Promise.race([closed(browser, context), options.ended])
  } finally {
    await browser.close()
  }
  return [...seen.values()]
}

async function launch({ headless, browser }: WebLabelsOptions): Promise<Browser> {
  const executablePath = browser ?? BROWSERS.find((path) => existsSync(path))
  if (executablePath === undefined) throw new FairtraceError('BROWSER_UNAVAILABLE', 'no Chromium or Chrome was found')
  // Chromium has no sandbox for root; the pages are the person's own choice.
  const args = ['--no-first-run', '--disable-sync', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])]
  try {
    // Ctrl+C ends the visit; the catalogue is printed all the same.
    return await chromium.launch({ executablePath, headless, args, handleSIGINT: false })
  } catch (cause) {
    throw new FairtraceError('BROWSER_UNAVAILABLE', 'the browser did not start', { cause })
  }
}

async function visit(page: Page, url: URL): Promise<void> {
  try {
    await page.goto(url.href, { waitUntil: 'load' })
  } catch (cause) {
    const reason = /net::(ERR_[A-Z_]+)/.exec(cause instanceof Error ? cause.message : '')?.[1] ?? 'no answer'
    throw new FairtraceError('CATALOGUE_EMPTY', `the page did not open (${reason})`, { cause })
  }
}

/** The person closed every page, or the browser. */
function closed(browser: Browser, context: BrowserContext): Promise<void> {
  return new Promise((resolve) => {
    browser.on('disconnected', () => resolve())
    context.on('close', () => resolve())
    const follow = (page: Page) => page.on('close', () => void (context.pages().length === 0 && resolve()))
    for (const page of context.pages()) follow(page)
    context.on('page', follow)
  })
}

async function watch(
  context: BrowserContext,
  origin: string,
  onLabels: (labels: readonly SeenLabel[]) => void,
): Promise<void> {
  await context.exposeBinding('fairtraceLabels', ({ frame }, labels: unknown) => {
    // A page is anybody's: only frames of the app itself are heard, and only what has the form of a label.
    if (new URL(frame.url()).origin !== origin || !Array.isArray(labels)) return
    onLabels(labels.filter(isSeenLabel))
  })
  const rules = stripTypeScriptTypes(await readFile(RULES, 'utf8')).replaceAll(/^export /gm, '')
  const script = `if (location.origin === ${JSON.stringify(origin)}) {\n${rules}\n(${collect})(roleOf, labelOf, ${WALK_EVERY_MS})\n}`
  await context.addInitScript({ content: script })
}

/** What of a page is touched, and nothing else: a program of Node has no types for documents. */
interface PageRoot {
  querySelectorAll(selector: '*'): Iterable<PageElement>
}
interface PageElement {
  readonly shadowRoot: PageRoot | null
}
interface PageWorld {
  readonly document: PageRoot
  fairtraceLabels(labels: readonly SeenLabel[]): void
}

/** In the page. Looks again and again, because what interfaces show they make as they go. */
function collect(
  roleOf: (element: PageElement) => string,
  labelOf: (element: PageElement, role: string) => string | undefined,
  everyMs: number,
): void {
  const world = globalThis as unknown as PageWorld
  const known = new Set<string>()
  const walk = (root: PageRoot, found: SeenLabel[]) => {
    for (const element of root.querySelectorAll('*')) {
      if (element.shadowRoot !== null) walk(element.shadowRoot, found)
      const role = roleOf(element)
      const label = labelOf(element, role)
      if (label === undefined || known.has(`${role}\n${label}`)) continue
      known.add(`${role}\n${label}`)
      found.push({ role, label })
    }
  }
  setInterval(() => {
    const found: SeenLabel[] = []
    walk(world.document, found)
    if (found.length > 0) world.fairtraceLabels(found)
  }, everyMs)
}

function isSeenLabel(value: unknown): value is SeenLabel {
  if (typeof value !== 'object' || value === null || !('role' in value) || !('label' in value)) return false
  const { role, label } = value
  return (
    typeof role === 'string' &&
    role.length <= 32 &&
    typeof label === 'string' &&
    label.length >= 1 &&
    label.length <= 64
  )
}
