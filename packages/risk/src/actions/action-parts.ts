/**
 * Recordings of actions as lines of JSON: one part of a recording a line, in the order in which it was done.
 *
 * ```json
 * {"person":"p1","recording":"r1","task":null,"outcome":null,"actions":[{"kind":"switch","app":"desktop:orders"},{"kind":"press","key":"enter"}]}
 * ```
 * `actions` are those of the action model. People and recordings may be any texts: they serve training and judging alone.
 */
import { actionSchema, FairtraceError } from '@fairtrace/core'
import { z } from 'zod'

const partSchema = z.strictObject({
  person: z.string(),
  recording: z.string(),
  task: z.string().nullable(),
  outcome: z.enum(['done', 'not-done']).nullable(),
  actions: z.array(actionSchema),
})
export type ActionPart = z.infer<typeof partSchema>

/**
 * @param number of the line, from 1, for the refusal: nothing of what the line holds is in it
 * @throws `INPUT_UNREADABLE`
 */
export function parseActionPart(line: string, number: number): ActionPart {
  const parsed = partSchema.safeParse(jsonOf(line))
  if (parsed.success) return parsed.data
  throw new FairtraceError('INPUT_UNREADABLE', `line ${number} is no part of a recording of actions`)
}

/** What is no JSON becomes what no schema takes: the parser's own error would quote the line. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
