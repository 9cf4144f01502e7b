/** The device of a drill, as a process of its own: a real one, enrolled with the running system, in hands that try to keep it going. */
import process from 'node:process'
import { type Clock, type InputEvent, isFairtraceError } from '@fairtrace/core'
import { openDevice } from '@fairtrace/device'
import { z } from 'zod'

const orderSchema = z.strictObject({
  portalUrl: z.string(),
  session: z.string(),
  folder: z.string(),
  app: z.string(),
  build: z.string().nullable(),
  act: z.enum(['deaf', 'stopped', 'skewed', 'work']),
  /** Typed where it works. */
  text: z.string(),
})
export type DeviceOrder = z.infer<typeof orderSchema>

export interface DeviceAnswer {
  /** Why there was no lease to begin with, or null. */
  readonly refused: string | null
  /** Keys that became actions. */
  readonly presses: number
  /** Everything that would leave: sentences for people, and the actions themselves. */
  readonly leaving: string
}

/** A lease is over for sure, whatever its clock is off. */
const LONG_MS = 11 * 60_000
const SKEW_MS = 60 * 60_000

process.once('message', (raw) => {
  void serve(orderSchema.parse(raw)).then((answer) => {
    process.send?.(answer, () => process.exit())
  })
})

async function serve(order: DeviceOrder): Promise<DeviceAnswer> {
  let [wallMs, monotonicMs, isDeaf] = [order.act === 'skewed' ? SKEW_MS : 0, 0, false]
  let stoppedAtMs: number | null = null
  const clock: Clock = { nowMs: () => (stoppedAtMs ?? Date.now()) + wallMs }
  const device = await openDevice(order.folder, {
    clock,
    serverUrl: order.portalUrl,
    monotonicMs: () => performance.now() + monotonicMs,
    sleep: async () => undefined,
    fetch: async (input, init) => {
      if (isDeaf) throw new TypeError('no network')
      return fetch(input, init)
    },
  })
  try {
    await device.enrol(order.portalUrl, order.session, ...(order.build === null ? [] : [order.build]))
    const report = await device.capture(events(), { task: null })
    return { refused: null, presses: report.actions.press ?? 0, leaving: await leaving() }
  } catch (error) {
    return { refused: isFairtraceError(error) ? error.code : 'INTERNAL', presses: 0, leaving: '' }
  } finally {
    await device.close()
  }

  async function* events(): AsyncGenerator<InputEvent> {
    const app = order.app as Extract<InputEvent, { kind: 'focus' }>['app']
    yield { kind: 'focus', atMs: clock.nowMs(), app, field: 'text' }
    for (const key of order.text) yield* stroke(key)
    for (let i = 0; i < 3; i++) yield* stroke('tab')
    if (order.act === 'work') return
    isDeaf = true
    if (order.act === 'stopped') stoppedAtMs = Date.now()
    monotonicMs += LONG_MS
    if (order.act === 'deaf') wallMs += LONG_MS
    yield { kind: 'focus', atMs: clock.nowMs(), app, field: 'text' }
    for (let i = 0; i < 50; i++) yield* stroke('tab')
  }

  function* stroke(key: string): Generator<InputEvent> {
    for (const down of [true, false]) yield { kind: 'key', atMs: clock.nowMs(), key, down }
  }

  async function leaving(): Promise<string> {
    const items = await device.review()
    const actions = await Promise.all(items.map(({ id }) => device.outbox.actions(id)))
    return JSON.stringify([items.map(({ sentences }) => sentences), actions])
  }
}
