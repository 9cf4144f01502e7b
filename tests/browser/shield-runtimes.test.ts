/**
 * One stream of input events through the shield in Node and in a worker of a real Chromium: the same code, the same bytes.
 *
 * The worker runs what the extension would: the shield bundled for browsers, without a DOM.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Action, createShield, defaultShieldSettings, type InputEvent } from '@fairtrace/core'
import { openReplay, type ReplayFormat } from '@fairtrace/device'
import { createParticipant, SIMULATED_APPS } from '@fairtrace/testing/simulator'
import { type Browser, chromium, type Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { typedTexts } from '../../testing/src/simulator/typed/typed-texts.ts'
import { CHROMIUM, FLAGS } from './chromium.ts'

const RECORDINGS = process.env.FAIRTRACE_RECORDINGS ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'data')
/** With the telephone patterns of every country; what a service worker parses each time that it wakes. */
const BUNDLE_BYTES_MAX = 300_000
/** Answered by the test itself: nothing is asked of a network. */
const ORIGIN = 'https://shield.example'
const LABELS = SIMULATED_APPS.map((app): [string, readonly string[]] => [app.id, app.labels])

/** What the worker runs: settings and events in, lines of JSON out. */
const ENTRY = `
  import { createShield, defaultShieldSettings } from '@fairtrace/core'
  self.onmessage = ({ data: { events, labels, apps } }) => {
    const settings = { ...defaultShieldSettings(apps), labels: new Map(labels.map(([app, list]) => [app, new Set(list)])) }
    const shield = createShield(settings)
    const out = []
    for (const event of events) shield.push(event, out)
    shield.end(out)
    self.postMessage(out.map((action) => JSON.stringify(action)).join('\\n'))
  }`

describe.skipIf(!existsSync(CHROMIUM))(`the shield in Node and in Chromium (skipped without ${CHROMIUM})`, () => {
  let bundle = ''
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    bundle = await bundleForBrowser()
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
    page = await browser.newPage()
    await page.route(`${ORIGIN}/**`, (route) =>
      route.request().url().endsWith('.js')
        ? route.fulfill({ contentType: 'text/javascript', body: bundle })
        : route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Shield</title>' }),
    )
    await page.goto(`${ORIGIN}/`)
  })
  afterAll(() => browser?.close())

  it('is small enough for a service worker, and asks nothing of Node', () => {
    expect(bundle).not.toMatch(/from\s*["']node:|require\(/)
    expect(Buffer.byteLength(bundle)).toBeLessThan(BUNDLE_BYTES_MAX)
  })

  it('makes the same bytes of simulated people at work', async () => {
    for (let person = 0; person < 3; person++) {
      const session = createParticipant(11, person).session(null, Date.UTC(2026, 0, 5, 9), {
        actionsAbout: 500,
        motion: false,
      })
      await expectSameBytes([...session], 400)
    }
  })

  it('makes the same bytes of 3,000 texts in five languages', async () => {
    const app = LABELS[0]?.[0] ?? ''
    const events = [...typedTexts('held-out', 5, 50)].flatMap(({ text, field }): InputEvent[] => [
      { kind: 'focus', atMs: 0, app, field },
      ...[...text].flatMap((key): InputEvent[] => [
        { kind: 'key', atMs: 0, key, down: true },
        { kind: 'key', atMs: 0, key, down: false },
      ]),
    ])
    await expectSameBytes(events, 3_000)
  })

  for (const [format, file] of [
    ['ducktrack', 'ducktrack/events.jsonl.gz'],
    ['opencua', 'opencua-sample/events.jsonl.gz'],
  ] as const) {
    const path = join(RECORDINGS, file)
    const why = existsSync(path) ? '' : ' (skipped: the recording is not here, see FAIRTRACE_RECORDINGS)'
    it.skipIf(!existsSync(path))(`makes the same bytes of a real recording, ${format}${why}`, async () => {
      await expectSameBytes(await replayed(path, format), 10)
    })
  }

  async function expectSameBytes(events: readonly InputEvent[], actionsMin: number): Promise<void> {
    const apps = [...LABELS.map(([app]) => app), 'desktop:recording']
    const settings = {
      ...defaultShieldSettings(apps),
      labels: new Map(LABELS.map(([app, labels]) => [app, new Set(labels)])),
    }
    const shield = createShield(settings)
    const out: Action[] = []
    for (const event of events) shield.push(event, out)
    shield.end(out)
    const inNode = out.map((action) => JSON.stringify(action)).join('\n')
    const inChromium = await page.evaluate(runInWorker, JSON.stringify({ events, labels: LABELS, apps }))
    expect(out.length).toBeGreaterThan(actionsMin)
    // Digests: a difference in what was recorded is nobody's to read in a test's output.
    expect({ bytes: inChromium.length, sha256: sha256(inChromium) }).toEqual({
      bytes: inNode.length,
      sha256: sha256(inNode),
    })
  }
})

/** In the page: a worker of its own, as a service worker is, has no DOM. */
function runInWorker(input: string): Promise<string> {
  const worker = new Worker('/shield.js', { type: 'module' })
  return new Promise<string>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data)
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage(JSON.parse(input))
  }).finally(() => worker.terminate())
}

async function bundleForBrowser(): Promise<string> {
  const id = 'virtual:shield-worker'
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    root: join(import.meta.dirname, '..', '..'),
    plugins: [
      {
        name: 'shield-worker',
        resolveId: (source) => (source === id ? `\0${id}` : null),
        load: (source) => (source === `\0${id}` ? ENTRY : null),
      },
    ],
    build: { write: false, target: 'chrome120', minify: true, rollupOptions: { input: id, output: { format: 'es' } } },
  })
  const [output] = Array.isArray(result) ? result : [result]
  const chunk = output !== undefined && 'output' in output ? output.output[0] : undefined
  if (chunk === undefined) throw new Error('the bundle has no output')
  return chunk.code
}

async function replayed(path: string, format: ReplayFormat): Promise<InputEvent[]> {
  const events: InputEvent[] = []
  for await (const event of openReplay(path, format, { app: 'desktop:recording', scrollDirection: 1 }).events) {
    if (event.kind !== 'move') events.push(event)
  }
  return events
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
