/** What a candidate was attacked with and what came of it: written into the release, read by people and by `decideRelease`. */
import { z } from 'zod'

/** Shares and areas; null where these data can't say. */
const share = z.number().min(0).max(1).nullable()
const interval = z.object({ low: z.number(), high: z.number() })
const amount = z.union([z.int().min(1), z.literal('all')])

const figureSchema = z.object({
  encoding: z.string(),
  attacker: z.string(),
  amount,
  trials: z.int(),
  rank1: z.number(),
  rank1Interval: interval,
  rank1Upper: z.number(),
  rank5: z.number(),
  rank1Balanced: z.number(),
  smallestShown: z.number(),
  auc: z.number(),
  aucInterval: interval,
  eer: z.number(),
  eerInterval: interval,
  tprAt001: z.number(),
})

export const riskReportSchema = z.object({
  v: z.literal(1),
  risk: z.string(),
  seed: z.int(),
  /** `quick`: without the slow attackers, and then nothing is shown. */
  effort: z.enum(['full', 'quick']),
  /** People who were attacked, and how many of the candidate's segments were drawn for it. */
  people: z.int().min(0),
  segments: z.int().min(0),
  drawn: z.int().min(0),
  chance: share,
  /** Every attacker, encoding and amount. */
  figures: z.array(figureSchema),
  /** How many releases there were before. */
  earlier: z.int().min(0),
  /** What a candidate joined with the earlier releases gives away; empty for the first release. */
  joined: z.array(figureSchema),
  /** The same on everything in scope, before caps and anonymity; people drawn anew, the fast attackers alone. */
  unprotected: z.array(figureSchema),
  controls: z.object({
    /** How often a planted habit was found, in times chance: the attackers see something here. */
    planted: z.number().nullable(),
    /** How often people were found who had been dealt by chance, in times chance: the protocol gives nothing away. */
    shuffled: z.number().nullable(),
  }),
  membership: z.object({ tprAt001: z.number(), auc: z.number(), trials: z.int() }).nullable(),
  attributes: z.array(z.object({ attribute: z.string(), accuracy: share, base: share })),
  /** Names that stand twice: two segments that could be linked by them. */
  repeatedNames: z.int().min(0),
  utility: z.object({
    /** Of models that were trained on the candidate, and on everything that was in scope. */
    released: z.object({ accuracy: share, majority: share, kindF1: share, tested: z.int() }).nullable(),
    inScope: z.object({ accuracy: share, majority: share, kindF1: share, tested: z.int() }).nullable(),
    /** Share of the actions in scope that are in the candidate. */
    kept: share,
  }),
})
export type RiskReport = z.infer<typeof riskReportSchema>
export type RiskFigure = RiskReport['figures'][number]
