/**
 * Charter text → frozen value, or every fault at once, each as `file:line: field: reason`.
 *
 * The text is somebody's file: its size, its nesting and YAML's own surprises (aliases, duplicate keys, several
 * documents) are bounded or refused before any field is looked at.
 */
import { isAlias, isMap, isNode, LineCounter, type Node, type Pair, parseDocument, visit } from 'yaml'
import { FairtraceError } from '../errors.ts'
import { type Charter, charterSchema } from './charter-schema.ts'
import { plainReason } from './plain-reason.ts'

export const CHARTER_BYTES_MAX = 1024 * 1024
/** More faults than this are counted, not listed. */
const FAULTS_LISTED_MAX = 100

interface Fault {
  readonly line: number
  readonly text: string
}

/**
 * @param yaml the text of the charter
 * @param file its name, for the message alone
 * @returns the charter, deeply frozen
 * @throws `CHARTER_INVALID` with one line for each fault
 */
export function parseCharter(yaml: string, file: string): Charter {
  const bytes = new TextEncoder().encode(yaml).length
  if (bytes > CHARTER_BYTES_MAX) {
    throw invalid(file, [{ line: 1, text: `${bytes} bytes; a charter has at most ${CHARTER_BYTES_MAX}` }])
  }
  const lines = new LineCounter()
  let document: ReturnType<typeof parseDocument>
  try {
    document = parseDocument(yaml, { lineCounter: lines, prettyErrors: false, version: '1.2', logLevel: 'error' })
  } catch (cause) {
    // Fails closed: what the reader can't get through is refused like any other text that is no charter.
    throw new FairtraceError('CHARTER_INVALID', `${file}:1: nested too deeply`, { cause })
  }
  const lineAt = (offset: number) => lines.linePos(offset).line
  const faults: Fault[] = [...document.errors, ...document.warnings].map((e) => ({
    line: lineAt(e.pos[0]),
    text: yamlReason(e.code, e.message),
  }))
  visit(document, {
    Alias: (_key, node) => {
      faults.push({
        line: lineAt(node.range?.[0] ?? 0),
        text: 'write the value out; references (*name) are not allowed',
      })
    },
  })
  if (faults.length > 0) throw invalid(file, faults)

  const result = charterSchema.safeParse(document.toJS({ maxAliasCount: 0 }))
  if (result.success) return deepFreeze(result.data)
  for (const issue of result.error.issues) {
    const path = issue.path.filter((step) => typeof step !== 'symbol')
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        faults.push({ line: lineOf([...path, key]), text: `${fieldName([...path, key])}: is no field of a charter` })
      }
    } else {
      faults.push({
        line: lineOf(path),
        text: `${fieldName(path)}: ${isPresent(path) ? plainReason(issue) : 'is missing'}`,
      })
    }
  }
  throw invalid(file, faults)

  function isPresent(path: readonly (string | number)[]): boolean {
    return path.length === 0 || document.hasIn(path)
  }

  /** The line of a field's name, or of the nearest parent that exists. */
  function lineOf(path: readonly (string | number)[]): number {
    for (let depth = path.length; depth > 0; depth--) {
      const offset = offsetOf(document.getIn(path.slice(0, depth - 1), true), path[depth - 1])
      if (offset !== null) return lineAt(offset)
    }
    return 1
  }
}

function yamlReason(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'a field is written twice'
  if (code === 'MULTIPLE_DOCS') return 'a charter is one document; remove what follows the line ---'
  return message.includes('call stack') ? 'nested too deeply' : `not readable as YAML: ${message}`
}

/** Where the child `step` of `parent` begins: its name in a mapping, its value in a list. */
function offsetOf(parent: unknown, step: string | number | undefined): number | null {
  const node: unknown = isMap(parent)
    ? pairOf(parent.items, step)?.key
    : (isNode(parent) && itemOf(parent, step)) || null
  return isNode(node) && !isAlias(node) ? (node.range?.[0] ?? null) : null
}

function pairOf(pairs: readonly Pair[], step: string | number | undefined): Pair | undefined {
  return pairs.find((pair) => isNode(pair.key) && String((pair.key as { value?: unknown }).value) === String(step))
}

function itemOf(parent: Node, step: string | number | undefined): unknown {
  return 'items' in parent && Array.isArray(parent.items) && typeof step === 'number' ? parent.items[step] : null
}

/** `['capture', 'apps', 2, 'id']` → `capture.apps[2].id` */
function fieldName(path: readonly (string | number)[]): string {
  if (path.length === 0) return 'the charter'
  return path
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : (i === 0 ? '' : '.') + printable(step)))
    .join('')
}

/** A field's name is the file's: bounded, and without line breaks that could pass for another fault. */
function printable(name: string): string {
  return name.replace(/[^ -~]/gu, '?').slice(0, 64)
}

function invalid(file: string, faults: readonly Fault[]): FairtraceError {
  const all = new Set(faults.toSorted((a, b) => a.line - b.line).map(({ line, text }) => `${file}:${line}: ${text}`))
  const listed = [...all].slice(0, FAULTS_LISTED_MAX)
  if (all.size > listed.length) listed.push(`${file}: and ${all.size - listed.length} more`)
  return new FairtraceError('CHARTER_INVALID', listed.join('\n'))
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const child of Object.values(value)) deepFreeze(child)
  }
  return value
}
