/**
 * A release job as the CLI or the portal asks for it: a row in `release.jobs` whose `request` is
 *
 * ```json
 * {"name":"spring","seed":"1","grant":{…},"approvals":[{"approver":"…","signature":"…"},{…}]}
 * ```
 * The row decides nothing: the vault checks grant and approvals before a key opens, and the grant names who can read the answer.
 */
import { approvalSchema, FairtraceError, grantSchema } from '@fairtrace/core'
import { z } from 'zod'

/** Also the name of the release's folder. */
export const releaseNamePattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

export const releaseJobSchema = z.strictObject({
  name: z.string().regex(releaseNamePattern),
  /** Name of the draw: the same recordings and seed make the same release. */
  seed: z.string().min(1).max(128),
  grant: grantSchema,
  approvals: z.array(approvalSchema).max(32),
})
export type ReleaseJob = z.infer<typeof releaseJobSchema>

/** @throws `BODY_INVALID` */
export function parseReleaseJob(request: unknown): ReleaseJob {
  const parsed = releaseJobSchema.safeParse(request)
  if (parsed.success) return parsed.data
  const fields = parsed.error.issues.map((issue) => issue.path.join('.'))
  throw new FairtraceError('BODY_INVALID', `the release job is malformed at: ${[...new Set(fields)].join(', ')}`)
}
