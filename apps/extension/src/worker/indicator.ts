/** What the toolbar shows: a word on the icon in every tab that is listened to, and the state as a sentence in its title. */
import { type DeviceState, describeState } from '@fairtrace/device/portable'
import { browser } from 'wxt/browser'

const RECORDING = { text: 'REC', color: '#b3261e' } as const
const PAUSED = { text: 'OFF', color: '#5f6368' } as const
const ATTENTION = { text: '!', color: '#8a5300' } as const

export class Indicator {
  #tabs: ReadonlySet<number> = new Set()
  #state: DeviceState = { state: 'not-joined' }

  async showState(state: DeviceState): Promise<void> {
    this.#state = state
    await this.#show()
  }

  async showTabs(tabs: ReadonlySet<number>): Promise<void> {
    const gone = [...this.#tabs].filter((tab) => !tabs.has(tab))
    this.#tabs = tabs
    // Null takes the tab's own word away, so that the general one shows again.
    await Promise.all(gone.map((tabId) => setBadge(null, null, tabId)))
    await this.#show()
  }

  async #show(): Promise<void> {
    const state = this.#state
    const badge =
      state.state === 'paused' ? PAUSED : state.state === 'stopped' || state.state === 'blind' ? ATTENTION : null
    await setBadge(badge?.text ?? '', badge?.color ?? null)
    await browser.action.setTitle({ title: `Fairtrace. ${describeState(state, Date.now())}` })
    if (state.state !== 'recording') return
    for (const tabId of this.#tabs) await setBadge(RECORDING.text, RECORDING.color, tabId)
  }
}

async function setBadge(text: string | null, color: string | null, tabId?: number): Promise<void> {
  const where = tabId === undefined ? {} : { tabId }
  try {
    await browser.action.setBadgeText({ text: text as string, ...where })
    if (color !== null) {
      await browser.action.setBadgeBackgroundColor({ color, ...where })
      await browser.action.setBadgeTextColor({ color: '#ffffff', ...where })
    }
  } catch {
    // The tab was closed meanwhile.
  }
}
