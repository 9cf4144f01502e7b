import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BatchId, RecordingId } from '@fairtrace/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { aStart, clicks, hold, STORAGE_NOW_MS, storageSuite, stored } from '../../../tests/storage-suite.ts'
import { openSqliteOutbox, type SqliteOutbox } from './sqlite-outbox.ts'

const MARKER = 'zebra-marker'
const clock = { nowMs: () => STORAGE_NOW_MS }
const storageKey = new Uint8Array(32).fill(7)
let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fairtrace-outbox-'))
})
const clear = () => rmSync(dir, { recursive: true })

function open(options: { readonly bytesMax?: number; readonly storageKey?: Uint8Array } = {}): SqliteOutbox {
  return openSqliteOutbox({ file: join(dir, 'outbox.sqlite'), storageKey, clock, ...options })
}

/** Every byte of every file of the outbox. */
function bytesOnDisk(): string {
  return readdirSync(dir)
    .map((name) => readFileSync(join(dir, name)).toString('latin1'))
    .join('')
}

storageSuite('the storage of a desktop', { open: async (options) => open(options), clear: async () => clear() })

describe('the outbox of a desktop', () => {
  let outbox: SqliteOutbox
  beforeEach(() => {
    outbox = open()
  })
  afterEach(async () => {
    await outbox.close()
    clear()
  })

  it('refuses another key, and leaves what is there as it was', async () => {
    await hold(outbox)
    await outbox.close()
    expect(() => open({ storageKey: new Uint8Array(32) })).toThrow(expect.objectContaining({ code: 'OUTBOX_CORRUPT' }))
    outbox = open()
    expect(await outbox.list()).toHaveLength(1)
  })

  it('writes nothing that can be read: no label, no task, no lease', async () => {
    const id = await outbox.begin(aStart({ task: MARKER, lease: MARKER }))
    await outbox.append(id, clicks(20, MARKER))
    await outbox.note({ atMs: 1, reason: MARKER })
    await outbox.end(id, 1_000_000)
    await outbox.seal(id, async () => [stored(MARKER)].map((batch) => ({ ...batch, id: 'i'.repeat(43) as BatchId })))
    await outbox.writeSetting('session', MARKER)
    expect(bytesOnDisk()).not.toContain(MARKER)
    await outbox.close()
    expect(bytesOnDisk()).not.toContain(MARKER)
    outbox = open()
    expect(await outbox.readSetting('session')).toBe(MARKER)
  })

  it('does not open a value that was moved to another row', async () => {
    const [a, b] = [await hold(outbox, clicks(1)), await hold(outbox, clicks(2))]
    await outbox.close()
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(join(dir, 'outbox.sqlite'))
    database
      .prepare('update chunks set value = (select value from chunks where recording = ?) where recording = ?')
      .run(a, b)
    database.close()
    outbox = open()
    await expect(outbox.actions(b)).rejects.toMatchObject({ code: 'OUTBOX_CORRUPT' })
  })

  it('leaves no trace of a deleted recording in its files', async () => {
    const id = await hold(outbox, clicks(500))
    expect(bytesOnDisk()).toContain(id)
    await outbox.deleteRecording(id)
    expect(bytesOnDisk()).not.toContain(id)
  })

  it('counts what waits as it is, whatever happened', async () => {
    const ids = [await hold(outbox), await hold(outbox, clicks(9)), await hold(outbox)]
    await outbox.seal(ids[1] ?? ids[0] ?? ('' as RecordingId), async () => [stored('one'), stored('two')])
    await outbox.acknowledge(stored('one').id)
    await outbox.acknowledge(stored('one').id)
    const counted = outbox.bytesUsed
    expect(counted).toBeGreaterThan(0)
    await outbox.close()
    outbox = open()
    expect(outbox.bytesUsed).toBe(counted)
  })

  it('leaves no trace of what was withdrawn, narrowed away, acknowledged or replaced', async () => {
    const [whole, part] = [await hold(outbox, clicks(50)), await hold(outbox, clicks(60))]
    await outbox.seal(await hold(outbox), async () => [stored('one')])
    const rows = () => {
      const bytes = bytesOnDisk()
      return [whole, part, stored('one').id].map((id) => bytes.includes(id))
    }
    expect(rows()).toEqual([true, true, true])
    await outbox.narrow(part, () => [])
    await outbox.acknowledge(stored('one').id)
    await outbox.deleteEverything()
    expect(rows()).toEqual([false, false, false])
  })
})
