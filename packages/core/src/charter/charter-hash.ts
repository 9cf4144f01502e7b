import { sha256 } from '@noble/hashes/sha2.js'
import { base64url } from '../base64url.ts'
import { canonicalJson } from '../canonical-json.ts'
import type { CharterHash } from '../ids.ts'
import type { Charter } from './charter-schema.ts'

/**
 * SHA-256 over the canonical JSON of the parsed value, base64url.
 *
 * Over the value and not the file, so that a comment or a line break doesn't ask everybody for consent again.
 */
export function charterHash(charter: Charter): CharterHash {
  return base64url(sha256(new TextEncoder().encode(canonicalJson(charter)))) as CharterHash
}
