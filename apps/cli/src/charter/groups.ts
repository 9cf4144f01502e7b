/**
 * Who is in which group, from the organisation's directory: how many people a charter's audience really is.
 *
 * ```json
 * {"agent-training": ["ada", "grace"], "everybody": 71312}
 * ```
 * YAML does as well. A number stands for people who are not listed by name.
 */
import { type Charter, FairtraceError } from '@fairtrace/core'
import { parse } from 'yaml'
import { z } from 'zod'

const groupsSchema = z.record(z.string(), z.union([z.array(z.string()), z.int().min(0)]))
export type Groups = z.infer<typeof groupsSchema>

export interface Readers {
  readonly count: number
  /** False if a group was not in the file: then the charter's own maximum stands for it. */
  readonly isCounted: boolean
  readonly groups: readonly {
    readonly group: string
    readonly members: number | null
    readonly sizeMax: number
    readonly grantMaxMs: number
  }[]
}

/** @throws `INPUT_UNREADABLE` */
export function parseGroups(text: string): Groups {
  let value: unknown
  try {
    value = parse(text, { maxAliasCount: 0 })
  } catch {
    // Without the parser's message, which would quote names.
    throw new FairtraceError('INPUT_UNREADABLE', 'the groups are neither JSON nor YAML')
  }
  const parsed = groupsSchema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new FairtraceError('INPUT_UNREADABLE', 'the groups file gives each group a list of names or a number of people')
}

/** How many people the charter lets be given access. Somebody in two groups counts once where both list names. */
export function readersOf({ audience }: Charter, groups: Groups): Readers {
  const names = new Set<string>()
  let others = 0
  let isCounted = true
  const found = audience.map(({ group, sizeMax, grantMax }) => {
    const members = Object.hasOwn(groups, group) ? groups[group] : undefined
    if (Array.isArray(members)) for (const name of members) names.add(name)
    else if (members === undefined) others += sizeMax
    else others += members
    isCounted &&= members !== undefined
    const count = Array.isArray(members) ? new Set(members).size : (members ?? null)
    return { group, members: count, sizeMax, grantMaxMs: grantMax }
  })
  return { count: names.size + others, isCounted, groups: found }
}
