/**
 * The sites that the person chose: where the page script is registered, and which the browser was asked for.
 *
 * Kept are origins alone, no content; the answer of the browser decides over the list.
 */
import type { AppId } from '@fairtrace/core'
import { browser } from 'wxt/browser'

const KEY = 'apps'
const SCRIPT = 'page'
const FILE = 'page.js'

/** A match pattern for an app's origin. It can't name the port: the worker compares the origin itself. */
function patternOf(app: AppId): string | null {
  if (!app.startsWith('web:')) return null
  const { protocol, hostname } = new URL(app.slice('web:'.length))
  return `${protocol}//${hostname}/*`
}

export function patternsOf(apps: Iterable<AppId>): string[] {
  return [...new Set([...apps].map(patternOf).filter((pattern) => pattern !== null))]
}

/** The chosen apps that the browser gives access to. */
export async function readChosenApps(): Promise<ReadonlySet<AppId>> {
  const { [KEY]: apps } = await browser.storage.local.get(KEY)
  if (!Array.isArray(apps)) return new Set()
  const granted = await Promise.all(
    apps.map(async (app: AppId) => {
      const pattern = patternOf(app)
      return pattern !== null && (await browser.permissions.contains({ origins: [pattern] }))
    }),
  )
  return new Set(apps.filter((_, i) => granted[i] === true))
}

export async function hasChosenApps(): Promise<boolean> {
  const { [KEY]: apps } = await browser.storage.local.get(KEY)
  return Array.isArray(apps) && apps.length > 0
}

/** Registers the page script for these apps and no others, and puts it into their open tabs. */
export async function chooseApps(apps: readonly AppId[]): Promise<void> {
  await browser.storage.local.set({ [KEY]: apps })
  await registerScript(await readChosenApps(), true)
}

/** Registers the script for what is granted now. @param intoOpenTabs also into tabs that are open already */
export async function registerScript(apps: ReadonlySet<AppId>, intoOpenTabs: boolean): Promise<void> {
  const registered = await browser.scripting.getRegisteredContentScripts({ ids: [SCRIPT] })
  const matches = patternsOf(apps)
  if (registered.length > 0) await browser.scripting.unregisterContentScripts({ ids: [SCRIPT] })
  if (matches.length === 0) return
  await browser.scripting.registerContentScripts([
    {
      id: SCRIPT,
      js: [FILE],
      matches,
      allFrames: true,
      // Frames without an address of their own belong to the page that made them.
      matchOriginAsFallback: true,
      runAt: 'document_start',
      persistAcrossSessions: true,
    },
  ])
  if (!intoOpenTabs) return
  for (const { id } of await browser.tabs.query({ url: matches })) {
    if (id === undefined) continue
    try {
      await browser.scripting.executeScript({ target: { tabId: id, allFrames: true }, files: [FILE] })
    } catch {
      // A tab that is going away, or one of an error page: the script comes with the next page.
    }
  }
}

/** Gives everything back: the script, the list, and the browser's permissions. */
export async function forgetApps(): Promise<void> {
  await browser.storage.local.remove(KEY)
  await registerScript(new Set(), false)
  const { origins } = await browser.permissions.getAll()
  for (const origin of origins ?? []) {
    try {
      await browser.permissions.remove({ origins: [origin] })
    } catch {
      // Granted by the build itself (a test's): there is nothing to give back.
    }
  }
}
