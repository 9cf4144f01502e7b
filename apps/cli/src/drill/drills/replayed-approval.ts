import { approvalSchema } from '@fairtrace/core'
import { z } from 'zod'
import type { Drill } from '../drill.ts'
import { insertGrant, thievesGrant } from '../forged-grants.ts'

export const replayedApproval: Drill = {
  id: 'replayed-approval',
  async attack(ground) {
    const { rows } = await ground.sql.query(
      `select request -> 'approvals' as approvals from vault.activations where state in ('active', 'ended')
       order by ledger_index desc limit 1`,
    )
    const approvals = z.array(approvalSchema).safeParse(rows[0]?.approvals).data
    if (approvals === undefined) return { held: false, why: 'no grant was ever approved here' }
    const code = await insertGrant(ground, thievesGrant(ground), approvals)
    return { held: code === 'GRANT_INVALID', why: code ?? 'no answer' }
  },
  without: {
    patches: [
      {
        file: 'packages/core/src/access/approval.ts',
        from: 'said.data.challenge !== challenge ||',
        to: "said.data.challenge === '' ||",
      },
    ],
  },
}
