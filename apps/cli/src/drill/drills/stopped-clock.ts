import type { Drill } from '../drill.ts'
import { useDevice } from '../drill-device.ts'

const BEFORE = 3

export const stoppedClock: Drill = {
  id: 'stopped-clock',
  async attack(ground) {
    const { refused, presses } = await useDevice(ground, { act: 'stopped' })
    const wrong = await useDevice(ground, { act: 'skewed' })
    return {
      held: refused === null && presses === BEFORE && wrong.refused === 'DEVICE_CLOCK_WRONG',
      why: `${refused ?? `${presses} of 53 keys became actions`}; with a wrong clock ${wrong.refused ?? 'a lease'}`,
    }
  },
  without: {
    runner: true,
    patches: [
      {
        file: 'packages/device/src/lease-client.ts',
        from: 'this.#options.monotonicMs() < held.monotonicEndMs',
        to: 'Number.isFinite(held.monotonicEndMs)',
      },
    ],
  },
}
