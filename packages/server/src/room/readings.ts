/** Gives the portal the key of an output: to a reviewer while it is reviewed, to others once it is approved. Each time it is logged. */
import { roomOutputKey } from '../builder/box-key.ts'
import { appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'
import { hpkeSeal } from '../vault/hpke.ts'

export const OUTPUT_KEY_INFO = 'fairtrace/room-output-key/v1'
export const OUTPUT_READ_ENTRY = 'room.output-read'

export async function serveReadings(database: OpenDatabase, seed: string): Promise<void> {
  const { rows } = await database.pool.query<{
    id: string
    run: string
    purpose: 'review' | 'output'
    recipient_key: string
    state: string
    closed: boolean
  }>(
    `select g.id, g.run, g.purpose, g.recipient_key, r.state,
       exists (select from room.models m where m.run = r.id and m.state <> 'current') as closed
     from room.readings g join room.runs r on r.id = g.run
     where g.state = 'requested'`,
  )
  for (const { id, run, purpose, recipient_key: recipientKey, state, closed } of rows) {
    const isReviewed = purpose === 'review' ? state === 'in-review' || state === 'approved' : state === 'approved'
    // A model that is to be trained anew, or was, is handed out no more.
    const code = closed ? 'RELEASE_CLOSED' : isReviewed ? null : 'ROOM_NOT_REVIEWED'
    if (code !== null) {
      await database.pool.query(`update room.readings set state = 'refused', code = $2 where id = $1`, [id, code])
    } else {
      await appendToLedger(database, OUTPUT_READ_ENTRY, { run, purpose, reading: id }, { waitForCheckpoint: false })
      const key = roomOutputKey(seed, run)
      const { enc, ciphertext } = hpkeSeal(
        Buffer.from(recipientKey, 'base64url'),
        OUTPUT_KEY_INFO,
        Buffer.from(run),
        key,
      )
      const answer = { enc: enc.toString('base64url'), sealed: ciphertext.toString('base64url') }
      await database.pool.query(`update room.readings set state = 'answered', answer = $2 where id = $1`, [
        id,
        JSON.stringify(answer),
      ])
    }
    await database.pool.query(`select pg_notify('fairtrace_room', $1)`, [id])
  }
}
