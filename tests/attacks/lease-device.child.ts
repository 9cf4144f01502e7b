/**
 * A device at work, as a process that a test can suspend. Left clicks until the process was asleep for a while, right ones from
 * then on: what was captured says by itself when it happened.
 */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { InputEvent } from '@fairtrace/core'
import { openDevice } from '@fairtrace/device'

const [dir = '', serverUrl = '', offset = '0'] = process.argv.slice(2)
const clock = { nowMs: () => Date.now() + Number(offset) }
const place = { x: 10, y: 10, width: 100, height: 100 }
const ASLEEP_MS = 1_500
let isStopped = false
process.once('message', () => {
  isStopped = true
})

// A wire that swallows everything would hold each call for half a minute.
const impatient: typeof fetch = (input, init) =>
  fetch(input, {
    ...init,
    signal: AbortSignal.any([AbortSignal.timeout(1_000), ...(init?.signal ? [init.signal] : [])]),
  })
const device = await openDevice(dir, { clock, serverUrl, fetch: impatient })
const report = await device.capture(work())
const buttons = []
for (const { id } of await device.outbox.list()) {
  for (const action of await device.outbox.actions(id)) if (action.kind === 'click') buttons.push(action.button)
}
await device.close()
process.send?.({ buttons, denied: report.denied, events: report.inputEvents })
process.disconnect()

async function* work(): AsyncGenerator<InputEvent> {
  let seenAtMs = Date.now()
  let button: 'left' | 'right' = 'left'
  while (!isStopped) {
    const nowMs = Date.now()
    if (nowMs - seenAtMs > ASLEEP_MS) button = 'right'
    seenAtMs = nowMs
    yield { kind: 'focus', atMs: clock.nowMs(), app: 'desktop:orders', field: 'none' }
    yield { kind: 'button', atMs: clock.nowMs(), button, down: true, clicks: 1, place }
    yield { kind: 'button', atMs: clock.nowMs(), button, down: false, clicks: 1, place }
    process.send?.('working')
    await sleep(50)
  }
}
