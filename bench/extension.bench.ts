/**
 * What the extension costs the page, side by side with rrweb's `record`: one session in Chromium, the same page and the same input.
 *
 * The input is the browser's own (through its debugging protocol), because the extension doesn't see what scripts dispatch. Counted is
 * the time on the page's main thread, as the browser's sampling profiler attributes it: every sample with a function of the script in
 * its stack, so what the script makes the browser do (measuring, reading the tree, sending) is in it. rrweb only keeps its events in
 * a list: what it costs to send them is not counted.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type FakePortal, startFakePortal } from '@fairtrace/testing/harness'
import type { CDPSession, Page } from 'playwright-core'
import { EXTENSION_BUILD } from '../apps/extension/src/build.ts'
import { CHROMIUM } from '../tests/browser/chromium.ts'
import { buildExtension } from '../tests/browser/extension-build.ts'
import { ask, type ExtensionBrowser, startBrowser } from '../tests/browser/extension-ground.ts'
import type { Benchmark, Runs } from './benchmark.ts'

const RUNS = 3
const ROUTES = 20
const ROWS = 400
const RRWEB = fileURLToPath(new URL('../node_modules/rrweb/dist/rrweb.umd.cjs', import.meta.url))
/** Between two samples of the profiler, in microseconds. */
const SAMPLE_US = 100
/** A sample that lasts longer is one in which another process had the core: that is neither's cost. */
const SAMPLE_US_MAX = 250

type Recorder = 'ours' | 'rrweb'

interface Cost {
  readonly loadMs: number
  readonly eventsMs: number
  readonly routesMs: number
  readonly bytes: number
}

type Costs = Readonly<Record<Recorder, readonly Cost[]>>

let measured: Promise<Costs> | null = null

export const benchmarks: readonly Benchmark[] = [
  share('device.extension-main-thread', 0.1, ({ loadMs, eventsMs, routesMs }) => loadMs + eventsMs + routesMs),
  share('device.extension-events', 1 / 3, ({ eventsMs }) => eventsMs),
  share('device.extension-bytes', 1 / 50, ({ bytes }) => bytes),
  figure('device.extension-main-thread.load', 'ms', ({ loadMs }) => loadMs),
  figure('device.extension-main-thread.events', 'ms', ({ eventsMs }) => eventsMs),
  figure('device.extension-main-thread.routes', 'ms', ({ routesMs }) => routesMs),
]

/** Ours over rrweb's, one ratio a pair of runs. */
function share(name: string, target: number, of: (cost: Cost) => number): Benchmark {
  return {
    ...{ name, unit: 'ours over rrweb', better: 'lower', target, peerName: 'rrweb record' },
    run: () =>
      runs(({ ours, rrweb }) => ({
        ours: ours.map((cost, i) => of(cost) / of(rrweb[i] ?? cost)),
        peer: rrweb.map(() => 1),
      })),
  }
}

/** The figure itself, beside the peer's. */
function figure(name: string, unit: string, of: (cost: Cost) => number): Benchmark {
  return {
    ...{ name, unit, better: 'lower', target: null, peerName: 'rrweb record' },
    run: () => runs(({ ours, rrweb }) => ({ ours: ours.map(of), peer: rrweb.map(of) })),
  }
}

async function runs(of: (costs: Costs) => Runs): Promise<Runs | { readonly reason: string }> {
  if (!existsSync(CHROMIUM)) return { reason: `needs ${CHROMIUM}` }
  measured ??= measure()
  return of(await measured)
}

async function measure(): Promise<Costs> {
  const site = await startBenchSite()
  const portal = await startFakePortal({ nowMs: Date.now })
  answerAsPortal(portal, site.origin)
  const profile = mkdtempSync(join(tmpdir(), 'fairtrace-bench-profile-'))
  const browser = await startBrowser(await buildExtension(), profile)
  const costs: Record<Recorder, Cost[]> = { ours: [], rrweb: [] }
  try {
    await takePart(browser, portal)
    for (let i = 0; i < RUNS; i++) {
      await setPaused(browser, false)
      costs.ours.push(await session(browser, site.origin, 'ours', portal))
      await setPaused(browser, true)
      costs.rrweb.push(await session(browser, site.origin, 'rrweb', portal))
    }
    return costs
  } finally {
    await browser.close()
    await portal.stop()
    await site.stop()
    rmSync(profile, { recursive: true, force: true })
  }
}

