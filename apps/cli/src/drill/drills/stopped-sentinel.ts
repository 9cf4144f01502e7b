import type { Drill } from '../drill.ts'
import { useDevice } from '../drill-device.ts'
import { whileHeld } from '../role-process.ts'

/** Signs of life count for ten seconds; its silence for a minute is an exposure, so it goes on before that. */
const SILENT_MS = 20_000

export const stoppedSentinel: Drill = {
  id: 'stopped-sentinel',
  attack: (ground) =>
    whileHeld(ground.dir, 'sentinel', async () => {
      const startedAt = performance.now()
      const refused = await ground.until(async () => {
        const { refused } = await useDevice(ground, { act: 'work' })
        return refused === 'WATCH_SILENT' ? refused : null
      }, SILENT_MS)
      const seconds = Math.round((performance.now() - startedAt) / 1_000)
      return { held: refused !== null, why: refused === null ? 'leases went on' : `${refused} after ${seconds} s` }
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
