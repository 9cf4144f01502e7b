/**
 * Moves, clicks and types through XTest at a rate, in a process of its own. The pointer goes to and fro over the widgets it is
 * told of, and stops for a moment every two seconds, as pointers do; the mean rate is kept.
 */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { XConnection } from '../../apps/agent/src/capture/x11/connection.ts'

const [, , display, perSecond, seconds, spotsJson] = process.argv
const spots = JSON.parse(spotsJson ?? '[]') as { x: number; y: number }[]
const rate = Number(perSecond)
const lengthMs = Number(seconds) * 1_000
const ACTS_PER_SECOND = 20
/** Keys a, s, d, f on every layout that has letters there. */
const KEYS = [38, 39, 40, 41]
const TYPES = { keyPress: 2, keyRelease: 3, buttonPress: 4, buttonRelease: 5, motion: 6 } as const
const ROUND_MS = 2_000
const STOP_MS = 250

const x = await XConnection.open(display ?? '')
const xtest = await x.extension('xtest')
const fake = (type: number, detail: number, at = { x: 0, y: 0 }) => xtest.FakeInput(type, detail, 0, x.root, at.x, at.y)
const sent = { motions: 0, clicks: 0, keys: 0 }
const startedMs = performance.now()
for (let nowMs = 0; nowMs < lengthMs; nowMs = performance.now() - startedMs) {
  const inRoundMs = nowMs % ROUND_MS
  const moving = Math.min(1, inRoundMs / (ROUND_MS - STOP_MS))
  const due = Math.floor(((Math.floor(nowMs / ROUND_MS) + moving) * ROUND_MS * rate) / 1_000)
  for (; sent.motions < due; sent.motions++) fake(TYPES.motion, 0, placeAt(sent.motions / rate))
  if (sent.clicks * 1_000 < nowMs * ACTS_PER_SECOND) {
    fake(TYPES.buttonPress, 1)
    fake(TYPES.buttonRelease, 1)
    sent.clicks++
  }
  // Half an interval later than the clicks.
  if (sent.keys * 1_000 < (nowMs - 25) * ACTS_PER_SECOND) {
    const key = KEYS[sent.keys % KEYS.length] ?? 38
    fake(TYPES.keyPress, key)
    fake(TYPES.keyRelease, key)
    sent.keys++
  }
  await sleep(1)
}
await x.property(x.root, 'WM_NAME')
console.log(JSON.stringify({ ...sent, ms: performance.now() - startedMs }))
x.close()

/** To and fro between the spots, one and a half seconds for each way. */
function placeAt(second: number): { x: number; y: number } {
  const way = second / 1.5
  const from = spots[Math.floor(way) % spots.length] ?? { x: 0, y: 0 }
  const to = spots[(Math.floor(way) + 1) % spots.length] ?? from
  const part = way % 1
  return { x: Math.round(from.x + (to.x - from.x) * part), y: Math.round(from.y + (to.y - from.y) * part) }
}
