/** A run as the portal tells of it, and waiting until it has ended. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { PortalSession } from '../demo/portal-session.ts'

const POLL_MS = 500

export const runSchema = z.object({
  id: z.string(),
  release: z.string(),
  requester: z.string(),
  command: z.array(z.string()),
  epsilon: z.number().nullable(),
  state: z.string(),
  code: z.string().nullable(),
  message: z.string().nullable(),
  output: z
    .object({ files: z.array(z.object({ path: z.string(), bytes: z.number() })), exitCode: z.number() })
    .nullable(),
})
export type Run = z.infer<typeof runSchema>

export async function waitForRun(portal: PortalSession, id: string): Promise<Run> {
  for (;;) {
    const run = await portal.get(`/api/room/runs/${encodeURIComponent(id)}`, runSchema)
    if (run.state !== 'requested' && run.state !== 'running') return run
    await sleep(POLL_MS)
  }
}
