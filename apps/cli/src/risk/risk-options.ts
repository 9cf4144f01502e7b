/** What a report on any format is asked with. */
import type { RecordingFormat } from '@fairtrace/risk'

export const RISK_FORMATS = ['sapimouse', 'keystrokes', 'commands', 'actions'] as const satisfies readonly (
  | RecordingFormat
  | 'actions'
)[]

export interface RiskOptions {
  readonly protect: string
  readonly people?: number
  readonly seed: number
  /** A file, or `-` for standard output. */
  readonly json?: string
  readonly plot?: string
}
