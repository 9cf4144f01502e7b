/** A device that runs by itself: lease, source, pause, upload and what it tells the person. Agent and extension share it. */
import type { Clock } from '@fairtrace/core'
import type { Device } from './device.ts'
import type { DeviceState } from './device-state.ts'
import type { InputSource } from './source.ts'
import type { Timers } from './timers.ts'

export interface DeviceServiceOptions {
  readonly device: Device
  readonly source: InputSource
  readonly clock: Clock
  /** Milliseconds of a clock that nobody can turn back. */
  readonly monotonicMs?: () => number
  /** In [0, 1): spreads renewals, retries and uploads. */
  readonly random?: () => number
  readonly timers?: Timers
}

/** What the person has to hear although nobody asked. */
export type DeviceAlert =
  /** A passkey that no other one vouched for was added, and works from then on: time to remove it if it is somebody else's. */
  { readonly kind: 'passkey-added'; readonly worksFromMs: number }

export interface DeviceService {
  readonly state: DeviceState
  readonly alerts: readonly DeviceAlert[]
  /** @returns what ends it */
  onChange(listener: (state: DeviceState, alerts: readonly DeviceAlert[]) => void): () => void
  start(): Promise<void>
  /** Lets go of the source, writes what is pending, and ends every timer. The device stays open. */
  stop(): Promise<void>
  /** At once, without a network, and until `resume`, over restarts too. */
  pause(): Promise<void>
  /** @throws `SERVER_UNREACHABLE` where the portal holds the pause too; the pause then stays */
  resume(): Promise<void>
  /** Deletes what waits here first, then tells the portal. @returns the signed receipt */
  withdraw(): Promise<string>
  /** Looks again at once: after joining, consenting or enrolling through the device. */
  refresh(): Promise<void>
}
