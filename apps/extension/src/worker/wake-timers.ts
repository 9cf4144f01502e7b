/**
 * Timers of a worker that the browser may end at any time: long ones have an alarm behind them, which starts the worker again. What
 * was to be done then, the device's service finds in its own settings.
 */
import { systemTimers, type Timers } from '@fairtrace/device/portable'
import { browser } from 'wxt/browser'

/** Below this the worker lives long enough by itself. */
const ALARM_FROM_MS = 30_000
const WAKE_ALARM = 'wake'

export const wakeTimers: Timers = {
  set(ms, work) {
    if (ms >= ALARM_FROM_MS) void wakeAt(Date.now() + ms)
    return systemTimers.set(ms, work)
  },
}

async function wakeAt(atMs: number): Promise<void> {
  const set = await browser.alarms.get(WAKE_ALARM)
  if (set === undefined || set.scheduledTime > atMs || set.scheduledTime < Date.now()) {
    await browser.alarms.create(WAKE_ALARM, { when: atMs })
  }
}
