/** Column names that a text begins with: the header of a CSV, or the fields of the first JSON object. */
import type { TableShape } from './fingerprints.ts'

const COLUMNS_MAX = 2_000
const KEY = /"([A-Za-z_][A-Za-z0-9_ -]{0,63})"\s*:/g
const NAME = /^"?[A-Za-z_][A-Za-z0-9_ .-]{0,63}"?$/

/** @returns null where the head is no table that is known here */
export function headShape(head: Buffer): TableShape | null {
  const text = head.toString('latin1')
  if (/^\s*[[{]/.test(text)) {
    const names = new Set<string>()
    for (const [, name = ''] of text.slice(0, 8_192).matchAll(KEY)) names.add(name)
    return names.size < 3 ? null : shape(names)
  }
  const end = text.indexOf('\n')
  const line = (end < 0 ? text : text.slice(0, end)).replace(/\r$/, '')
  for (const separator of [',', '\t', ';', '|']) {
    const names = line.split(separator)
    if (names.length >= 3 && names.length <= COLUMNS_MAX && names.every((name) => NAME.test(name.trim()))) {
      return shape(new Set(names.map((name) => name.trim().replaceAll('"', ''))))
    }
  }
  return null
}

function shape(names: ReadonlySet<string>): TableShape {
  return { name: '', columns: [...names].map((name) => ({ name, type: null })) }
}
