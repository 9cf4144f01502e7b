/** The assurance case as the portal states it: every safeguard with its newest evidence. What pages, Markdown and OSCAL are made of. */
import { evidenceSchema } from '@fairtrace/core'
import { z } from 'zod'
import type { Programme } from '../runtime/programme.ts'
import type { OpenDatabase } from '../store/database.ts'
import { readEvidence, standings } from './evidence.ts'

const ms = z.int().min(0)
const issued = z.object({ evidence: evidenceSchema, jws: z.string().describe('Compact JWS, EdDSA, by the issuer') })
export const assuranceCaseSchema = z.object({
  programme: z.string(),
  title: z.string(),
  nowMs: ms,
  validMs: ms.describe('How long evidence counts, by the charter'),
  safeguards: z.array(
    z.object({
      id: z.string(),
      statement: z.string(),
      promise: z.int(),
      owner: z.string(),
      drill: z.string(),
      attack: z.string(),
      state: z.enum(['fresh', 'failed', 'over', 'missing']),
      newest: issued.nullable(),
    }),
  ),
})
export type AssuranceCase = z.infer<typeof assuranceCaseSchema>
export type CaseSafeguard = AssuranceCase['safeguards'][number]

/** The claims, one for each promise, in the words of the README. */
export const PROMISE_CLAIMS: Readonly<Record<number, string>> = {
  1: 'No capture without consent that is alive.',
  2: 'What you type, and how you type, stays on your machine.',
  3: 'What leaves is sealed.',
  4: 'The system attacks itself, and locks itself.',
  5: 'A dataset is released only if people can’t be found in it.',
}

export async function assuranceCase(
  database: OpenDatabase,
  { id, charter }: Pick<Programme, 'id' | 'charter'>,
  nowMs: number,
): Promise<AssuranceCase> {
  const shown = standings(await readEvidence(database, charter), charter, nowMs)
  return {
    programme: id,
    title: charter.title,
    nowMs,
    validMs: charter.assurance.evidence,
    safeguards: shown.map(({ safeguard, state, newest }) => {
      const { statement, promise, owner, drill, attack } = safeguard
      return { id: safeguard.id, statement, promise, owner, drill, attack, state, newest }
    }),
  }
}

/** What a state means, for people. */
export const STANDING_WORDS: Readonly<Record<CaseSafeguard['state'], string>> = {
  fresh: 'shown to work',
  failed: 'FAILED at its last drill',
  over: 'its evidence is over',
  missing: 'never drilled here',
}
