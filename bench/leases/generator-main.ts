/** Thousands of simulated devices in one process, told what to do over IPC. */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import type { Ask, Told } from './generator.ts'
import { overConnections } from './light-client.ts'
import { type EnrolledDevice, SimulatedDevice } from './simulated-device.ts'

const CONNECTIONS = 64
/** How often each device sees an input event. */
const EVENT_EVERY_MS = 50
/** Each device renews this often. */
const RENEW_EVERY_MS = 40_000

const devices: SimulatedDevice[] = []
let capturing: NodeJS.Timeout | undefined

process.on('message', async ({ id, ask }: { id: number; ask: Ask }) => {
  try {
    process.send?.({ id, told: await tell(ask) })
  } catch (error) {
    process.send?.({ id, failed: String(error) })
  }
})
process.on('disconnect', () => process.exit(0))

async function tell(ask: Ask): Promise<Told> {
  switch (ask.do) {
    case 'authenticate': {
      const enrolled: EnrolledDevice[] = JSON.parse(readFileSync(ask.file, 'utf8'))
      const more = enrolled.slice(devices.length, ask.upTo).map((one) => new SimulatedDevice(one))
      devices.push(...more)
      const startedAt = performance.now()
      await overConnections(ask.url, CONNECTIONS, more, (connection, device) => device.authenticate(connection))
      return { count: more.length, seconds: (performance.now() - startedAt) / 1_000 }
    }
    case 'renew': {
      const startedAt = performance.now()
      let count = 0
      await overConnections(ask.url, CONNECTIONS, during(ask.seconds), async (connection, device) => {
        if (await device.renew(connection)) count++
      })
      return { count, seconds: (performance.now() - startedAt) / 1_000 }
    }
    case 'listen': {
      const startedAt = performance.now()
      const silent = devices.filter((device) => !device.isListening)
      for (let at = 0; at < silent.length; at += CONNECTIONS) {
        await Promise.all(silent.slice(at, at + CONNECTIONS).map((device) => device.listen(ask.url)))
      }
      return { count: silent.length, seconds: (performance.now() - startedAt) / 1_000 }
    }
    case 'capture': {
      for (const device of devices) device.revocations = 0
      await overConnections(
        ask.url,
        CONNECTIONS,
        devices,
        async (connection, device) => void (await device.renew(connection)),
      )
      capturing ??= setInterval(() => {
        const nowMs = Date.now()
        for (const device of devices) device.event(nowMs)
      }, EVENT_EVERY_MS)
      return { count: devices.length, seconds: 0 }
    }
    case 'renew-slowly': {
      const rate = (devices.length * 1_000) / RENEW_EVERY_MS
      const count = Math.round(rate * ask.seconds)
      await overConnections(ask.url, 1, devices.slice(0, count), async (connection, device) => {
        await Promise.all([device.renew(connection), new Promise((resolve) => setTimeout(resolve, 1_000 / rate))])
      })
      return { count, seconds: ask.seconds }
    }
    case 'last-captures':
      return {
        count: devices.reduce((sum, { revocations }) => sum + Math.min(revocations, 1), 0),
        seconds: 0,
        lastCapturesAtMs: devices.map(({ lastCaptureAtMs }) => lastCaptureAtMs),
      }
    case 'close':
      clearInterval(capturing)
      for (const device of devices) device.close()
      return { count: 0, seconds: 0 }
  }
}

function* during(seconds: number): Generator<SimulatedDevice> {
  const until = performance.now() + seconds * 1_000
  while (devices.length > 0) {
    for (const device of devices) {
      if (performance.now() >= until) return
      yield device
    }
  }
}
