import type { Drill } from '../drill.ts'
import { askKeeper, stolenRequest } from '../keeper.ts'

export const replayedRequest: Drill = {
  id: 'replayed-request',
  async attack(ground) {
    const token = stolenRequest(ground, { call: 'state' })
    const first = await askKeeper(ground, token)
    const again = await askKeeper(ground, token)
    return {
      held: first.code === null && again.code === 'KEEPER_REQUEST_INVALID',
      why: `${first.code ?? 'answered'}, ${again.code ?? 'answered again'}`,
    }
  },
  without: {
    patches: [
      {
        file: 'packages/keeper/src/keeper.ts',
        from: 'if (this.#nonces.has(nonce)) throw',
        to: "if (nonce === '') throw",
      },
    ],
  },
}
