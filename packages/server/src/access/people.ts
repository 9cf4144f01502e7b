/**
 * Staff as they last signed in, with the groups that their organisation stated then.
 *
 * It is what "who can open this" is asked about. Nobody outside it can hold a grant: asking for one takes a sign-in. Kept to the
 * day, for working times are nobody's business.
 */
import type { Clock } from '@fairtrace/core'
import { z } from 'zod'
import type { OpenDatabase } from '../store/database.ts'
import type { Person } from './access-policies.ts'
import type { Requester } from './grants.ts'

const DAY_MS = 86_400_000
/** Who was not seen for so long is no longer asked about: their next sign-in states their groups anew. */
const KEPT_MS = 400 * DAY_MS

export class SeenPeople {
  readonly #database: OpenDatabase
  readonly #clock: Clock

  constructor(database: OpenDatabase, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  async saw({ account, name, groups }: Requester): Promise<void> {
    const row = { name, groups: JSON.stringify(groups), seen_on: this.#day(0) }
    await this.#database.db
      .insertInto('access.people')
      .values({ account, ...row })
      .onConflict((conflict) => conflict.column('account').doUpdateSet(row))
      .execute()
  }

  async list(): Promise<readonly Person[]> {
    const rows = await this.#database.db
      .selectFrom('access.people')
      .select(['name', 'groups'])
      .where('seen_on', '>=', sqlDate(this.#day(KEPT_MS)))
      .orderBy('name')
      .execute()
    return rows.map(({ name, groups }) => ({ name, groups: z.array(z.string()).parse(groups) }))
  }

  #day(agoMs: number): string {
    return new Date(this.#clock.nowMs() - agoMs).toISOString().slice(0, 10)
  }
}

function sqlDate(day: string): Date {
  return new Date(`${day}T00:00:00Z`)
}
