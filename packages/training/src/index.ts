/** Reference jobs that run inside a training room. */
export * from './accountant.ts'
export * from './baselines.ts'
export * from './membership.ts'
export * from './model.ts'
export * from './segments.ts'
export * from './train.ts'
