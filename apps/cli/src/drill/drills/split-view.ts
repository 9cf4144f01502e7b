import type { Drill } from '../drill.ts'
import { showForged } from '../forged-log.ts'

export const splitView: Drill = {
  id: 'split-view',
  async attack(ground) {
    const [same, longer] = [await showForged(ground, 0), await showForged(ground, 1)]
    return { held: same === 422 && longer === 422, why: `status ${same} and ${longer}` }
  },
  without: {
    patches: [
      {
        file: 'packages/verify/src/witness.ts',
        from: '&& state.size === checkpoint.size && !isSame(state.root, checkpoint.root)',
        to: '&& state.size < 0',
      },
      {
        file: 'packages/verify/src/witness.ts',
        from: 'if (problem !== null) return refuse(422, problem)',
        to: "if (problem === '') return refuse(422, problem)",
      },
    ],
  },
}
