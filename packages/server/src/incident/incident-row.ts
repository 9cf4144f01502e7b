/** An incident as it is kept. */
import { incidentCauseSchema } from '@fairtrace/core'
import { z } from 'zod'

export interface IncidentRow {
  readonly id: string
  readonly epoch: number
  readonly openedAtMs: number
  readonly isRehearsal: boolean
  readonly ledgerIndex: number | null
  readonly cause: StoredCause | null
  readonly approvedBy: string | null
  readonly notifiedAtMs: number | null
  readonly seen: readonly SeenReader[]
}

/** Of the audience as it was while the exposure stood: afterwards it is mended, and nothing would tell. */
export interface SeenReader {
  readonly who: string
  readonly what: string
  readonly through: string
  readonly sinceMs: number | null
}

export const storedCauseSchema = incidentCauseSchema.extend({ by: z.string(), atMs: z.int() })
type StoredCause = z.infer<typeof storedCauseSchema>
