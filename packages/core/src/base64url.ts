/** Base64url without padding (RFC 4648, section 5), without Node: the core also runs in a browser. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export function base64url(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    for (let digit = 0; digit < Math.min(4, bytes.length - i + 1); digit++) {
      text += ALPHABET[(group >> (18 - 6 * digit)) & 63]
    }
  }
  return text
}
