import type { ErrorCode } from '../errors.ts'
import type { Charter } from './charter-schema.ts'

/** Why `next` can't follow `old` at all, whatever it widens; null if it can. */
export function successorFault(
  old: Charter,
  next: Charter,
): { readonly code: ErrorCode; readonly message: string } | null {
  if (old.programme !== next.programme) {
    return { code: 'CHARTER_NOT_IN_FORCE', message: `the charter in force is that of the programme ${old.programme}` }
  }
  if (next.version <= old.version) {
    const message = `version ${old.version} is in force; a change needs a higher one`
    return { code: 'CHARTER_NOT_IN_FORCE', message }
  }
  // Or people would be held to a text that they never saw.
  const isNoticeChanged = old.notice.text !== next.notice.text
  if (next.notice.version < old.notice.version || (isNoticeChanged && next.notice.version === old.notice.version)) {
    const message = `charter: notice.version: must rise above ${old.notice.version} with the text`
    return { code: 'CHARTER_INVALID', message }
  }
  return null
}
