/** Safeguards of the fourth promise: somebody too many is found, everything locks, and it stays locked until it is mended. */
import type { Safeguard } from '../safeguard.ts'

const reader = (subject: string) => ({ kind: 'reader-unexpected', subject })
const guard = (subject: string) => ({ kind: 'guard-changed', subject })

/** The copy that a drill makes, under a name of its own. */
export function copiedTable(run: string): { readonly schema: string; readonly table: string } {
  const schema = `copy_${run
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
    .slice(0, 12)}`
  return { schema, table: `${schema}.analysis` }
}

export const WATCHED_SAFEGUARDS: readonly Safeguard[] = [
  {
    id: 'no-lease-unwatched',
    statement: 'Nothing is captured while the sentinel or the scanner is silent.',
    promise: 4,
    owner: 'security',
    drill: 'stopped-sentinel',
    needsRunning: true,
    attack: 'Stops the sentinel’s process where it stands, and asks for leases.',
  },
  {
    id: 'table-rights-watched',
    statement: 'A right too many on a table is found, and locks.',
    promise: 4,
    owner: 'security',
    drill: 'wrong-table-right',
    attack: 'As superuser, lets another process’s role read the vault’s index.',
    expects: () => [reader('table vault.chunks'), reader('schema vault')],
  },
  {
    id: 'file-modes-watched',
    statement: 'A file that others on the machine can read is found, and locks.',
    promise: 4,
    owner: 'operator',
    drill: 'wrong-file-mode',
    attack: 'Opens the folder of stored objects to everybody on the machine.',
    expects: () => [reader('file objects')],
  },
  {
    id: 'owners-watched',
    statement: 'A table whose owner reads past its row-level security is found, and locks.',
    promise: 4,
    owner: 'security',
    drill: 'wrong-owner',
    attack:
      'As superuser, gives a table with row-level security to a process’s role, for which its policies then don’t hold.',
    expects: () => [
      reader('table ledger.inbox'),
      reader('sequence ledger.inbox_id_seq'),
      guard('table ledger.inbox'),
      guard('table ledger.inbox_id_seq'),
    ],
  },
  {
    id: 'logs-swept',
    statement: 'A participant’s name in a log is found, and locks.',
    promise: 4,
    owner: 'data-protection',
    drill: 'marked-log',
    attack: 'Writes the name of a honey participant into a log, as a careless line for debugging would.',
    expects: (run) => [{ kind: 'marker-seen', subject: `place own-logs: drill-${run}.log` }],
  },
  {
    id: 'copies-swept',
    statement: 'A participant’s rows in a copied table are found, and lock.',
    promise: 4,
    owner: 'data-protection',
    drill: 'copied-table',
    attack: 'Copies columns of the vault’s index into a table under other names, as for an analysis.',
    expects: (run) => {
      const { schema, table } = copiedTable(run)
      return [
        guard(`schema ${schema}`),
        reader(`schema ${schema}`),
        guard(`table ${table}`),
        reader(`table ${table}`),
        { kind: 'marker-seen', subject: `place own-database: ${table}` },
      ]
    },
  },
  {
    id: 'lockdown-without-the-hung',
    statement: 'A lockdown stops everything that can hear, in time, and names what did not.',
    promise: 4,
    owner: 'operator',
    drill: 'hung-process',
    needsRunning: true,
    attack: 'Stops one process where it stands, gives somebody a right too many, and watches the lockdown.',
    expects: () => [reader('table ledger.tiles')],
    hung: 'builder',
  },
  {
    id: 'mended-stays-mended',
    statement: 'A fix that doesn’t hold is found again, and the exposure is the same one, graver.',
    promise: 4,
    owner: 'security',
    drill: 'fix-undone',
    attack: 'Takes a right too many away until it counts as closed, then gives it again.',
    expects: () => [reader('table release.jobs')],
  },
]
