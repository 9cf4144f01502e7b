/** A device on a desktop: a folder, the key that opens it, and the outbox in SQLite. */
import { type Device, type DeviceOptions, restoreDevice } from './device.ts'
import { prepareDeviceFolder } from './device-folder.ts'
import type { Keyring } from './keyring.ts'
import { openSqliteOutbox } from './sqlite-outbox.ts'
import type { DeviceStorage } from './storage.ts'
import { openStorageKey } from './storage-key.ts'

export interface OpenDeviceOptions extends DeviceOptions {
  /** Where the key is kept that opens the folder; a file of its owner alone where there is none. */
  readonly keyring?: Keyring | null
  /** Bytes that may wait before capture stops. */
  readonly outboxBytesMax?: number
  /** Stands between capture and the outbox, for people who are made up. */
  readonly between?: (outbox: DeviceStorage) => DeviceStorage
}

/**
 * Opens the folder of a device, alone, or creates it.
 * @throws `OUTBOX_IN_USE`, `OUTBOX_CORRUPT`, `DATA_DIR_UNUSABLE`, `KEYRING_UNAVAILABLE`
 */
export async function openDevice(dir: string, options: OpenDeviceOptions): Promise<Device> {
  const folder = prepareDeviceFolder(dir)
  const outbox = openSqliteOutbox({
    file: folder.outboxFile,
    storageKey: await openStorageKey(folder, options.keyring ?? null),
    clock: options.clock,
    ...(options.outboxBytesMax === undefined ? {} : { bytesMax: options.outboxBytesMax }),
  })
  try {
    return await restoreDevice(options.between?.(outbox) ?? outbox, options)
  } catch (cause) {
    await outbox.close()
    throw cause
  }
}
