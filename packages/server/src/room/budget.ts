/**
 * What privacy costs, per person, over all runs of the programme: epsilons and deltas of runs add up (sequential composition), whichever
 * release they read, because the same people may be in each. Spent before the program starts, and never given back.
 */
import { type Charter, FairtraceError } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'

/** Of one run: far below one in the number of people of any release. */
export const RUN_DELTA = 1e-6
const BUDGET_LOCK = 7_400_002

/** @throws `ROOM_BUDGET_SPENT` */
export async function spend(
  { pool }: OpenDatabase,
  { training }: Charter,
  run: string,
  epsilon: number,
): Promise<void> {
  const client = await pool.connect()
  let isBroken = true
  try {
    await client.query('begin')
    // Two runs at the same moment don't both find the same budget unspent.
    await client.query('select pg_advisory_xact_lock($1)', [BUDGET_LOCK])
    const { rows } = await client.query<{ spent: number }>(
      'select coalesce(sum(epsilon), 0)::float8 as spent from room.budget',
    )
    const spent = rows[0]?.spent ?? Number.POSITIVE_INFINITY
    if (!(spent + epsilon <= training.epsilonMax)) {
      const left = Math.max(0, training.epsilonMax - spent)
      throw new FairtraceError('ROOM_BUDGET_SPENT', `of ${training.epsilonMax} a person, ${left.toFixed(3)} is left`)
    }
    await client.query('insert into room.budget values ($1, $2, $3)', [run, epsilon, RUN_DELTA])
    await client.query('commit')
    isBroken = false
  } finally {
    client.release(isBroken)
  }
}
