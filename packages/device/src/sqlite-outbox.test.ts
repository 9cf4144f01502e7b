import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Action, BatchId, RecordingId } from '@fairtrace/core'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RecordingStart } from './outbox.ts'
import { openSqliteOutbox, type SqliteOutbox } from './sqlite-outbox.ts'

const HOUR_MS = 3_600_000
const MARKER = 'zebra-marker'
const clock = { nowMs: () => 1_000_000 }
const storageKey = new Uint8Array(32).fill(7)
let dir: string
let outbox: SqliteOutbox

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fairtrace-outbox-'))
  outbox = open()
})
afterEach(() => {
  outbox.close()
  rmSync(dir, { recursive: true })
})

function open(options: { bytesMax?: number; storageKey?: Uint8Array } = {}): SqliteOutbox {
  return openSqliteOutbox({ file: join(dir, 'outbox.sqlite'), storageKey, clock, ...options })
}

function reopen(options: { bytesMax?: number } = {}): SqliteOutbox {
  outbox.close()
  outbox = open(options)
  return outbox
}

function aStart(overrides: Partial<RecordingStart> = {}): RecordingStart {
  return { lease: 'a.lease.jws', task: null, shield: '1', startedAtMs: 900_000, reviewMs: 24 * HOUR_MS, ...overrides }
}

function clicks(count: number, label = 'Save'): Action[] {
  return Array.from({ length: count }, (_, i) => ({
    kind: 'click',
    button: 'left',
    count: 1,
    target: { role: 'button', label: `${label} ${i}`, box: [1, 2, 3, 4] },
  }))
}

async function aHeldRecording(actions: readonly Action[] = clicks(3)): Promise<RecordingId> {
  const id = await outbox.begin(aStart())
  await outbox.append(id, actions)
  await outbox.end(id, 1_000_000)
  return id
}

/** Every byte of every file of the outbox. */
function bytesOnDisk(): string {
  return readdirSync(dir)
    .map((name) => readFileSync(join(dir, name)).toString('latin1'))
    .join('')
}

const stored = (name: string) => ({
  id: name.replaceAll(' ', '-').padEnd(43, '-') as BatchId,
  bytes: Buffer.from(`bytes of ${name}`),
  body: Buffer.from(`body of ${name}`),
})

