/**
 * The second wrapping of content keys: under the key of the day on which they came.
 *
 * Rows in the database are in its backups and its write-ahead log, so that deleting them ends nothing. The key of a day lies in
 * the keystore alone; when retention destroys it, every content key of that day is noise wherever a copy lies. A row names its
 * period by a random id, and only the keystore knows which day that was.
 */
import type { KeyObject } from 'node:crypto'
import { unwrapBytes, wrapBytes } from './wrapped-bytes.ts'

export interface Period {
  readonly id: string
  readonly key: KeyObject
}

/** @param sealed the content key, sealed to its participant */
export function sealUnderPeriod(period: Period, contentKeyId: string, sealed: Uint8Array): Buffer {
  return wrapBytes(period.key, contextOf(period.id, contentKeyId), sealed)
}

/** @throws `KEY_UNAVAILABLE` for a row whose period or id was changed */
export function openUnderPeriod(
  period: { readonly id: string; readonly key: Uint8Array },
  contentKeyId: string,
  wrapped: Uint8Array,
): Buffer {
  return unwrapBytes(period.key, contextOf(period.id, contentKeyId), wrapped)
}

function contextOf(period: string, contentKeyId: string): string {
  return `fairtrace/content-key-period/v1\n${period}\n${contentKeyId}`
}
