/** What is held, brought under narrower terms: on the disk too, not only on its way out. */
import type { Charter } from '@fairtrace/core'
import type { Outbox } from './outbox.ts'
import { type Chosen, reshield } from './reshield.ts'
import { readLease } from './tokens.ts'

/** @param now what the person chooses now @returns actions that went */
export async function narrowHeld(
  outbox: Pick<Outbox, 'list' | 'narrow'>,
  charter: Charter,
  now: Chosen,
): Promise<number> {
  let narrowedAway = 0
  for (const { id, state, lease } of await outbox.list()) {
    // What still grows ended with the terms that it began under; it comes here when it has.
    if (state === 'open') continue
    const then = readLease(lease)
    narrowedAway += await outbox.narrow(id, (actions) => reshield(actions, charter, then, now))
  }
  return narrowedAway
}
