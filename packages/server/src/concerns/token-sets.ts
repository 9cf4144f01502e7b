/**
 * Giving out tokens: a whole set to everybody, each round once. What is asked for is the same for all, so asking tells nothing;
 * what is signed is blinded, so a token that comes back later fits every set alike.
 */
import { createHash } from 'node:crypto'
import { concernRound, FairtraceError, oldestLiveRound } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'
import type { ConcernKeys } from './concern-keys.ts'

export interface TokenRequest {
  readonly round: string
  /** One blinded message for each of `CONCERN_USES`. */
  readonly blinded: readonly string[]
}

/** Rounds for which tokens are given now: the current one, and earlier ones whose concerns can still be joined. */
export async function liveRounds({ db }: OpenDatabase, nowMs: number): Promise<readonly string[]> {
  const current = concernRound(nowMs)
  const rows = await db
    .selectFrom('consent.concerns')
    .select('round')
    .distinct()
    .where('round', '>=', oldestLiveRound(nowMs))
    .where('round', '<', current)
    .orderBy('round')
    .execute()
  return [...rows.map(({ round }) => round), current]
}

/**
 * Signs a participant's set for a round, once. Who lost the answer asks again with the same messages and gets the same.
 * @throws `NOT_FOUND` for a round that isn't live; `CONCERN_TOKENS_ISSUED`; `BODY_INVALID`
 */
export async function issueTokens(
  database: OpenDatabase,
  keys: ConcernKeys,
  programme: string,
  pseudonym: string,
  { round, blinded }: TokenRequest,
  nowMs: number,
): Promise<readonly string[]> {
  if (!(await liveRounds(database, nowMs)).includes(round)) {
    throw new FairtraceError('NOT_FOUND', 'no tokens are given for that round')
  }
  // Signed before it counts as given: what can't be signed uses nothing up.
  const signatures = await keys.blindSign(programme, round, blinded)
  const hash = createHash('sha256').update(blinded.join('\n')).digest('base64url')
  await database.db
    .insertInto('consent.concern_token_sets')
    .values({ pseudonym, round, blinded_hash: hash })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const issued = await database.db
    .selectFrom('consent.concern_token_sets')
    .select('blinded_hash')
    .where('pseudonym', '=', pseudonym)
    .where('round', '=', round)
    .executeTakeFirstOrThrow()
  if (issued.blinded_hash !== hash) {
    throw new FairtraceError('CONCERN_TOKENS_ISSUED', 'you were given the tokens of this round before')
  }
  return signatures
}
