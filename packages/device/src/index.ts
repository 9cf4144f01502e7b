/** What runs on a desktop: everything that is portable, the folder of a device, and the replay of recordings. */
export * from './keyring.ts'
export * from './open-device.ts'
export * from './portable.ts'
export { REPLAY_FORMATS, type ReplayFormat, type ReplayOptions } from './replay/format.ts'
export type { Problem, ProblemReason } from './replay/problems.ts'
export * from './replay/replay-file.ts'
export * from './replay-events.ts'
export * from './sqlite-outbox.ts'
