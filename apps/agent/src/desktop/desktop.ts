/** What the person sees of the agent on the desktop: the indicator, notifications, the shortcut. */
import process from 'node:process'
import type { DeviceState } from '@fairtrace/device'
import { XConnection } from '../capture/x11/connection.ts'
import { indicatorLook } from './indicator-look.ts'
import { notify } from './notifications.ts'
import { openXIndicator, type XIndicator } from './x-indicator.ts'
import { grabPauseShortcut, SHORTCUT } from './x-shortcut.ts'

export interface Desktop {
  /** Where the indicator is, in words; the doctor shows it. */
  readonly indicator: string
  /** The shortcut that pauses and resumes, or null where there is none. */
  readonly shortcut: string | null
  show(state: DeviceState, sentence: string): void
  notify(summary: string, body: string): void
  close(): Promise<void>
}

export interface DesktopActions {
  readonly togglePause: () => void
  readonly openPage: () => void
}

/** Never throws: an agent without a display records nothing, and must still be able to say so. */
export async function openDesktop(actions: DesktopActions): Promise<Desktop> {
  const display = process.env.DISPLAY
  const x = display ? await XConnection.open(display).catch(() => null) : null
  const indicator = x === null ? null : await openXIndicator(x, actions).catch(() => null)
  const hasShortcut = x !== null && (await grabPauseShortcut(x, actions.togglePause).catch(() => false))
  return {
    indicator: indicator === null ? 'none' : 'a window at the lower right of the screen',
    shortcut: hasShortcut ? SHORTCUT : null,
    show: (state) => show(indicator, state),
    notify,
    async close() {
      indicator?.close()
      x?.close()
    },
  }
}

function show(indicator: XIndicator | null, state: DeviceState): void {
  indicator?.show(indicatorLook(state))
}
