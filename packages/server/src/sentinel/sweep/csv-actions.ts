/** Actions in a CSV whose first line names a release's columns: one line, one action. */
import { actionToken } from '../honey/action-token.ts'

const LINE_MAX = 65_536
const OURS = ['button', 'count', 'direction', 'key', 'keys', 'text_kind', 'text', 'length']

/**
 * @param head how the file begins, with its first line
 * @returns words of the actions in each further piece of the file, in order; null where these columns are not there
 */
export function csvActions(head: Buffer): ((piece: string) => Iterable<string>) | null {
  const text = head.toString('latin1')
  const first = text.slice(0, Math.max(0, text.indexOf('\n')))
  const separator = [',', '\t', ';'].find((one) => fieldsOf(first, one).includes('kind'))
  if (separator === undefined) return null
  const names = fieldsOf(first, separator)
  if (!OURS.some((name) => names.includes(name))) return null
  let rest = ''
  return function* (piece) {
    const lines = (rest + piece).split('\n')
    // A line without an end is no action: it is not gathered for ever.
    rest = (lines.pop() ?? '').slice(-LINE_MAX)
    for (const line of lines) {
      if (line.length > LINE_MAX) continue
      const fields = fieldsOf(line, separator)
      const token = actionToken(Object.fromEntries(names.map((name, i) => [name, fields[i] ?? ''])))
      if (token !== null) yield token
    }
  }
}

function fieldsOf(line: string, separator: string): readonly string[] {
  if (!line.includes('"')) return line.replace(/\r$/, '').split(separator)
  const fields: string[] = []
  let field = ''
  let isQuoted = false
  for (const part of line.replace(/\r$/, '')) {
    if (part === '"') isQuoted = !isQuoted
    else if (part === separator && !isQuoted) {
      fields.push(field)
      field = ''
    } else field += part
  }
  return [...fields, field]
}
