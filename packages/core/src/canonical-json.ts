/** Canonical JSON (RFC 8785): the one text of a value, for everything that is hashed or signed. */
import canonicalize from 'canonicalize'

/** @throws TypeError for what JSON can't say, such as `undefined`, NaN or a cycle */
export function canonicalJson(value: unknown): string {
  let text: string | undefined
  try {
    text = canonicalize(value)
  } catch (cause) {
    throw new TypeError('the value has no canonical JSON', { cause })
  }
  if (text === undefined) throw new TypeError('the value has no canonical JSON')
  return text
}
