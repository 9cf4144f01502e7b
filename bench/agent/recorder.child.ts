/** The agent's whole process for a benchmark: source, lease, shield, outbox; it says how much came in, and nothing of it. */
import process from 'node:process'
import { createInterface } from 'node:readline'
import { createDeviceService, type InputSource, openDevice } from '@fairtrace/device'
import { openInputSource } from '../../apps/agent/src/capture/open-source.ts'

const [, , dir, portal, sight] = process.argv
if (dir === undefined || portal === undefined) throw new Error('usage: recorder.child.ts <folder> <portal> [blind]')

const counts = { clicks: 0, keys: 0, wheel: 0, rests: 0 }
const clock = { nowMs: () => Date.now() }
const device = await openDevice(dir, { clock })
if (device.id === null) await device.enrol(portal, 'a-session', 'fairtrace-agent-0.1.0')
const service = createDeviceService({
  device,
  source: sight === 'blind' ? blind() : counted(await openInputSource()),
  clock,
})
let isTold = false
service.onChange(({ state }) => {
  if (state !== 'recording' || isTold) return
  isTold = true
  console.log(JSON.stringify({ recordingMs: performance.now() }))
})
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'report') console.log(JSON.stringify({ ...counts, state: service.state.state }))
  else void service.stop().then(() => process.exit(0))
})
await service.start()

/** Hooks into nothing: what is left of the agent is its lease. */
function blind(): InputSource {
  const nothing = async () => undefined
  return { attach: nothing, detach: nothing, onProblem: () => undefined, close: nothing }
}

function counted(source: InputSource): InputSource {
  return {
    attach: (emit) =>
      source.attach((event) => {
        if (event.kind === 'button' && event.down) counts.clicks++
        else if (event.kind === 'key' && event.down) counts.keys++
        else if (event.kind === 'scroll') counts.wheel++
        else if (event.kind === 'rest') counts.rests++
        emit(event)
      }),
    detach: () => source.detach(),
    onProblem: (listener) => source.onProblem(listener),
    close: () => source.close(),
  }
}
