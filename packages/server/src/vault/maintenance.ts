/** What the vault does by itself beside its work: tidying after erasures, checking its index, scrubbing when asked. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { listen } from '../runtime/notifications.ts'
import { repeat } from '../runtime/repeat.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { FileObjects } from '../store/objects.ts'
import { compactSome, forgetDeadChunks, forgetErasedKeys } from './compaction.ts'
import type { SegmentIndex } from './index-anchor.ts'
import { serveChecks } from './scrub.ts'

const LOOK_MS = 1_000
const ANCHOR_MS = 5_000
const WHOLE_INDEX_MS = 3_600_000
/** Between two portions: draining and openings come first. */
const PAUSE_MS = 50
/** Segments that could not be compacted are tried again after this. */
const SKIP_MS = 600_000

export interface MaintenanceInput {
  readonly database: OpenDatabase
  readonly objects: FileObjects
  readonly index: SegmentIndex
  readonly log: Logger
  /** Of the drain lock, while this vault has it. */
  lockOwner(): number | null
}

export interface Maintenance {
  stop(): Promise<void>
}

export function startMaintenance(input: MaintenanceInput): Maintenance {
  const { database, objects, index, log, lockOwner } = input
  let isStopped = false
  const skip = new Set<string>()
  let skipUntil = 0
  const tidy = repeat('tidying', LOOK_MS, log, async () => {
    if (performance.now() > skipUntil) skip.clear()
    for (;;) {
      const owner = lockOwner()
      if (isStopped || owner === null) return
      const own = { database, objects, index, lockOwner: owner }
      const isMore = (await forgetErasedKeys(own)) || (await forgetDeadChunks(own))
      if (!isMore) {
        const looked = await compactSome(own, skip)
        if (looked === null) return
        if (looked.length > 0) skipUntil = performance.now() + SKIP_MS
        for (const id of looked) skip.add(id)
      }
      await sleep(PAUSE_MS)
    }
  })
  let wholeAt = performance.now()
  const anchor = repeat('check of the index', ANCHOR_MS, log, async () => {
    const owner = lockOwner()
    if (isStopped || owner === null) return
    const isWhole = performance.now() >= wholeAt
    const findings = await index.check(isWhole, owner)
    if (isWhole) wholeAt = performance.now() + WHOLE_INDEX_MS
    if (findings.length > 0) log.error({ code: 'SEGMENT_CORRUPT', findings: findings.length }, 'the index was changed')
  })
  const checks = repeat('checks', LOOK_MS, log, () =>
    serveChecks({ database, objects, index, lockOwner, isStopped: () => isStopped }),
  )
  const listener = listen(database, 'fairtrace_check_requests', () => checks.soon())

  return {
    async stop() {
      isStopped = true
      await Promise.all([tidy, anchor, checks, listener].map((part) => part.stop()))
    },
  }
}
