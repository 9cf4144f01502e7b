/** How many take part, as far as anybody may learn it. */
import type { Programme } from '../runtime/programme.ts'
import { shownTotal } from './decide.ts'
import type { ConsentStore } from './store.ts'

const DAY_MS = 86_400_000

/**
 * Of the last midnight, because a number that moved during the day could be watched while somebody decides.
 * @returns rounded down to a multiple of the charter's `k`; null below it
 */
export async function shownParticipants(
  store: ConsentStore,
  programme: Programme,
  nowMs: number,
): Promise<number | null> {
  const { notice, release } = programme.charter
  const asOfMs = nowMs - (nowMs % DAY_MS)
  return shownTotal(await store.countGiven(asOfMs - notice.renewal, asOfMs), release.k)
}
