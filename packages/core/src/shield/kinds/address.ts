/** E-mail addresses and web addresses. */
import {
  codeAt,
  containsAny,
  countAny,
  isDigit,
  isDigits,
  isLetter,
  isOneOf,
  isSpace,
  numberOf,
  pieces,
  sizeOf,
  startsWith,
  type TextSpan,
} from '../text-span.ts'

/** Top-level domains after which a bare host name counts as a URL; `notes.txt` must not. */
const DOMAIN_ENDS = [
  ...['com', 'org', 'net', 'edu', 'gov', 'int', 'info', 'biz', 'io', 'dev', 'app', 'tv', 'cloud', 'shop', 'online'],
  ...['eu', 'de', 'at', 'ch', 'li', 'fr', 'be', 'lu', 'nl', 'es', 'pt', 'it', 'pl', 'cz', 'sk', 'hu', 'ro', 'bg', 'gr'],
  ...['hr', 'si', 'rs', 'ua', 'lt', 'lv', 'ee', 'fi', 'se', 'no', 'dk', 'is', 'ie', 'uk', 'us', 'ca', 'mx', 'br', 'ar'],
  ...['cl', 'co', 'pe', 'jp', 'cn', 'kr', 'in', 'au', 'nz', 'za', 'tr', 'il', 'example', 'test', 'localhost'],
]

/** One address, several between commas, or a name with the address in angle brackets. */
export function isEmail(text: TextSpan): boolean {
  if (!containsAny(text, '@')) return false
  if (codeAt(text, text.end - 1) === 0x3e) {
    const open = text.codes.subarray(0, text.end).lastIndexOf(0x3c)
    return open >= text.start && isOneEmail({ ...text, start: open + 1, end: text.end - 1 })
  }
  for (const piece of pieces(text, (code) => isSpace(code) || code === 0x2c || code === 0x3b)) {
    if (!isOneEmail(piece)) return false
  }
  return true
}

/** `local@host.end`, without spaces. */
function isOneEmail(text: TextSpan): boolean {
  const at = text.codes.subarray(0, text.end).indexOf(0x40, text.start)
  if (at <= text.start || containsAny({ ...text, end: at }, '()<>[]\\,;:"/ ')) return false
  return isHost({ ...text, start: at + 1 })
}

/** A scheme and `://`, `www.`, a host name with a common ending, or an IPv4 address; then anything without spaces. */
export function isUrl(text: TextSpan): boolean {
  for (let i = text.start; i < text.end; i++) if (isSpace(text.codes[i] ?? 0)) return false
  if (startsWith(text, 'www.') && sizeOf(text) > 4) return true
  let end = text.start
  while (isLetter(codeAt(text, end))) end++
  if (end > text.start && startsWith({ ...text, start: end }, '://')) return true
  while (end < text.end && !containsAny({ ...text, start: end, end: end + 1 }, '/?#:')) end++
  const host = { ...text, end }
  if (isIpAddress(host)) return true
  const hasPort = codeAt(text, end) === 0x3a && isDigit(codeAt(text, end + 1))
  if (isOneOf(host, ['localhost'])) return hasPort
  if (!isHost(host)) return false
  const last = { ...host, start: host.codes.subarray(0, end).lastIndexOf(0x2e) + 1 }
  return hasPort || isOneOf(last, DOMAIN_ENDS)
}

function isIpAddress(host: TextSpan): boolean {
  if (countAny(host, '.') !== 3) return false
  const parts = [...pieces(host, (code) => code === 0x2e)]
  return parts.length === 4 && parts.every((part) => isDigits(part) && sizeOf(part) <= 3 && numberOf(part) <= 255)
}

/** Letters, digits and hyphens in at least two labels; the last one has at least two letters and nothing else. */
function isHost(host: TextSpan): boolean {
  let labels = 1
  let inLabel = 0
  let lettersOnly = true
  for (let i = host.start; i < host.end; i++) {
    const code = host.codes[i] ?? 0
    if (code === 0x2e) {
      if (inLabel === 0) return false
      labels++
      inLabel = 0
      lettersOnly = true
    } else if (isLetter(code) || isDigit(code) || code === 0x2d) {
      inLabel++
      if (!isLetter(code)) lettersOnly = false
    } else return false
  }
  return labels >= 2 && inLabel >= 2 && lettersOnly
}