/** One load, 10,000 events, 20 routes: each profiled on its own. */
async function session(
  browser: ExtensionBrowser,
  origin: string,
  recorder: Recorder,
  portal: FakePortal,
): Promise<Cost> {
  const page = await browser.context.newPage()
  const cdp = await browser.context.newCDPSession(page)
  try {
    await page.goto(`${origin}/`)
    await cdp.send('Profiler.enable')
    await cdp.send('Profiler.setSamplingInterval', { interval: SAMPLE_US })
    const isOfRecorder = (url: string) =>
      recorder === 'ours' ? url.startsWith(`chrome-extension://${browser.id}/`) : url.includes('/rrweb.js')
    const loadMs = await profiled(cdp, isOfRecorder, async () => {
      await page.goto(`${origin}/${recorder === 'rrweb' ? 'recorded.html' : ''}`)
      await page.bringToFront()
      // Long enough for the extension's worker to give its order.
      await sleep(1_500)
    })
    const eventsMs = await profiled(cdp, isOfRecorder, () => tenThousandEvents(cdp, page))
    const routesMs = await profiled(cdp, isOfRecorder, () => routes(cdp, page))
    await sleep(1_000)
    const bytes =
      recorder === 'rrweb'
        ? await page.evaluate(() => JSON.stringify((globalThis as unknown as { recorded: unknown[] }).recorded).length)
        : await bytesOut(browser, portal)
    return { loadMs, eventsMs, routesMs, bytes }
  } finally {
    await page.close()
  }
}

/** Milliseconds of samples with a function of the recorder in their stack. */
async function profiled(
  cdp: CDPSession,
  isOfRecorder: (url: string) => boolean,
  work: () => Promise<void>,
): Promise<number> {
  await cdp.send('Profiler.start')
  await work()
  const { profile } = await cdp.send('Profiler.stop')
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const counted = new Set<number>()
  const count = (id: number): void => {
    counted.add(id)
    for (const child of nodes.get(id)?.children ?? []) count(child)
  }
  for (const { id, callFrame } of profile.nodes) if (isOfRecorder(callFrame.url)) count(id)
  let micros = 0
  for (const [i, id] of (profile.samples ?? []).entries())
    if (counted.has(id)) micros += Math.min(profile.timeDeltas?.[i] ?? 0, SAMPLE_US_MAX)
  return micros / 1_000
}

/** People work in bursts: 6,000 moves, 1,000 clicks (two events each), 750 keys (two each), 500 notches of the wheel; and some rests. */
async function tenThousandEvents(cdp: CDPSession, page: Page): Promise<void> {
  const fields = await page.evaluate(() =>
    [...document.querySelectorAll('button:not(#route), a, input')].slice(0, 40).map((element) => {
      const { x, y, width, height } = element.getBoundingClientRect()
      return { x: x + width / 2, y: y + height / 2 }
    }),
  )
  const mouse = (
    type: 'mouseMoved' | 'mousePressed' | 'mouseReleased' | 'mouseWheel',
    x: number,
    y: number,
    more = {},
  ) => cdp.send('Input.dispatchMouseEvent', { type, x, y, ...more })
  for (let burst = 0; burst < 50; burst++) {
    const sent: Promise<unknown>[] = []
    for (let i = 0; i < 20; i++) {
      const at = fields[(burst * 7 + i * 3) % fields.length] ?? { x: 10, y: 10 }
      const from = fields[(burst * 7 + i * 3 + 11) % fields.length] ?? { x: 20, y: 20 }
      for (let step = 1; step <= 6; step++) {
        const part = step / 6
        sent.push(mouse('mouseMoved', from.x + (at.x - from.x) * part, from.y + (at.y - from.y) * part))
      }
      sent.push(mouse('mousePressed', at.x, at.y, { button: 'left', clickCount: 1 }))
      sent.push(mouse('mouseReleased', at.x, at.y, { button: 'left', clickCount: 1 }))
      if (i % 2 === 0) sent.push(mouse('mouseWheel', at.x, at.y, { deltaX: 0, deltaY: i % 4 === 0 ? 100 : -100 }))
    }
    await Promise.all(sent.splice(0))
    await page.focus('#text')
    for (const key of 'the order of m.') {
      sent.push(cdp.send('Input.dispatchKeyEvent', { type: 'keyDown', key, text: key }))
      sent.push(cdp.send('Input.dispatchKeyEvent', { type: 'keyUp', key }))
    }
    await Promise.all(sent)
    if (burst % 5 === 0) await sleep(350)
  }
}

async function routes(cdp: CDPSession, page: Page): Promise<void> {
  const { x, y } = await page.evaluate(() => {
    const rect = document.querySelector('#route')?.getBoundingClientRect()
    return { x: (rect?.x ?? 0) + 5, y: (rect?.y ?? 0) + 5 }
  })
  for (let i = 0; i < ROUTES; i++) {
    for (const type of ['mousePressed', 'mouseReleased'] as const) {
      await cdp.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 })
    }
    // A frame for the browser to draw it, and a moment for whoever watches.
    await sleep(150)
  }
}

