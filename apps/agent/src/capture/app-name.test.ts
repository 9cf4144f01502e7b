import { appIdPattern } from '@fairtrace/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { appOf, UNLISTED_APP } from './app-name.ts'

describe('the name of an app', () => {
  it.each([
    'Chromium',
    'chromium-browser',
    'Google-chrome',
    'Google-chrome-beta',
    'firefox',
    'Firefox-esr',
    'Navigator',
    'org.mozilla.firefox',
    'Brave-browser',
    'Microsoft-edge',
    'msedge.exe',
    'Vivaldi-stable',
    'Opera',
    'LibreWolf',
    'Tor Browser',
    'Epiphany',
    'org.gnome.Epiphany',
    'Safari',
  ])('of %s, a browser, is nobody’s business here', (name) => {
    expect(appOf(name)).toBe(UNLISTED_APP)
  })

  it.each([
    ['Orders', 'desktop:orders'],
    ['libreoffice-calc', 'desktop:libreoffice-calc'],
    ['Visual Studio Code', 'desktop:visual-studio-code'],
    ['  .Secret', 'desktop:secret'],
    ['Minesweeper', 'desktop:minesweeper'],
    ['Zenity', 'desktop:zenity'],
    ['', UNLISTED_APP],
    ['日本', UNLISTED_APP],
  ])('of %j is %s', (name, app) => {
    expect(appOf(name)).toBe(app)
  })

  it('can be listed in a charter, unless it is nobody’s', () => {
    expect(appIdPattern.test(UNLISTED_APP)).toBe(false)
    fc.assert(
      fc.property(fc.string(), (name) => {
        const app = appOf(name)
        expect(app === UNLISTED_APP || appIdPattern.test(app)).toBe(true)
      }),
    )
  })
})