describe('the outbox of a desktop', () => {
  it('refuses a second opening while the first lives', () => {
    expect(() => open()).toThrow(expect.objectContaining({ code: 'OUTBOX_IN_USE' }))
  })

  it('refuses another key, and leaves what is there as it was', async () => {
    await aHeldRecording()
    outbox.close()
    expect(() => open({ storageKey: new Uint8Array(32) })).toThrow(expect.objectContaining({ code: 'OUTBOX_CORRUPT' }))
    outbox = open()
    expect(await outbox.list()).toHaveLength(1)
  })

  it('refuses to append when it is full, keeps what it has, and takes more after a deletion', async () => {
    reopen({ bytesMax: 20_000 })
    const id = await outbox.begin(aStart())
    await outbox.append(id, clicks(50))
    await expect(outbox.append(id, clicks(200))).rejects.toMatchObject({ code: 'OUTBOX_FULL' })
    await outbox.end(id, 1_000_000)
    expect(await outbox.actions(id)).toHaveLength(50)
    await outbox.deleteRecording(id)
    expect(outbox.bytesUsed).toBe(0)
  })

  it('refuses to append to, release or seal what it does not have', async () => {
    const id = 'x'.repeat(22) as RecordingId
    await expect(outbox.append(id, clicks(1))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(outbox.release([id])).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(outbox.seal(id, async () => [])).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(outbox.deleteRecording(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('refuses to seal or release a recording that still grows', async () => {
    const id = await outbox.begin(aStart())
    await outbox.append(id, clicks(1))
    await expect(outbox.release([id])).rejects.toMatchObject({ code: 'USAGE' })
    await expect(outbox.seal(id, async () => [])).rejects.toMatchObject({ code: 'USAGE' })
  })

  it('writes nothing that can be read: no label, no task, no lease', async () => {
    const id = await outbox.begin(aStart({ task: MARKER, lease: MARKER }))
    await outbox.append(id, clicks(20, MARKER))
    await outbox.note({ atMs: 1, reason: MARKER })
    await outbox.end(id, 1_000_000)
    await outbox.seal(id, async () => [stored(MARKER)].map((batch) => ({ ...batch, id: 'i'.repeat(43) as BatchId })))
    await outbox.writeSetting('session', MARKER)
    expect(bytesOnDisk()).not.toContain(MARKER)
    outbox.close()
    expect(bytesOnDisk()).not.toContain(MARKER)
    outbox = open()
    expect(await outbox.readSetting('session')).toBe(MARKER)
  })

  it('does not open a value that was moved to another row', async () => {
    const [a, b] = [await aHeldRecording(clicks(1)), await aHeldRecording(clicks(2))]
    outbox.close()
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
    const id = await aHeldRecording(clicks(500))
    expect(bytesOnDisk()).toContain(id)
    await outbox.deleteRecording(id)
    expect(bytesOnDisk()).not.toContain(id)
  })

  it('holds a recording until its review period is over, unless it was released', async () => {
    const [kept, released] = [await aHeldRecording(), await aHeldRecording()]
    await outbox.release([released])
    const dueAt = async (nowMs: number) => (await outbox.due(nowMs)).map(({ id }) => id)
    expect(await dueAt(Number.NaN)).toEqual([released])
    expect(await dueAt(1_000_000 + 24 * HOUR_MS - 1)).toEqual([released])
    expect(await dueAt(1_000_000 + 24 * HOUR_MS)).toEqual([kept, released])
  })

  it('holds what an open recording has after a crash, and forgets one without actions', async () => {
    const id = await outbox.begin(aStart())
    await outbox.append(id, clicks(2))
    await outbox.begin(aStart())
    reopen()
    expect(await outbox.list()).toMatchObject([{ id, state: 'held', endedAtMs: 1_000_000, actionCount: 2 }])
  })

  it('gives back the actions in the order in which they came', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 8 }), async (groups) => {
        const id = await outbox.begin(aStart())
        const all: Action[] = []
        for (const [i, count] of groups.entries()) {
          const actions = clicks(count, `group ${i}`)
          all.push(...actions)
          await outbox.append(id, actions)
        }
        expect(await outbox.actions(id)).toEqual(all)
      }),
      { numRuns: 20 },
    )
  })

  it('makes two recordings of one whose middle was deleted, each saying its app', async () => {
    const actions: Action[] = [{ kind: 'switch', app: 'desktop:orders' }, ...clicks(4)]
    const id = await aHeldRecording(actions)
    await outbox.deletePart(id, 2, 4)
    const waiting = await outbox.list()
    expect(waiting).toHaveLength(2)
    expect(await Promise.all(waiting.map((recording) => outbox.actions(recording.id)))).toEqual([
      actions.slice(0, 2),
      [{ kind: 'switch', app: 'desktop:orders' }, ...actions.slice(4)],
    ])
  })

  it.each([
    ['an empty part', 1, 1],
    ['a part past the end', 0, 4],
    ['a part that is no whole number', 0, 1.5],
  ])('refuses to delete %s', async (_what, from, to) => {
    const id = await aHeldRecording(clicks(3))
    await expect(outbox.deletePart(id, from, to)).rejects.toMatchObject({ code: 'USAGE' })
    expect(await outbox.actions(id)).toHaveLength(3)
  })

  it('seals in one step, numbers from 0 without a hole, and sends the same bytes until they are acknowledged', async () => {
    const [a, b] = [await aHeldRecording(), await aHeldRecording()]
    await outbox.seal(a, async (first) => {
      expect(first).toBe(0)
      return [stored('one'), stored('two')]
    })
    await outbox.seal(b, async (first) => {
      expect(first).toBe(2)
      return [stored('three')]
    })
    expect(await outbox.list()).toEqual([])
    reopen()
    const waiting = await outbox.sealed(10)
    expect(waiting.map(({ sequence, bytes }) => [sequence, Buffer.from(bytes).toString()])).toEqual([
      [0, 'bytes of one'],
      [1, 'bytes of two'],
      [2, 'bytes of three'],
    ])
    await outbox.acknowledge(stored('two').id)
    expect((await outbox.sealed(10)).map(({ sequence }) => sequence)).toEqual([0, 2])
    expect((await outbox.sealed(10, 0)).map(({ sequence }) => sequence)).toEqual([2])
  })

  it('counts what waits as it is, whatever happened', async () => {
    const ids = [await aHeldRecording(), await aHeldRecording(clicks(9)), await aHeldRecording()]
    await outbox.seal(ids[1] ?? ids[0] ?? ('' as RecordingId), async () => [stored('one'), stored('two')])
    await outbox.acknowledge(stored('one').id)
    await outbox.acknowledge(stored('one').id)
    const counted = outbox.bytesUsed
    expect(counted).toBeGreaterThan(0)
    expect(reopen().bytesUsed).toBe(counted)
  })

  it('keeps a recording, and its number, when sealing fails', async () => {
    const id = await aHeldRecording()
    await expect(outbox.seal(id, () => Promise.reject(new Error('no key')))).rejects.toThrow('no key')
    expect(await outbox.list()).toHaveLength(1)
    await outbox.seal(id, async (first) => {
      expect(first).toBe(0)
      return [stored('one')]
    })
  })

  it('lets a deletion wait for a seal that is under way, so that no number is given to a deleted recording', async () => {
    const id = await aHeldRecording()
    const sealing = outbox.seal(id, async () => [stored('one')])
    await expect(outbox.deleteRecording(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await sealing).toBe(1)
  })

  it('seals a stored body again under the same number', async () => {
    await outbox.seal(await aHeldRecording(), async () => [stored('one')])
    await outbox.reseal(0, async (body) => {
      expect(Buffer.from(body).toString()).toBe('body of one')
      return stored('one again')
    })
    expect(await outbox.sealed(10)).toMatchObject([{ sequence: 0, id: stored('one again').id }])
  })

  it('deletes everything at a withdrawal, but steps back neither in numbers nor in what it saw', async () => {
    const id = await outbox.begin(aStart())
    await outbox.append(id, clicks(1))
    await outbox.seal(await aHeldRecording(), async () => [stored('one')])
    await outbox.note({ atMs: 1, reason: 'gap' })
    await outbox.raiseHighestSeen({ epoch: 4, consentVersion: 2 })
    await outbox.deleteEverything()
    expect([await outbox.list(), await outbox.sealed(10), await outbox.notes()]).toEqual([[], [], []])
    expect(bytesOnDisk()).not.toContain(id)
    await outbox.seal(await aHeldRecording(), async (first) => {
      expect(first).toBe(1)
      return [stored('two')]
    })
    expect(await outbox.highestSeen()).toEqual({ epoch: 4, consentVersion: 2 })
  })

  it('raises each mark alone and never lowers one', async () => {
    await outbox.raiseHighestSeen({ epoch: 4, consentVersion: 2 })
    await outbox.raiseHighestSeen({ epoch: 1, consentVersion: 3 })
    reopen()
    expect(await outbox.highestSeen()).toEqual({ epoch: 4, consentVersion: 3 })
  })
})
