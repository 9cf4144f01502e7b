/** Safeguards of the third and fifth promise: sealed, opened by signatures alone, logged; and released as it was signed. */
import type { Safeguard } from '../safeguards.ts'

export const SEALED_SAFEGUARDS: readonly Safeguard[] = [
  {
    id: 'permit-names-its-batch',
    statement: 'A permit lets in the batch that it names and no other.',
    promise: 3,
    owner: 'operator',
    drill: 'replayed-permit',
    attack: 'Uploads other bytes under a permit that is alive.',
  },
  {
    id: 'batch-signed-by-its-device',
    statement: 'A batch that the device of its lease did not sign is never stored.',
    promise: 3,
    owner: 'operator',
    drill: 'forged-batch',
    attack: 'Seals a batch to the key of the day under a right lease, signed by another key.',
  },
  {
    id: 'approval-names-its-grant',
    statement: 'An approval opens the grant that it was given for and no other.',
    promise: 3,
    owner: 'data-protection',
    drill: 'replayed-approval',
    attack:
      'With the stolen key of the vault, asks the keeper to activate another grant under the approvals of an old one.',
  },
  {
    id: 'rows-open-nothing',
    statement: 'Whoever writes to the database as its superuser opens nothing, and reads no recording.',
    promise: 3,
    owner: 'data-protection',
    drill: 'superuser-insider',
    attack:
      'As superuser, writes an approved grant for a key of its own, and looks for readable actions in every row and object.',
  },
  {
    id: 'requests-once',
    statement: 'The keeper takes a request once.',
    promise: 3,
    owner: 'worker-representative',
    drill: 'replayed-request',
    attack: 'Sends the keeper the same signed request twice.',
  },
  {
    id: 'log-never-shrinks',
    statement: 'A log that was rolled back gets no cosignature, and without one nothing opens.',
    promise: 3,
    owner: 'worker-representative',
    drill: 'log-rollback',
    attack: 'With the stolen key of the ledger, signs a shorter log and shows it to the keeper.',
  },
  {
    id: 'one-history',
    statement: 'A log with a second history gets no cosignature.',
    promise: 3,
    owner: 'worker-representative',
    drill: 'split-view',
    attack:
      'With the stolen key of the ledger, signs another history of the same length and a longer one, and shows both.',
  },
  {
    id: 'erased-stays-erased',
    statement: 'A backup that comes back brings no erased person back.',
    promise: 3,
    owner: 'data-protection',
    drill: 'restored-backup',
    attack: 'Has the keys of a made-up person destroyed, then asks for them again as a restored vault would.',
  },
  {
    id: 'roles-apart',
    statement: 'Each process reads its own tables and nobody else’s.',
    promise: 3,
    owner: 'security',
    drill: 'role-crossing',
    attack: 'Signs in to the database as each role and reads what is not its own.',
  },
  {
    id: 'routes-closed',
    statement: 'A route that needs a session answers nobody without one.',
    promise: 3,
    owner: 'security',
    drill: 'open-route',
    attack: 'Asks every route of the API that needs a session without one, and with one that nobody gave out.',
  },
  {
    id: 'release-as-signed',
    statement: 'A stolen release that was changed can not be passed off as ours.',
    promise: 5,
    owner: 'programme-owner',
    drill: 'stolen-release',
    attack: 'Copies a release, changes one byte of a shard, and gives it to the verifier.',
  },
]
