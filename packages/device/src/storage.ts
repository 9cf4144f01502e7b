/** Where a device keeps everything: what waits, and what it is. SQLite on a desktop, IndexedDB in a browser. */
import type { Outbox } from './outbox.ts'

/** Values of the device itself, such as its key and its pins; encrypted like everything else. */
export interface Settings {
  /** @returns null if there is no such value */
  readSetting(name: string): Promise<unknown>
  /** @param value JSON; null takes the value away. Durable when it returns. */
  writeSetting(name: string, value: unknown): Promise<void>
}

/** One suite of this interface runs on every implementation. */
export interface DeviceStorage extends Outbox, Settings {
  close(): Promise<void>
}
