import { randomBytes } from 'node:crypto'
import type { Drill } from '../drill.ts'
import { askKeeper, stolenRequest } from '../keeper.ts'

export const restoredBackup: Drill = {
  id: 'restored-backup',
  async attack(ground) {
    // Nobody: a name that no participant has. The keeper remembers that it was erased, as it must, and no more.
    const person = { pseudonym: randomBytes(16).toString('base64url'), generation: 1 }
    const ask = (vaultKey: string) =>
      askKeeper(ground, stolenRequest(ground, { call: 'make-shares', people: [{ ...person, vaultKey }] }))
    const key = () => randomBytes(32).toString('base64url')
    const made = await ask(key())
    const erased = await askKeeper(ground, stolenRequest(ground, { call: 'erase', people: [person] }))
    const again = await ask(key())
    return {
      held: made.code === null && erased.code === null && again.code === 'KEEPER_REFUSED',
      why: `${made.code ?? 'made'}, ${erased.code ?? 'erased'}, ${again.code ?? 'made again'}`,
    }
  },
  without: {
    patches: [
      {
        file: 'packages/keeper/src/shares.ts',
        from: "if (generation <= store.erasedUpTo(pseudonym)) throw refused('this generation of a person was destroyed')",
        to: '',
      },
    ],
  },
}
