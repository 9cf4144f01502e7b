/** The SQL of consent: invitations, people, their decisions and devices. Decides nothing, and writes nothing for a lease. */
import { FairtraceError } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'
import type { DeviceStanding } from './decide.ts'
import { hashSecret, isSameSecret, newId128, newSession } from './secrets.ts'
import { type ConsentEvent, consentEventSchema, foldConsent, type RecordedEvent } from './state.ts'

export interface Participant {
  readonly pseudonym: string
  readonly joinedAtMs: number
}

export interface EnrolledDevice {
  readonly device: string
  readonly build: string
  readonly isCutOff: boolean
}

const DEVICES_PER_PERSON_MAX = 20

export class ConsentStore {
  readonly #database: OpenDatabase

  constructor(database: OpenDatabase) {
    this.#database = database
  }

  /** Makes one-time codes. Only their hashes stay here, in no order and without a time. */
  async createInvitations(count: number): Promise<readonly string[]> {
    const codes = Array.from({ length: count }, newId128)
    await this.#database.pool.query('insert into consent.invitations (code_hash) select unnest($1::text[])', [
      codes.map(hashSecret).sort(),
    ])
    return codes
  }

  /**
   * Uses up a code. Two that race for it get one participant.
   * @param pseudonym that their device drew; left out, one is drawn here
   * @throws `INVITATION_UNKNOWN`; `BODY_INVALID` if somebody has that pseudonym
   */
  async join(
    code: string,
    noticeVersion: number,
    nowMs: number,
    pseudonym: string = newId128(),
  ): Promise<{ session: string; pseudonym: string }> {
    const session = newSession()
    await this.#database.db.transaction().execute(async (trx) => {
      const used = await trx
        .updateTable('consent.invitations')
        .set({ used: true })
        .where('code_hash', '=', hashSecret(code))
        .where('used', '=', false)
        .returning('used')
        .executeTakeFirst()
      // Never known, and used before: one answer.
      if (used === undefined) throw new FairtraceError('INVITATION_UNKNOWN', 'the invitation is not valid')
      await trx
        .insertInto('consent.people')
        .values({ pseudonym, session_hash: hashSecret(session), invited_at_ms: nowMs, notice_version: noticeVersion })
        .execute()
        .catch(taken('pseudonym'))
    })
    return { session, pseudonym }
  }

  /** Whose session this is, or null. */
  async participant(session: string): Promise<Participant | null> {
    const hash = hashSecret(session)
    const row = await this.#database.db
      .selectFrom('consent.people')
      .select(['pseudonym', 'session_hash', 'invited_at_ms'])
      .where('session_hash', '=', hash)
      .executeTakeFirst()
    if (row === undefined || !isSameSecret(row.session_hash, hash)) return null
    return { pseudonym: row.pseudonym, joinedAtMs: row.invited_at_ms }
  }

  /** A participant's decisions, in order. */
  async history(pseudonym: string): Promise<readonly RecordedEvent[]> {
    const rows = await this.#database.db
      .selectFrom('consent.events')
      .select(['version', 'at_ms', 'event'])
      .where('pseudonym', '=', pseudonym)
      .orderBy('version')
      .execute()
    return rows.map(({ version, at_ms, event }) => ({ version, atMs: at_ms, event: consentEventSchema.parse(event) }))
  }

  /**
   * Appends a decision as `version`. With a yes the vault is asked for a key, with a withdrawal to destroy all of them: both
   * requests carry the version, so that the vault knows which came after which.
   * @returns false if another decision took that version meanwhile; then nothing was written
   */
  async append(pseudonym: string, { version, atMs, event }: RecordedEvent): Promise<boolean> {
    return await this.#database.db.transaction().execute(async (trx) => {
      const row = await trx
        .insertInto('consent.events')
        .values({ pseudonym, version, at_ms: atMs, event: JSON.stringify(event satisfies ConsentEvent) })
        .onConflict((conflict) => conflict.doNothing())
        .returning('version')
        .executeTakeFirst()
      if (row === undefined) return false
      if (event.kind === 'given' || event.kind === 'withdrawn') {
        await trx
          .insertInto(event.kind === 'given' ? 'vault.key_requests' : 'vault.erasure_requests')
          .values({ pseudonym, version })
          .onConflict((conflict) => conflict.doNothing())
          .execute()
        await trx
          .selectNoFrom((eb) => eb.fn('pg_notify', [eb.val('fairtrace_key_requests'), eb.val('')]).as('told'))
          .execute()
      }
      return true
    })
  }

  /** Whether the vault has still to destroy keys after this person's withdrawal. */
  async isErasing(pseudonym: string): Promise<boolean> {
    const row = await this.#database.db
      .selectFrom('vault.erasure_requests')
      .select('version')
      .where('pseudonym', '=', pseudonym)
      .union(
        this.#database.db
          .selectFrom('vault.keeper_erasures')
          .select('generation as version')
          .where('pseudonym', '=', pseudonym),
      )
      .executeTakeFirst()
    return row !== undefined
  }

  /**
   * Enrols a device, or the same one again with the build that it runs now.
   * @param device the id that it drew; left out, one is drawn here
   * @throws `BODY_INVALID` if the key is another's, if the device was cut off, or if there are too many
   */
  async enrol(pseudonym: string, publicKey: string, build: string, device: string = newId128()): Promise<string> {
    const known = await this.devices(pseudonym)
    if (known.length >= DEVICES_PER_PERSON_MAX) {
      throw new FairtraceError('BODY_INVALID', `at most ${DEVICES_PER_PERSON_MAX} devices a person`)
    }
    const row = await this.#database.db
      .insertInto('consent.devices')
      .values({ device, pseudonym, public_key: publicKey, build })
      .onConflict((conflict) =>
        conflict
          .column('public_key')
          .doUpdateSet({ build })
          .where('consent.devices.pseudonym', '=', pseudonym)
          .where('consent.devices.cut_off', '=', false),
      )
      .returning('device')
      .executeTakeFirst()
      .catch(taken('device'))
    if (row === undefined) throw new FairtraceError('BODY_INVALID', 'publicKey: make a new key for this device')
    return row.device
  }

  async devices(pseudonym: string): Promise<readonly EnrolledDevice[]> {
    const rows = await this.#database.db
      .selectFrom('consent.devices')
      .select(['device', 'build', 'cut_off'])
      .where('pseudonym', '=', pseudonym)
      .orderBy('device')
      .execute()
    return rows.map(({ device, build, cut_off }) => ({ device, build, isCutOff: cut_off }))
  }

  /** @throws `DEVICE_UNKNOWN` if it isn't this person's */
  async cutOff(pseudonym: string, device: string): Promise<void> {
    const { numUpdatedRows } = await this.#database.db
      .updateTable('consent.devices')
      .set({ cut_off: true })
      .where('device', '=', device)
      .where('pseudonym', '=', pseudonym)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) throw new FairtraceError('DEVICE_UNKNOWN', 'there is no such device of yours')
  }

  /** A device with its person's consent as it is now, in one statement; null if it isn't enrolled. */
  async standing(device: string): Promise<DeviceStanding | null> {
    const { rows } = await this.#database.pool.query(
      `select d.device, d.public_key, d.build, d.cut_off, d.pseudonym, e.version, e.at_ms, e.event
       from consent.devices d
       left join lateral (
         select version, at_ms, event from consent.events where pseudonym = d.pseudonym order by version desc limit 1
       ) e on true
       where d.device = $1`,
      [device],
    )
    const row = rows[0]
    if (row === undefined) return null
    const last =
      row.version === null
        ? []
        : [{ version: row.version, atMs: row.at_ms, event: consentEventSchema.parse(row.event) }]
    return {
      device: row.device,
      publicKey: row.public_key,
      build: row.build,
      isCutOff: row.cut_off,
      pseudonym: row.pseudonym,
      consent: foldConsent(last),
    }
  }

  /**
   * Whose consents that were given after `sinceMs` stood at `asOfMs`. Only for `shownParticipants`: the exact number goes nowhere.
   * A pause changes nothing here: it is nobody's business.
   */
  async given(sinceMs: number, asOfMs: number): Promise<readonly string[]> {
    const { rows } = await this.#database.pool.query<{ pseudonym: string }>(
      `select pseudonym from (
         select distinct on (pseudonym) pseudonym, at_ms, event from consent.events where at_ms < $2
         order by pseudonym, version desc
       ) last where event ->> 'kind' <> 'withdrawn' and coalesce((event ->> 'givenAtMs')::bigint, at_ms) > $1`,
      [sinceMs, asOfMs],
    )
    return rows.map(({ pseudonym }) => pseudonym)
  }
}

/** Ids are drawn at random: one that is taken was not. */
function taken(field: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof Error && 'code' in error && error.code === '23505') {
      throw new FairtraceError('BODY_INVALID', `${field}: draw another one`, { cause: error })
    }
    throw error
  }
}
