/** Charters that were ever in force, and so the exact text of every notice that anybody said yes to. */
import { type Charter, type CharterHash, FairtraceError, noticeDigest } from '@fairtrace/core'
import type { Programme } from '../runtime/programme.ts'

export interface Notice {
  readonly version: number
  readonly text: string
  /** SHA-256 of the text, base64url: the same as in the receipts. */
  readonly digest: string
}

/** The charter of this hash; the one in force if it is no longer kept, because ending a consent can't wait for a charter. */
export function charterOf(programme: Programme, hash: string): Charter {
  return programme.charters.get(hash as CharterHash) ?? programme.charter
}

/** @throws `NOT_FOUND` */
export function noticeOfVersion(programme: Programme, version: number): Notice {
  // A text never changes without its version, so any charter that has the version has the text.
  const charter = [programme.charter, ...programme.charters.values()].find(({ notice }) => notice.version === version)
  if (charter === undefined) throw new FairtraceError('NOT_FOUND', `there is no notice ${version}`)
  return { version, text: charter.notice.text, digest: noticeDigest(charter) }
}
