import type { Drill } from '../drill.ts'
import { acknowledged, exposeAndMend, statement } from '../exposed.ts'
import { whileHeld } from '../role-process.ts'

const SUBJECTS = [{ kind: 'reader-unexpected', subject: 'table ledger.tiles' }]
const HUNG = 'builder'
const OTHERS = ['portal', 'intake', 'vault', 'ledger', 'sentinel', 'scanner', 'room']

export const hungProcess: Drill = {
  id: 'hung-process',
  attack: (ground) => {
    const plant = statement(
      ground,
      'grant select on ledger.tiles to fairtrace_intake',
      'revoke select on ledger.tiles from fairtrace_intake',
    )
    return whileHeld(ground.dir, HUNG, () =>
      exposeAndMend(ground, SUBJECTS, [plant], async () => {
        const { contain } = ground.programme.charter.exposure
        const msMax = Math.min(contain, ground.detectMsMax)
        const said = await ground.until(async () => {
          const roles = await acknowledged(ground)
          return OTHERS.every((role) => roles.has(role)) ? roles : null
        }, msMax)
        if (said === null) return { held: false, why: 'somebody who can hear did not stop' }
        return { held: !said.has(HUNG), why: `all but the ${HUNG} stopped` }
      }),
    )
  },
  without: {
    locks: true,
    patches: [
      {
        file: 'packages/server/src/runtime/points.ts',
        from: 'async function acknowledge(): Promise<void> {',
        to: "async function acknowledge(): Promise<void> {\n    if (role === 'intake') return",
      },
    ],
  },
}