/** What the portal and the intake are asked on the way, answered without a person. */
function answerAsPortal(portal: FakePortal, origin: string): void {
  const { charter } = portal.programme
  const app = { id: `web:${origin}`, title: 'Orders', labels: ['Save', 'Open', 'Next', 'Find'] }
  portal.programme.charter = {
    ...charter,
    capture: { ...charter.capture, apps: [app] },
    builds: { ...charter.builds, device: [EXTENSION_BUILD] },
  }
  const status = {
    ...{ version: 1, current: true, legalState: null, legalSinceMs: null, endsAtMs: null, renewAtMs: null },
    ...{ isErasing: false, reflectionEndsAtMs: 0, record: null },
  }
  let [isPaused, state] = [false, 'undecided']
  portal.intercept = ({ path, bytes }) => {
    if (path === '/api/consent/pause' || path === '/api/consent/resume') {
      isPaused = path.endsWith('pause')
      return { status: 200, body: { isPaused } }
    }
    if (path === '/api/consent' && bytes.length > 0) state = 'given'
    else if (path === '/api/consent') return { status: 200, body: { ...status, state, isPaused, history: [] } }
    // The choice is the person's at once here; the reflection period is the portal's to keep.
    if (path === '/api/join') {
      const { version, text } = charter.notice
      const notice = { version, text }
      return { status: 200, body: { session: 'a-session', pseudonym: 'p'.repeat(22), notice, reflectionEndsAtMs: 0 } }
    }
    return isPaused && path.startsWith('/api/leases')
      ? { status: 403, body: { error: { code: 'CONSENT_REQUIRED', message: 'paused', advice: '' } } }
      : null
  }
}

async function takePart(browser: ExtensionBrowser, portal: FakePortal): Promise<void> {
  await ask(browser, { ask: 'join', serverUrl: portal.url, code: 'a-code' })
  const { categories, apps } = portal.programme.charter.capture
  await ask(browser, { ask: 'consent', noticeVersion: 1, categories, apps: apps.map(({ id }) => id) })
}

async function setPaused(browser: ExtensionBrowser, isPaused: boolean): Promise<void> {
  await ask(browser, { ask: isPaused ? 'pause' : 'resume' })
  await sleep(1_500)
}

/** Everything that the last session left, sealed, as intake gets it. */
async function bytesOut(browser: ExtensionBrowser, portal: FakePortal): Promise<number> {
  await setPaused(browser, true)
  portal.accepted.clear()
  const recordings = await ask<readonly { readonly id: string }[]>(browser, { ask: 'review' })
  for (const { id } of recordings) await ask(browser, { ask: 'release', recording: id })
  await setPaused(browser, false)
  await ask(browser, { ask: 'send' })
  return [...portal.accepted.values()].reduce((sum, { length }) => sum + length, 0)
}

interface BenchSite {
  readonly origin: string
  stop(): Promise<void>
}

async function startBenchSite(): Promise<BenchSite> {
  const rrweb = readFileSync(RRWEB)
  const server = createServer((request, response) => {
    const isScript = request.url === '/rrweb.js'
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html; charset=utf-8' })
    response.end(isScript ? rrweb : pageText(request.url === '/recorded.html'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A list of 400 rows as such pages are: a few cells, a button and a link each. */
function pageText(isRecorded: boolean): string {
  const recording = `<script src="/rrweb.js"></script>
    <script>recorded = []; rrweb.record({ emit: (event) => recorded.push(event) })</script>`
  return `<!doctype html><html lang="en"><head><title>Orders</title><style>td { padding: 4px }</style></head><body>
    <p><button>Save</button> <button id="route">Next</button> <input id="text" aria-label="Find"></p>
    <table><tbody id="rows"></tbody></table>
    <script>
      let page = 0
      function fill() {
        page++
        const rows = document.createElement('tbody')
        rows.id = 'rows'
        for (let i = 0; i < ${ROWS}; i++) {
          const row = document.createElement('tr')
          for (const text of ['Order ' + page + '-' + i, 'Customer ' + i, 'Amount ' + i * 7, 'open']) {
            const cell = document.createElement('td')
            cell.className = 'cell'
            cell.textContent = text
            row.append(cell)
          }
          const cell = document.createElement('td')
          cell.innerHTML = '<button class="open">Open</button> <a href="#' + i + '">Details</a>'
          row.append(cell)
          rows.append(row)
        }
        document.getElementById('rows').replaceWith(rows)
      }
      fill()
      document.getElementById('route').onclick = () => {
        history.pushState({}, '', '/' + (location.pathname.includes('recorded') ? 'recorded.html' : '') + '?' + page)
        fill()
        scrollTo(0, 0)
      }
    </script>
    ${isRecorded ? recording : ''}</body></html>`
}
