/**
 * Which people, purposes and resources the policies of a charter can tell apart.
 *
 * The policies compare: names, groups, resources and purposes for being the same, times for being earlier. Whom neither they nor the
 * grant in question name is therefore like everybody else who is in the same of the groups that they name: swap two such people and
 * no decision changes. That holds for these operators alone, so a policy with any other one is refused, never guessed at.
 */
import { FairtraceError } from '@fairtrace/core'

/** Of policies as JSON: what an expression may be made of. */
const OPERATORS: ReadonlySet<string> = new Set(['Var', 'Value', '.', '==', '!=', '<', '<='])
const SCOPES: ReadonlySet<string> = new Set(['All', '==', 'in'])

/** What the policies name. */
export interface Named {
  readonly people: ReadonlySet<string>
  readonly groups: ReadonlySet<string>
  readonly resources: ReadonlySet<string>
  /** Texts that something is compared with: purposes, as things are. */
  readonly texts: ReadonlySet<string>
}

/** @throws `CHARTER_INVALID` if a policy holds anything but comparisons */
export function namedIn(policies: Readonly<Record<string, unknown>>): Named {
  const people = new Set<string>()
  const groups = new Set<string>()
  const resources = new Set<string>()
  const texts = new Set<string>()
  for (const policy of Object.values(policies)) {
    const { principal, action, resource, conditions } = fieldsOf(policy)
    for (const scope of [principal, action, resource]) readScope(scope)
    for (const condition of listOf(conditions)) readExpression(fieldsOf(condition).body)
  }
  return { people, groups, resources, texts }

  function readScope(scope: unknown): void {
    const { op, entity, entities } = fieldsOf(scope)
    if (typeof op !== 'string' || !SCOPES.has(op)) throw unknownOperator()
    for (const one of [entity, ...listOf(entities)]) if (one !== undefined) readEntity(one)
  }

  function readExpression(expression: unknown): void {
    const [[operator, operands], ...others] = Object.entries(fieldsOf(expression)) as [[string, unknown], ...unknown[]]
    if (operator === undefined || others.length > 0 || !OPERATORS.has(operator)) throw unknownOperator()
    if (operator === 'Var') return
    if (operator === 'Value') readValue(operands)
    else if (operator === '.') readExpression(fieldsOf(operands).left)
    else {
      readExpression(fieldsOf(operands).left)
      readExpression(fieldsOf(operands).right)
    }
  }

  function readValue(value: unknown): void {
    if (typeof value === 'string') texts.add(value)
    else if (typeof value === 'object' && value !== null) readEntity(fieldsOf(value).__entity)
  }

  function readEntity(uid: unknown): void {
    const { type, id } = fieldsOf(uid)
    if (typeof type !== 'string' || typeof id !== 'string') throw unknownOperator()
    const kind = type.split('::').at(-1)
    if (kind === 'Person') people.add(id)
    else if (kind === 'Group') groups.add(id)
    else if (kind === 'Release' || kind === 'Recordings') resources.add(id)
    // Programme and actions: everything asked about is in the one programme, and each action is asked about by itself.
    else if (kind !== 'Programme' && kind !== 'Action') throw unknownOperator()
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unknownOperator()
  return value as Record<string, unknown>
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function unknownOperator(): FairtraceError {
  return new FairtraceError('CHARTER_INVALID', 'a policy holds something whose readers can not be enumerated')
}
