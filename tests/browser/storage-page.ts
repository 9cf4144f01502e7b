/** A device's storage in real Chromium, driven from a test as if it were here: values and callbacks cross as JSON. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ErrorCode, FairtraceError } from '@fairtrace/core'
import type { DeviceStorage } from '@fairtrace/device'
import { chromium, type Page } from 'playwright-core'
import { CHROMIUM, FLAGS } from './chromium.ts'

/** Never resolved: the page is answered by the test itself. Of https, because keys and locks want a secure origin. */
const ORIGIN = 'https://storage.test'
const START_MS_MAX = 30_000

export interface StoragePage {
  readonly page: Page
  open(name: string, options: { readonly nowMs: number; readonly bytesMax?: number }): Promise<DeviceStorage>
  clear(name: string): Promise<void>
  /** kill -9 of the whole browser. */
  kill(): Promise<void>
  close(): Promise<void>
}

/**
 * @param profile the folder that the browser keeps; what is stored there outlives it
 * @param module the portable half, as `bundlePortable` makes it
 */
export async function openStoragePage(profile: string, module: string): Promise<StoragePage> {
  const browserProcess = await startChromium(profile)
  const browser = await chromium.connectOverCDP(`http://127.0.0.1:${portOf(profile)}`)
  const context = browser.contexts()[0] ?? (await browser.newContext())
  const page = await context.newPage()
  await page.route(`${ORIGIN}/**`, (route) =>
    route.request().url().endsWith('.js')
      ? route.fulfill({ contentType: 'text/javascript', body: module })
      : route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>storage</title>' }),
  )
  await page.goto(ORIGIN)
  const callbacks = new Map<number, (...args: unknown[]) => Promise<unknown>>()
  await page.exposeFunction('callBack', async (id: number, args: string) =>
    pack(await callbacks.get(id)?.(...(unpack(args) as unknown[]))),
  )
  await page.evaluate(DRIVER)
  let lastCallback = 0

  async function ask(storage: number, method: string, args: readonly unknown[]): Promise<unknown> {
    const sent = args.map((arg) => {
      if (typeof arg !== 'function') return arg
      callbacks.set(++lastCallback, arg as (...given: unknown[]) => Promise<unknown>)
      return { $callback: lastCallback }
    })
    const answer = await page.evaluate(
      (text) => (globalThis as unknown as Driver).drive(text),
      pack([storage, method, sent]),
    )
    const { ok, value, code, message } = unpack(answer) as Answer
    if (ok) return value
    throw code === undefined ? new Error(message) : new FairtraceError(code, message)
  }

  return {
    page,
    async open(name, options) {
      const storage = Number(await ask(-1, 'open', [name, options]))
      const methods: Record<string, unknown> = {
        // What it may keep is asked here, because a callback that crosses can't answer at once.
        narrow: async (recording: string, keep: (actions: unknown) => unknown) =>
          ask(storage, 'narrow', [recording, keep(await ask(storage, 'actions', [recording]))]),
      }
      return new Proxy({} as DeviceStorage, {
        get: (_target, method) => {
          if (method === 'then') return undefined
          return methods[String(method)] ?? ((...args: unknown[]) => ask(storage, String(method), args))
        },
      })
    },
    async clear(name) {
      await ask(-1, 'clear', [name])
    },
    async kill() {
      const ended = once(browserProcess, 'exit')
      browserProcess.kill('SIGKILL')
      await ended
      await browser.close().catch(() => undefined)
    },
    async close() {
      const ended = once(browserProcess, 'exit')
      await browser.close()
      browserProcess.kill()
      await ended
    },
  }
}

interface Answer {
  readonly ok: boolean
  readonly value?: unknown
  readonly code?: ErrorCode
  readonly message: string
}

interface Driver {
  drive(text: string): Promise<string>
}

/** Bytes as `{ "$bytes": base64 }`; the page's side, in `DRIVER`, does the same. */
function pack(value: unknown): string {
  return JSON.stringify({ value }, (_key, one: unknown) =>
    one instanceof Uint8Array ? { $bytes: Buffer.from(one).toString('base64') } : one,
  )
}

function unpack(text: string): unknown {
  return JSON.parse(text, (_key, one) =>
    typeof one?.$bytes === 'string' ? new Uint8Array(Buffer.from(one.$bytes, 'base64')) : one,
  ).value
}

const DRIVER = `(async () => {
  const { openIndexedDbStorage } = await import('/portable.js')
  const open = []
  const pack = (value) => JSON.stringify({ value }, (_key, one) =>
    one instanceof Uint8Array ? { $bytes: one.toBase64?.() ?? btoa(String.fromCharCode(...one)) } : one)
  const unpack = (text) => JSON.parse(text, (_key, one) => {
    if (typeof one?.$bytes === 'string') return Uint8Array.from(atob(one.$bytes), (char) => char.charCodeAt(0))
    if (typeof one?.$callback === 'number') return async (...args) => unpack(await callBack(one.$callback, pack(args)))
    return one
  }).value
  const answer = async (storage, method, args) => {
    if (method === 'open') {
      const [name, { nowMs, bytesMax }] = args
      return open.push(await openIndexedDbStorage(name, { clock: { nowMs: () => nowMs }, bytesMax })) - 1
    }
    if (method === 'clear') {
      return new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase(args[0])
        request.onsuccess = () => resolve(null)
        request.onerror = () => reject(request.error)
      })
    }
    if (method === 'narrow') return open[storage].narrow(args[0], () => args[1])
    return open[storage][method](...args)
  }
  globalThis.drive = async (text) => {
    try {
      return pack({ ok: true, value: await answer(...unpack(text)) })
    } catch (error) {
      return pack({ ok: false, code: error.code === 0 ? undefined : error.code, message: String(error.message) })
    }
  }
})()`

async function startChromium(profile: string): Promise<ChildProcess> {
  rmSync(join(profile, 'DevToolsActivePort'), { force: true })
  const flags = [...FLAGS, `--user-data-dir=${profile}`, '--remote-debugging-port=0', 'about:blank']
  const started = spawn(CHROMIUM, flags, { stdio: 'ignore' })
  for (let waitedMs = 0; !existsSync(join(profile, 'DevToolsActivePort')) || portOf(profile) === ''; waitedMs += 50) {
    if (waitedMs > START_MS_MAX) throw new Error('Chromium does not start')
    await sleep(50)
  }
  return started
}

function portOf(profile: string): string {
  return readFileSync(join(profile, 'DevToolsActivePort'), 'utf8').split('\n')[0] ?? ''
}
