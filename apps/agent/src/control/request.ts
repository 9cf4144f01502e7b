/**
 * What a command, or the review page, asks of the agent. Over the control channel a request is one line of JSON and so is its
 * answer, `{"ok":…}` or `{"error":{"code","message"}}`.
 */
import { CATEGORIES, id128Pattern, TASK_OUTCOMES } from '@fairtrace/core'
import { z } from 'zod'

const recording = z.string().regex(id128Pattern)
const position = z.int().min(0)

export const requestSchema = z.discriminatedUnion('ask', [
  z.strictObject({ ask: z.literal('status') }),
  z.strictObject({ ask: z.literal('join'), portal: z.url(), code: z.string().min(1).max(128) }),
  /** What can be chosen, what was chosen, and the notice. */
  z.strictObject({ ask: z.literal('choices') }),
  z.strictObject({
    ask: z.literal('consent'),
    noticeVersion: z.int().min(1),
    categories: z.array(z.enum(CATEGORIES)),
    apps: z.array(z.string()).max(200),
    /** The consent version that the person saw. */
    version: z.int().min(0),
  }),
  z.strictObject({ ask: z.literal('task'), task: z.string().nullable() }),
  z.strictObject({ ask: z.literal('finish-task'), outcome: z.enum(TASK_OUTCOMES) }),
  z.strictObject({ ask: z.literal('pause') }),
  z.strictObject({ ask: z.literal('resume') }),
  z.strictObject({ ask: z.literal('withdraw') }),
  z.strictObject({ ask: z.literal('review') }),
  /** The actions `[from, to)`. */
  z.strictObject({ ask: z.literal('delete-part'), recording, from: position, to: position }),
  z.strictObject({ ask: z.literal('delete'), recording }),
  /** `null`: everything that is held. */
  z.strictObject({ ask: z.literal('release'), recordings: z.array(recording).nullable() }),
  z.strictObject({ ask: z.literal('upload') }),
  /** The address of the review page, with a token that works once. */
  z.strictObject({ ask: z.literal('open') }),
  /** What only the running process knows of itself. */
  z.strictObject({ ask: z.literal('self') }),
  z.strictObject({ ask: z.literal('stop') }),
])
export type AgentRequest = z.infer<typeof requestSchema>
