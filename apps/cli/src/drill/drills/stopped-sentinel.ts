import type { Drill } from '../drill.ts'
import { useDevice } from '../drill-device.ts'
import { whileHeld } from '../role-process.ts'

/** Signs of life count for ten seconds; its silence for a minute is an exposure, so it goes on before that. */
const SILENT_MS = 40_000

export const stoppedSentinel: Drill = {
  id: 'stopped-sentinel',
  attack: (ground) =>
    whileHeld(ground.dir, 'sentinel', async () => {
      const startedAt = performance.now()
      let last: string | null = null
      const held = await ground.until(async () => {
        last = (await useDevice(ground, { act: 'work' })).refused
        return last === 'WATCH_SILENT' ? true : null
      }, SILENT_MS)
      const seconds = Math.round((performance.now() - startedAt) / 1_000)
      return { held: held === true, why: `${last ?? 'leases went on'} after ${seconds} s` }
    }),
  without: {
    waits: true,
    patches: [
      {
        file: 'packages/server/src/runtime/watchers.ts',
        from: 'if (silent.length > 0) throw',
        to: 'if (silent.length > WATCHERS.length) throw',
      },
    ],
  },
}
