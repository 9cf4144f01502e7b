export * from './attacker.ts'
export * from './folds.ts'
export * from './intervals.ts'
export * from './metrics.ts'
export * from './random.ts'

/** Named in every report: figures of two versions are not compared. */
export const RISK_VERSION = '1'
