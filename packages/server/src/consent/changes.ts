/**
 * Hears of every change of consent, devices and programme, whichever portal made it: the database announces them itself.
 *
 * A person is named by a handle, SHA-256 over a key that only portals can read and the pseudonym: every role of the database can
 * listen, and none of them is to learn who decided something.
 */
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { type LiveListener, listenLive } from '../runtime/live-listener.ts'
import type { OpenDatabase } from '../store/database.ts'

const PERSON = 'fairtrace_consent'
const PROGRAMME = 'fairtrace_programme'

export interface ChangeHandlers {
  /** Something about this person, or one of their devices, is different. */
  onPerson(handle: string): void
  onProgramme(): void
  /** Nothing was heard for a while: anything may be different. */
  onAnything(): void
}

export interface Changes extends LiveListener {
  /** For what the database doesn't announce itself: every portal then tells this person's devices to look again. */
  announce(pseudonym: string): Promise<void>
  handleOf(pseudonym: string): string
}

export async function watchChanges(database: OpenDatabase, handlers: ChangeHandlers): Promise<Changes> {
  const { key } = await database.db.selectFrom('consent.handle_key').select('key').executeTakeFirstOrThrow()
  const listener = await listenLive(database, {
    channels: [PERSON, PROGRAMME],
    onNotification: (channel, payload) => {
      if (channel === PERSON) handlers.onPerson(payload)
      else handlers.onProgramme()
    },
    onHeardAgain: handlers.onAnything,
  })
  const handleOf = (pseudonym: string) => createHash('sha256').update(`${key}${pseudonym}`).digest('hex')
  return {
    ...listener,
    handleOf,
    async announce(pseudonym) {
      await sql`select pg_notify(${PERSON}, ${handleOf(pseudonym)})`.execute(database.db)
    },
  }
}
