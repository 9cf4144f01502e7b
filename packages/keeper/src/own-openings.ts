/** A participant's own view and export: no grant, their passkey alone, also while the programme is locked. */
import {
  canonicalJson,
  FairtraceError,
  type KeeperCall,
  OWN_OPENED_ENTRY,
  ownAccessChallenge,
  ownOpenedSchema,
  sliceDigest,
} from '@fairtrace/core'
import { type GrantGround, requireSlice } from './grants.ts'
import { requireLogged } from './logged.ts'
import { ParticipantPasskeys } from './passkeys.ts'

/** A person's word is good for this long after they gave it. */
const REQUEST_MS = 15 * 60_000

/** @throws `PASSKEY_UNKNOWN`, `PASSKEY_WAITS`, `PASSKEY_INVALID`, `LEDGER_INVALID`, `KEEPER_REFUSED` */
export function requireOwnOpening(
  { request, assertion, logged, items, replyKey }: Extract<KeeperCall, { call: 'open-own' }>,
  { store, charter, witness, nowMs }: GrantGround,
): void {
  if (request.programme !== charter.programme) throw refused('another programme')
  if (!(Math.abs(nowMs - request.requestedAtMs) <= REQUEST_MS)) throw refused('the request is too old')
  new ParticipantPasskeys(store).requireAsserted(
    request.pseudonym,
    assertion,
    ownAccessChallenge(request),
    charter,
    nowMs,
  )
  if (items.some(({ pseudonym }) => pseudonym !== request.pseudonym)) throw refused('a content key of somebody else')
  const index = requireLogged(logged, OWN_OPENED_ENTRY, charter, witness, nowMs)
  const detail = ownOpenedSchema.safeParse(logged.detail)
  if (!detail.success || canonicalJson(detail.data.request) !== canonicalJson(request)) {
    throw refused("the ledger's entry is about something else")
  }
  requireSlice(sliceDigest(items), items.length, detail.data.slices, index, replyKey, store)
}

function refused(message: string): FairtraceError {
  return new FairtraceError('KEEPER_REFUSED', message)
}
