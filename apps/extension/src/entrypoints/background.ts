/**
 * The worker: holds the device, wires pages, service, indicator and the extension's own pages together.
 *
 * The browser may end it after half a minute without work, and it must be right every time it begins: the lease lives in its memory
 * alone, so it begins without one; recordings lie encrypted in IndexedDB. While something is recorded it keeps itself alive.
 */
import type { AppId } from '@fairtrace/core'
import { createDeviceService, openIndexedDbStorage, restoreDevice } from '@fairtrace/device/portable'
import type { BackgroundDefinition } from 'wxt'
import { type Browser, browser } from 'wxt/browser'
import { defineBackground } from 'wxt/utils/define-background'
import { EXTENSION_BUILD } from '../build.ts'
import { PAGE_PORT } from '../page/page-event.ts'
import { answer, type Parts } from '../worker/answer.ts'
import { Indicator } from '../worker/indicator.ts'
import { PageSource } from '../worker/page-source.ts'
import type { Request } from '../worker/request.ts'
import { hasChosenApps, readChosenApps, registerScript } from '../worker/sites.ts'
import { wakeTimers } from '../worker/wake-timers.ts'

/** Chromium ends a worker after 30 s without a call. */
const ALIVE_MS = 20_000

const clock = { nowMs: () => Date.now() }

const background: BackgroundDefinition = defineBackground(() => {
  let apps: ReadonlySet<AppId> = new Set()
  const indicator = new Indicator()
  const source = new PageSource({
    apps: () => apps,
    nowMs: clock.nowMs,
    onTabs: (tabs) => void indicator.showTabs(tabs),
  })
  const readApps = async () => {
    apps = await readChosenApps()
    source.recheck()
    source.setProblem(apps.size === 0 && (await hasChosenApps()) ? 'permission-missing' : null)
  }
  const started = start()

  async function start(): Promise<Parts> {
    await readApps()
    const storage = await openIndexedDbStorage('fairtrace', { clock })
    const device = await restoreDevice(storage, { clock, build: EXTENSION_BUILD, fetch: (...call) => fetch(...call) })
    const service = createDeviceService({ device, source, clock, timers: wakeTimers })
    service.onChange((state) => void indicator.showState(state))
    await service.start()
    await indicator.showState(service.state)
    setInterval(() => {
      // Any call of the browser's counts as work.
      if (source.hasPages && service.state.state === 'recording') void browser.runtime.getPlatformInfo()
    }, ALIVE_MS)
    return { device, storage, service, onApps: readApps }
  }

  browser.runtime.onConnect.addListener((port: Browser.runtime.Port) => {
    if (port.name !== PAGE_PORT) port.disconnect()
    else void started.then(() => source.accept(port))
  })
  browser.runtime.onMessage.addListener(
    (request: Request, sender: Browser.runtime.MessageSender, reply: (answer: unknown) => void) => {
      // A page script, or whoever took one over, decides nothing in a person's name.
      if (!isOurPage(sender)) return false
      void started.then((parts) => answer(parts, request)).then(reply)
      return true
    },
  )
  browser.commands.onCommand.addListener((command: string) => {
    if (command !== 'pause-or-resume') return
    void started.then(({ service }) => (service.state.state === 'paused' ? service.resume() : service.pause()))
  })
  for (const changed of [browser.permissions.onAdded, browser.permissions.onRemoved]) {
    changed.addListener(() => void started.then(readApps).then(() => registerScript(apps, true)))
  }
  browser.runtime.onInstalled.addListener(() => void readApps().then(() => registerScript(apps, true)))
  browser.runtime.onStartup.addListener(() => void started)
  // Starting is all that an alarm is for: the service knows what is due.
  browser.alarms.onAlarm.addListener(() => void started)
})

// biome-ignore lint/style/noDefaultExport: the build takes an entry point by its default export.
export default background

function isOurPage(sender: Browser.runtime.MessageSender): boolean {
  return sender.id === browser.runtime.id && sender.url?.startsWith(browser.runtime.getURL('/')) === true
}
