import type { Drill } from '../drill.ts'
import { exposeAndMend, statement } from '../exposed.ts'
import { TOLD_NOBODY } from '../told-nobody.ts'

const SUBJECTS = [
  { kind: 'reader-unexpected', subject: 'table ledger.inbox' },
  { kind: 'reader-unexpected', subject: 'sequence ledger.inbox_id_seq' },
  { kind: 'guard-changed', subject: 'table ledger.inbox' },
  { kind: 'guard-changed', subject: 'table ledger.inbox_id_seq' },
]

export const wrongOwner: Drill = {
  id: 'wrong-owner',
  attack: (ground) =>
    // A role without a right of its own there: giving it back leaves no trace in the table's rights.
    exposeAndMend(ground, SUBJECTS, [
      statement(
        ground,
        'alter table ledger.inbox owner to fairtrace_intake',
        'alter table ledger.inbox owner to postgres',
      ),
    ]),
  without: { patches: TOLD_NOBODY, waits: true },
}
