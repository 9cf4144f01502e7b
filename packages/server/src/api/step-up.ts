/** Acts for which being signed in is not enough: they need a passkey's fresh word. */
import type { ProgrammeState } from '../store/tables.ts'

export const STEP_UP_PURPOSES = ['approve-programme', 'run-programme', 'change-passkeys'] as const
export type StepUpPurpose = (typeof STEP_UP_PURPOSES)[number]

/** What moving a programme there needs; null for nothing: pausing and closing are always easy. */
export function stepUpFor(state: ProgrammeState): StepUpPurpose | null {
  if (state === 'approved') return 'approve-programme'
  return state === 'running' ? 'run-programme' : null
}
