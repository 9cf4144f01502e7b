/** One-time codes: a participant makes one where they are signed in, and types it on the device that is to be theirs. */
import { FairtraceError } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'
import { hashSecret, newId128 } from './secrets.ts'

export const DEVICE_CODE_MS = 30 * 60_000
const CODES_PER_PERSON_MAX = 5

export interface DeviceCode {
  readonly code: string
  /** Exclusive. */
  readonly endsAtMs: number
}

/** @throws `BODY_INVALID` if too many of the person's codes are open */
export async function createDeviceCode({ db }: OpenDatabase, pseudonym: string, nowMs: number): Promise<DeviceCode> {
  const code = newId128()
  const endsAtMs = nowMs + DEVICE_CODE_MS
  await db.deleteFrom('consent.device_codes').where('ends_at_ms', '<=', nowMs).execute()
  const open = await db
    .selectFrom('consent.device_codes')
    .select('code_hash')
    .where('pseudonym', '=', pseudonym)
    .execute()
  if (open.length >= CODES_PER_PERSON_MAX) throw new FairtraceError('BODY_INVALID', 'use one of the codes you made')
  await db
    .insertInto('consent.device_codes')
    .values({ code_hash: hashSecret(code), pseudonym, ends_at_ms: endsAtMs })
    .execute()
  return { code, endsAtMs }
}

/**
 * Uses up a code. Two that race for it get one device.
 * @returns whose it is
 * @throws `ENROLMENT_CODE_UNKNOWN`; never known, used before and over are one answer
 */
export async function takeDeviceCode({ db }: OpenDatabase, code: string, nowMs: number): Promise<string> {
  const taken = await db
    .deleteFrom('consent.device_codes')
    .where('code_hash', '=', hashSecret(code))
    .returning(['pseudonym', 'ends_at_ms'])
    .executeTakeFirst()
  const isAlive = taken !== undefined && nowMs < taken.ends_at_ms
  if (!isAlive) throw new FairtraceError('ENROLMENT_CODE_UNKNOWN', 'the code is not valid')
  return taken.pseudonym
}
