/**
 * Ids of honey participants: each is a MAC over its place in a list, under a key that only the scanner (and a custodian) holds.
 *
 * ```
 * id = base64url(first 16 bytes of HMAC-SHA256(honey key, "fairtrace/honey/v1\n" ‖ kind ‖ "\n" ‖ person ‖ "\n" ‖ number))
 * ```
 * To everybody else it is 128 random bits, as every id is. Whoever holds the key writes the whole list down beforehand, so that a
 * search needs no MAC for a candidate, and a random id is taken for one of ours with a chance of |list| / 2^128: never.
 */
import { createHmac } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'

export const HONEY_PEOPLE_MAX = 64
export const HONEY_DEVICES_MAX = 2
/** Of one person; a recording a day outlasts a charter's retention. */
export const HONEY_RECORDINGS_MAX = 128
const CONTEXT = 'fairtrace/honey/v1'

export type HoneyIdKind = 'pseudonym' | 'device' | 'recording'

/**
 * @param key 32 bytes in base64url
 * @param person from 0, below `HONEY_PEOPLE_MAX`
 */
export function honeyId(key: string, kind: HoneyIdKind, person: number, number = 0): string {
  return honeyMac(key, `${kind}\n${person}\n${number}`).subarray(0, 16).toString('base64url')
}

/** A MAC of the honey key for one purpose. @throws `KEY_UNAVAILABLE` */
export function honeyMac(key: string, text: string): Buffer {
  return createHmac('sha256', honeyKeyBytes(key)).update(`${CONTEXT}\n${text}`).digest()
}

function honeyKeyBytes(key: string): Buffer {
  const bytes = Buffer.from(key, 'base64url')
  if (bytes.length !== 32)
    throw new FairtraceError('KEY_UNAVAILABLE', `a honey key of ${bytes.length} bytes; 32 expected`)
  return bytes
}

/** Every id that a honey participant may ever have. */
export function allHoneyIds(key: string): ReadonlyMap<string, HoneyIdKind> {
  const ids = new Map<string, HoneyIdKind>()
  for (let person = 0; person < HONEY_PEOPLE_MAX; person++) {
    ids.set(honeyId(key, 'pseudonym', person), 'pseudonym')
    for (let i = 0; i < HONEY_DEVICES_MAX; i++) ids.set(honeyId(key, 'device', person, i), 'device')
    for (let i = 0; i < HONEY_RECORDINGS_MAX; i++) ids.set(honeyId(key, 'recording', person, i), 'recording')
  }
  return ids
}

export function honeyPseudonyms(key: string): ReadonlySet<string> {
  return new Set(Array.from({ length: HONEY_PEOPLE_MAX }, (_, person) => honeyId(key, 'pseudonym', person)))
}
