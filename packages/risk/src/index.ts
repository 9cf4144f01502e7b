export * from './attacker.ts'
export * from './folds.ts'
export * from './intervals.ts'
export * from './metrics.ts'
export * from './random.ts'

/** Named in every report: figures of two versions are not compared. */
export const RISK_VERSION = '1'
export * from './assess.ts'
export { type FusedModel, fitFused } from './attackers/fusion.ts'
export { ATTACKERS } from './attackers/index.ts'
export * from './recordings/encode.ts'
export * from './recordings/protection.ts'
export { RECORDING_FORMATS, type RecordingFormat } from './recordings/rows.ts'
