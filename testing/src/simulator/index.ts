export { SIMULATED_APPS, type SimulatedApp } from './apps.ts'
export {
  ACTIONS_PER_BATCH,
  aDevice,
  aVaultKey,
  type ForgedBatchSettings,
  forgeBatch,
  forgePermit,
  randomId,
  someActions,
  type TestBatch,
  type TestDevice,
  type TestVaultKey,
} from './forged-batch.ts'
export { CONTENT_WORDS } from './layout.ts'
export { simulatedActions, simulatedShieldSettings } from './load.ts'
export { createParticipant, type SessionOptions, type SimulatedParticipant } from './participant.ts'
export type { Performed, Witness } from './performed.ts'
export { type KeyTime, type PointerSample, rawKeyTimes, rawPointerSamples, type SessionOf } from './raw-samples.ts'
export { type SoftwareAuthenticator, softwareAuthenticator } from './software-authenticator.ts'
export { SIMULATED_TASKS, type SimulatedTask } from './tasks.ts'
