/** `fairtrace catalogue` as an owner runs it: a process of its own, a real Chromium, a local app. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { CHROMIUM } from './chromium.ts'

const MAIN = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))

/** An app with what a catalogue must take, and what it must not. */
const PAGE = `<!doctype html><title>Orders of Anna</title>
  <nav><a href="/next">All orders</a><a href="/p/1">Kaja Berg</a><button>Inbox (3)</button></nav>
  <button aria-label="Save order"><svg></svg></button><button>AB</button>
  <label>Customer <input value="Secret value"></label>
  <input type="password" placeholder="Password"><input type="search" aria-label="Search">
  <div contenteditable="true">A private letter <button>Typed button</button></div>
  <table><tr><td>Cell content</td></tr></table><p>A paragraph of text</p>
  <my-menu></my-menu><div id="later"></div>
  <script>
    customElements.define('my-menu', class extends HTMLElement {
      connectedCallback() { this.attachShadow({ mode: 'open' }).innerHTML = '<button role="menuitem">Export</button>' }
    })
    setTimeout(() => { later.innerHTML = '<button>Add line</button>' }, 500)
  </script>`
const NEXT = `<!doctype html><title>Next</title><button>Close order</button><button>anna@mail.example</button>
  <iframe src="OTHER/"></iframe>`
const ELSEWHERE = '<!doctype html><title>Other</title><button>Of another origin</button>'

describe.skipIf(!existsSync(CHROMIUM))(`fairtrace catalogue (skipped without ${CHROMIUM})`, () => {
  let app: Server
  let elsewhere: Server
  let url: string

  beforeAll(async () => {
    elsewhere = await serve(() => ELSEWHERE)
    const other = addressOf(elsewhere)
    app = await serve((path) => (path === '/next' ? NEXT.replace('OTHER', other) : PAGE))
    url = addressOf(app)
  })
  afterAll(() => {
    app?.close()
    elsewhere?.close()
  })

  it('refuses what is neither an address nor an app, and a page that is not there', async () => {
    expect(await fairtrace('mail')).toMatchObject({ code: 2, out: '' })
    expect(await fairtrace('ftp://x.example')).toMatchObject({ code: 2 })
    const gone = await fairtrace('http://127.0.0.1:9/', '--headless', '--json')
    expect(gone.code).toBe(5)
    expect(JSON.parse(gone.out)).toMatchObject({ error: { code: 'CATALOGUE_EMPTY' } })
    expect((await fairtrace(url, '--headless', '--browser', '/nowhere/chromium')).err).toContain('BROWSER_UNAVAILABLE')
  })

  it('takes the interface of the pages visited, leaves out what looks personal, and reads no content', async () => {
    const { code, out, err } = await fairtrace(url, '--headless', '--also', '/next', '--json')
    expect(err).toContain('left out')
    expect(code).toBe(0)
    const made = JSON.parse(out)
    expect(made.app).toBe(`web:${url}`)
    expect(made.labels.map(({ label }: { label: string }) => label)).toEqual([
      'Add line',
      'All orders',
      'Close order',
      'Customer',
      'Export',
      'Password',
      'Save order',
      'Search',
    ])
    const reasons = Object.fromEntries(
      made.leftOut.map(({ label, reason }: { label: string; reason: string }) => [label, reason]),
    )
    expect(reasons).toEqual({
      AB: 'initials',
      'Inbox (3)': 'digits',
      'Kaja Berg': 'name',
      'anna@mail.example': 'email',
    })
    for (const content of [
      'Secret value',
      'private letter',
      'Typed button',
      'Cell content',
      'paragraph',
      'another origin',
    ]) {
      expect(out).not.toContain(content)
    }
  })

  it('prints an entry that a charter takes, with what was left out as comments', async () => {
    const { out } = await fairtrace(url, '--headless')
    expect(parse(out)).toEqual([
      {
        id: `web:${url}`,
        title: '127.0.0.1',
        labels: ['Add line', 'All orders', 'Customer', 'Export', 'Password', 'Save order', 'Search'],
      },
    ])
    expect(out).toMatch(/^# {5}- "Kaja Berg" {3}# link: may be a person’s name$/m)
  })
})

async function fairtrace(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const running = spawn(process.execPath, ['--no-warnings', MAIN, 'catalogue', ...args])
  let [out, err] = ['', '']
  running.stdout.on('data', (chunk) => (out += chunk))
  running.stderr.on('data', (chunk) => (err += chunk))
  const code = await new Promise<number | null>((resolve) => running.on('close', resolve))
  return { code, out, err }
}

function serve(page: (path: string) => string): Promise<Server> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(page(request.url ?? '/'))
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
