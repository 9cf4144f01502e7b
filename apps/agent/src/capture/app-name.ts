/** What an app is called: from its window's class, or from what a system calls its program. */
import type { AppId } from '@fairtrace/core'

/**
 * The app of windows that are nobody's business here: browsers, which are the extension's, and windows without a name.
 * No charter can list it, because it isn't of the form of an app's name; so everything in it is dropped, and says so.
 */
export const UNLISTED_APP: AppId = 'desktop:'

/**
 * Browsers by window class or program name, in lower case. They show private windows and pages of anybody; only the
 * extension knows which is which.
 */
const BROWSERS =
  /^(?:.*[._-])?(?:chromium|chrome|google-chrome|firefox|navigator|firefox-?esr|librewolf|waterfox|floorp|zen|palemoon|tor[ ._-]browser|mullvad[ ._-]browser|opera|vivaldi|brave|brave-browser|msedge|microsoft-edge|microsoft edge|edge|safari|arc|epiphany|gnome-web|org\.gnome\.epiphany|midori|falkon|konqueror|qutebrowser|nyxt|dillo|netsurf|min|iexplore|yandex|yandex-browser|thorium|ungoogled-chromium|whale|duckduckgo|ladybird)(?:[._-](?:stable|beta|dev|nightly|esr|browser|unstable|canary|developer|developer-edition|bin|exe|gtk|snap))*$/

/** @param name as the system has it; @returns `UNLISTED_APP` for a browser, and for a name that says nothing */
export function appOf(name: string): AppId {
  const plain = name.trim().toLowerCase()
  if (BROWSERS.test(plain)) return UNLISTED_APP
  const id = plain
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 64)
  return id === '' ? UNLISTED_APP : `desktop:${id}`
}
