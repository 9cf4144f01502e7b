import type { Drill } from '../drill.ts'
import { exposeAndMend, statement } from '../exposed.ts'
import { TOLD_NOBODY } from '../told-nobody.ts'

const SUBJECTS = [
  { kind: 'reader-unexpected', subject: 'table vault.chunks' },
  { kind: 'reader-unexpected', subject: 'schema vault' },
]

export const wrongTableRight: Drill = {
  id: 'wrong-table-right',
  attack: (ground) =>
    exposeAndMend(ground, SUBJECTS, [
      statement(
        ground,
        'grant usage on schema vault to fairtrace_ledger',
        'revoke usage on schema vault from fairtrace_ledger',
      ),
      statement(
        ground,
        'grant select on vault.chunks to fairtrace_ledger',
        'revoke select on vault.chunks from fairtrace_ledger',
      ),
    ]),
  without: { patches: TOLD_NOBODY, waits: true },
}
