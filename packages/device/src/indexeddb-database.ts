/**
 * The IndexedDB database of a device in a browser: stores, one opener at a time, durable transactions.
 *
 * Readable in it is what ordering and bounding need: random ids, states, positions, counts and sizes. The rest are encrypted
 * values. The key lies beside them as a `CryptoKey` that no script can read out; who copies the whole browser profile copies it
 * too, so it protects against other scripts and copied values, not against a stolen machine.
 */
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB, type StoreNames } from 'idb'
import { createStorageKey } from './browser-values.ts'
import type { WaitingRecording } from './outbox.ts'

export interface StoredRecording {
  readonly id: string
  /** Order among the recordings. */
  readonly position: number
  readonly state: WaitingRecording['state']
  readonly info: Uint8Array
  readonly actions: number
  readonly chunks: number
  /** Of `info` and all chunks. */
  readonly bytes: number
}

interface StoredBatch {
  readonly sequence: number
  readonly id: string
  readonly bytes: Uint8Array
  readonly body: Uint8Array
}

interface DeviceSchema extends DBSchema {
  key: { key: 'key'; value: CryptoKey }
  /** Plain bookkeeping: how many bytes wait. */
  bytes: { key: 'bytes'; value: number }
  meta: { key: string; value: Uint8Array }
  recordings: { key: string; value: StoredRecording; indexes: { position: number } }
  chunks: { key: [string, number]; value: Uint8Array }
  batches: { key: number; value: StoredBatch; indexes: { id: string } }
  notes: { key: number; value: Uint8Array }
}

export type DeviceDatabase = IDBPDatabase<DeviceSchema>
export type Change = IDBPTransaction<DeviceSchema, StoreNames<DeviceSchema>[], 'readwrite'>

export interface OpenDatabase {
  readonly database: DeviceDatabase
  readonly key: CryptoKey
  close(): Promise<void>
}

/** @throws `OUTBOX_IN_USE` while another page or worker of this origin holds it, `OUTBOX_CORRUPT` */
export async function openDeviceDatabase(name: string): Promise<OpenDatabase> {
  const release = await holdAlone(name)
  try {
    const database = await openDB<DeviceSchema>(name, 1, {
      upgrade(made) {
        for (const store of ['key', 'bytes', 'meta', 'chunks'] as const) made.createObjectStore(store)
        made.createObjectStore('recordings', { keyPath: 'id' }).createIndex('position', 'position', { unique: true })
        made.createObjectStore('batches', { keyPath: 'sequence' }).createIndex('id', 'id', { unique: true })
        made.createObjectStore('notes', { autoIncrement: true })
      },
    })
    const close = async () => {
      database.close()
      await release()
    }
    return { database, key: await openKey(database), close }
  } catch (cause) {
    await release()
    throw storageError(cause)
  }
}

/**
 * Runs `work` in one durable transaction: all of it or nothing. It awaits only what it asks of this transaction, because
 * IndexedDB ends a transaction that is left alone.
 * @throws `DISK_FULL`, `OUTBOX_CORRUPT`, and what `work` throws of ours
 */
export async function change<T>(database: DeviceDatabase, work: (change: Change) => Promise<T>): Promise<T> {
  const transaction = database.transaction([...database.objectStoreNames], 'readwrite', { durability: 'strict' })
  const working = work(transaction).catch((cause: unknown) => {
    abort(transaction)
    throw cause
  })
  const [worked, done] = await Promise.allSettled([working, transaction.done])
  if (worked.status === 'rejected') throw storageError(worked.reason)
  if (done.status === 'rejected') throw storageError(done.reason)
  return worked.value
}

function abort(transaction: Change): void {
  try {
    transaction.abort()
  } catch {
    // It ended by itself already, with the failure that is on its way to the caller.
  }
}

async function openKey(database: DeviceDatabase): Promise<CryptoKey> {
  const kept = await database.get('key', 'key')
  if (kept !== undefined) return kept
  if ((await database.count('meta')) > 0) {
    throw new FairtraceError('OUTBOX_CORRUPT', 'the outbox is there, its key is not')
  }
  const made = await createStorageKey()
  await change(database, (at) => at.objectStore('key').put(made, 'key'))
  return made
}

/** The lock goes with whoever holds it, however that ends. @returns what gives it back */
function holdAlone(name: string): Promise<() => Promise<void>> {
  const { promise: opened, resolve: open, reject } = Promise.withResolvers<() => Promise<void>>()
  const { promise: closed, resolve: close } = Promise.withResolvers<void>()
  const held = navigator.locks.request(`fairtrace ${name}`, { ifAvailable: true }, async (lock) => {
    if (lock === null) throw new FairtraceError('OUTBOX_IN_USE', 'another page or worker holds this outbox')
    open(async () => {
      close()
      await held
    })
    await closed
  })
  held.catch(reject)
  return opened
}

function storageError(cause: unknown): unknown {
  if (isFairtraceError(cause)) return cause
  if (!(cause instanceof DOMException)) return cause
  if (cause.name === 'QuotaExceededError') {
    return new FairtraceError('DISK_FULL', 'the browser gives the outbox no more room', { cause })
  }
  return new FairtraceError('OUTBOX_CORRUPT', `IndexedDB says ${cause.name}`, { cause })
}
