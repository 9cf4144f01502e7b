import type { z } from 'zod'

/** A schema's issue as a person who writes charters would say it. Never repeats the value: it may be anything. */
export function plainReason(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      // A field with its own words knows better than its type what belongs there.
      if (!issue.message.startsWith('Invalid input')) return issue.message
      return `must be ${KIND[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return issue.values.length === 1
        ? `must be ${String(issue.values[0])}`
        : `must be one of: ${issue.values.map(String).join(', ')}`
    case 'too_small':
      return `must ${amount('at least', issue.minimum, issue.origin)}`
    case 'too_big':
      return `must ${amount('at most', issue.maximum, issue.origin)}`
    default:
      return issue.message
  }
}

const KIND: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of fields',
}

function amount(bound: string, limit: number | bigint, origin: string): string {
  if (origin === 'string') return `have ${bound} ${limit} characters`
  return origin === 'array' ? `have ${bound} ${limit === 1 ? '1 entry' : `${limit} entries`}` : `be ${bound} ${limit}`
}
