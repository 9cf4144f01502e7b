/** What the person sees of the agent on the desktop: the indicator, notifications, the shortcut. */
import process from 'node:process'
import type { DeviceState } from '@fairtrace/device'
import { XConnection } from '../capture/x11/connection.ts'
import { indicatorLook } from './indicator-look.ts'
import { notify } from './notifications.ts'
import { openXIndicator, type XIndicator } from './x-indicator.ts'
import { grabPauseShortcut, SHORTCUT } from './x-shortcut.ts'

/** How soon a display that went away is looked for again. */
const RETRY_MS = 2_000

export interface Desktop {
  /** Where the indicator is, in words; the doctor shows it. */
  readonly indicator: string
  /** The shortcut that pauses and resumes, or null where there is none. */
  readonly shortcut: string | null
  show(state: DeviceState): void
  notify(summary: string, body: string): void
  close(): void
}

export interface DesktopActions {
  readonly togglePause: () => void
  readonly openPage: () => void
}

interface Shown {
  readonly x: XConnection
  readonly indicator: XIndicator | null
  readonly hasShortcut: boolean
}

/** Never throws: an agent without a display records nothing, and must still be able to say so. */
export async function openDesktop(actions: DesktopActions): Promise<Desktop> {
  let state: DeviceState | null = null
  let shown: Shown | null = null
  let retry: NodeJS.Timeout | null = null
  let isClosed = false

  const open = async (): Promise<void> => {
    const display = process.env.DISPLAY
    if (!display || isClosed) return
    const x = await XConnection.open(display).catch(() => null)
    if (x === null) return again()
    const indicator = await openXIndicator(x, actions).catch(() => null)
    const hasShortcut = await grabPauseShortcut(x, actions.togglePause).catch(() => false)
    shown = { x, indicator, hasShortcut }
    x.onLost(() => {
      shown = null
      again()
    })
    if (state !== null) indicator?.show(indicatorLook(state))
  }
  const again = (): void => {
    if (isClosed) return
    retry = setTimeout(() => void open(), RETRY_MS)
    retry.unref()
  }
  await open()

  return {
    get indicator() {
      return shown?.indicator ? 'a window at the lower right of the screen' : 'none'
    },
    get shortcut() {
      return shown?.hasShortcut ? SHORTCUT : null
    },
    show(next) {
      state = next
      shown?.indicator?.show(indicatorLook(next))
    },
    notify,
    close() {
      isClosed = true
      if (retry !== null) clearTimeout(retry)
      shown?.indicator?.close()
      shown?.x.close()
    },
  }
}
