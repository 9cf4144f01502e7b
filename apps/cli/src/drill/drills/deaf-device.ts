import type { Drill } from '../drill.ts'
import { useDevice } from '../drill-device.ts'

const BEFORE = 3

export const deafDevice: Drill = {
  id: 'deaf-device',
  async attack(ground) {
    const { refused, presses } = await useDevice(ground, { act: 'deaf' })
    return { held: refused === null && presses === BEFORE, why: refused ?? `${presses} of 53 keys became actions` }
  },
  without: {
    runner: true,
    patches: [
      {
        file: 'packages/device/src/lease-client.ts',
        from: 'portalMs < held.lease.endsAtMs &&\n      this.#options.monotonicMs() < held.monotonicEndMs',
        to: 'Number.isFinite(portalMs)',
      },
      {
        file: 'packages/core/src/lease.ts',
        from: 'lease.startsAtMs <= seen.atMs && seen.atMs < lease.endsAtMs',
        to: 'lease.startsAtMs <= seen.atMs',
      },
    ],
  },
}
