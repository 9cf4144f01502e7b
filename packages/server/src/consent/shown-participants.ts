/** How many take part, as far as anybody may learn it. */
import { isFairtraceError } from '@fairtrace/core'
import type { Programme } from '../runtime/programme.ts'
import { honeyPseudonymsAmong } from '../sentinel/honey/honey-people.ts'
import type { OpenDatabase } from '../store/database.ts'
import { shownTotal } from './decide.ts'
import type { ConsentStore } from './store.ts'

const DAY_MS = 86_400_000
/** A page is waiting; without an answer it shows no total. */
const HONEY_MS_MAX = 2_000

/**
 * Of the last midnight, because a number that moved during the day could be watched while somebody decides.
 * @returns rounded down to a multiple of the charter's `k`, without honey participants; null below it, and where the scanner does
 *   not say who they are
 */
export async function shownParticipants(
  database: OpenDatabase,
  store: ConsentStore,
  programme: Programme,
  nowMs: number,
): Promise<number | null> {
  const { notice, release } = programme.charter
  const asOfMs = nowMs - (nowMs % DAY_MS)
  const given = await store.given(asOfMs - notice.renewal, asOfMs)
  // Too few even with honey: nobody need be asked.
  if (shownTotal(given.length, release.k) === null) return null
  try {
    const honey = await honeyPseudonymsAmong(database, given, HONEY_MS_MAX)
    return shownTotal(given.length - honey.size, release.k)
  } catch (error) {
    if (!isFairtraceError(error)) throw error
    // Fails closed: a total that may count people who are none is not shown.
    return null
  }
}
