/** Standard base64 (RFC 4648, section 4), as notes and proofs write it, and comparing bytes; without Node. */
import { base64url, fromBase64url } from '@fairtrace/core'

/** With padding. */
export function base64(bytes: Uint8Array): string {
  const text = base64url(bytes).replaceAll('-', '+').replaceAll('_', '/')
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

/** @returns null unless `text` is the one spelling of its bytes, padding included */
export function fromBase64(text: string): Uint8Array | null {
  const bytes = fromBase64url(
    text
      .replace(/={1,2}$/, '')
      .replaceAll('+', '-')
      .replaceAll('/', '_'),
  )
  return bytes !== null && base64(bytes) === text ? bytes : null
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** @returns null if the bytes are no UTF-8 */
export function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    // Not text; the caller refuses it under its own code.
    return null
  }
}
