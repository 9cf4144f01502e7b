/** The report on recordings, as `fairtrace risk --json` writes it: figures and verdicts, never a row or a person. */
import { z } from 'zod'
import { RECORDING_FORMATS } from './rows.ts'

const amount = z.union([z.int().min(1), z.literal('all')])
/** A bootstrap without genuine or without impostor comparisons has no ends. */
const number = z
  .number()
  .or(z.nan().transform(() => null))
  .nullable()
const interval = z.strictObject({ low: number, high: number })

const figure = z.strictObject({
  encoding: z.string(),
  attacker: z.string(),
  amount,
  trials: z.int().min(1),
  rank1: z.number(),
  rank1Interval: interval,
  rank1Upper: z.number(),
  rank5: z.number(),
  rank1Balanced: z.number(),
  smallestShown: z.number(),
  auc: number,
  aucInterval: interval,
  eer: number,
  eerInterval: interval,
  tprAt001: number,
})

const verdict = z.strictObject({
  name: z.string(),
  amount,
  value: z.number().nullable(),
  limit: z.number(),
  holds: z.boolean(),
})
export type Verdict = z.infer<typeof verdict>

export const RECORDINGS_REPORT = z.strictObject({
  version: z.literal(1),
  risk: z.string(),
  format: z.enum(RECORDING_FORMATS),
  protect: z.string(),
  seed: z.int(),
  people: z.int().min(1),
  chance: z.number(),
  units: z.int().min(0),
  kept: z.number(),
  /** Unprotected: floors that the attackers must reach. Protected: limits that they must not. */
  verdicts: z.array(verdict),
  figures: z.array(figure),
})
export type RecordingsReport = z.infer<typeof RECORDINGS_REPORT>
