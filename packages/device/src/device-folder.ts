/** The folder of one device on a desktop, and how a file in it is written so that a power cut leaves all of it or nothing. */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'

export interface DeviceFolder {
  readonly dir: string
  readonly outboxFile: string
  /** Whether something waits in it already, which only its own key opens. */
  readonly hasOutbox: boolean
}

/**
 * Makes the folder if there is none, for its owner alone.
 * @throws `DATA_DIR_UNUSABLE`
 */
export function prepareDeviceFolder(dir: string): DeviceFolder {
  const outboxFile = join(dir, 'outbox.sqlite')
  return inFolder(() => {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    return { dir, outboxFile, hasOutbox: existsSync(outboxFile) && statSync(outboxFile).size > 0 }
  })
}

/** @returns null where there is no such file @throws `DATA_DIR_UNUSABLE` */
export function readOwnFile({ dir }: DeviceFolder, name: string): Uint8Array | null {
  const file = join(dir, name)
  return inFolder(() => {
    if (!existsSync(file)) return null
    chmodSync(file, 0o600)
    return new Uint8Array(readFileSync(file))
  })
}

/**
 * Written beside, synced, linked: a power cut leaves nothing or the whole file, and of two processes that write one at the
 * same time the second finds the file of the first.
 * @throws `DATA_DIR_UNUSABLE`
 */
export function createOwnFile({ dir }: DeviceFolder, name: string, bytes: Uint8Array): void {
  const file = join(dir, name)
  const beside = `${file}.${process.pid}.new`
  inFolder(() => {
    const descriptor = openSync(beside, 'w', 0o600)
    try {
      writeSync(descriptor, bytes)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    try {
      linkSync(beside, file)
    } catch (cause) {
      if (!existsSync(file)) throw cause
      // Another process was first; its file is the file.
    } finally {
      rmSync(beside, { force: true })
    }
    syncFolder(dir)
  })
}

/** Overwritten before it goes, as far as the disk lets a program do that. @throws `DATA_DIR_UNUSABLE` */
export function removeOwnFile({ dir }: DeviceFolder, name: string): void {
  const file = join(dir, name)
  inFolder(() => {
    const descriptor = openSync(file, 'r+')
    try {
      writeSync(descriptor, new Uint8Array(statSync(file).size))
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    rmSync(file)
    syncFolder(dir)
  })
}

function syncFolder(dir: string): void {
  // Windows has no handle of a folder to sync; NTFS journals the change itself.
  if (process.platform === 'win32') return
  const folder = openSync(dir, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

function inFolder<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw new FairtraceError('DATA_DIR_UNUSABLE', 'the device folder cannot be used', { cause })
  }
}
