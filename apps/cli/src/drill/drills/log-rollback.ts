import type { Drill } from '../drill.ts'
import { showForged } from '../forged-log.ts'

export const logRollback: Drill = {
  id: 'log-rollback',
  async attack(ground) {
    const status = await showForged(ground, -1)
    return { held: status === 409, why: `status ${status}` }
  },
  without: {
    patches: [
      {
        file: 'packages/verify/src/witness.ts',
        from: 'if (oldSize !== (state?.size ?? 0)) return',
        to: 'if (oldSize < 0) return',
      },
      {
        file: 'packages/verify/src/witness.ts',
        from: 'if (problem !== null) return refuse(422, problem)',
        to: "if (problem === '') return refuse(422, problem)",
      },
    ],
  },
}
