/** What every storage of a device does: one suite, run on SQLite here and on IndexedDB in Chromium. */
import type { Action, BatchId, RecordingId } from '@fairtrace/core'
import type { DeviceStorage, RecordingStart } from '@fairtrace/device'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const HOUR_MS = 3_600_000
/** The clock of every storage of this suite. */
export const STORAGE_NOW_MS = 1_000_000

export interface StorageGround {
  /** Opens the storage of this test, which is empty at first. */
  open(options?: { readonly bytesMax?: number }): Promise<DeviceStorage>
  /** After each test, and after the storage was closed. */
  clear(): Promise<void>
}

export function aStart(overrides: Partial<RecordingStart> = {}): RecordingStart {
  return { lease: 'a.lease.jws', task: null, shield: '1', startedAtMs: 900_000, reviewMs: 24 * HOUR_MS, ...overrides }
}

export function clicks(count: number, label = 'Save'): Action[] {
  return Array.from({ length: count }, (_, i) => ({
    kind: 'click',
    button: 'left',
    count: 1,
    target: { role: 'button', label: `${label} ${i}`, box: [1, 2, 3, 4] },
  }))
}

export const stored = (name: string) => ({
  id: name.replaceAll(' ', '-').padEnd(43, '-') as BatchId,
  bytes: new TextEncoder().encode(`bytes of ${name}`),
  body: new TextEncoder().encode(`body of ${name}`),
})

export async function hold(storage: DeviceStorage, actions: readonly Action[] = clicks(3)): Promise<RecordingId> {
  const id = await storage.begin(aStart())
  await storage.append(id, actions)
  await storage.end(id, STORAGE_NOW_MS)
  return id
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

export function storageSuite(name: string, ground: StorageGround): void {
  describe(name, () => {
    let storage: DeviceStorage
    beforeEach(async () => {
      storage = await ground.open()
    })
    afterEach(async () => {
      await storage.close()
      await ground.clear()
    })

    const aHeldRecording = (actions?: readonly Action[]) => hold(storage, actions)
    async function reopen(options: { readonly bytesMax?: number } = {}): Promise<void> {
      await storage.close()
      storage = await ground.open(options)
    }

    it('refuses a second opening while the first lives', async () => {
      await expect(ground.open()).rejects.toMatchObject({ code: 'OUTBOX_IN_USE' })
    })

    it('refuses to begin and to append when it is full, keeps what it has, and takes more after a deletion', async () => {
      await reopen({ bytesMax: 20_000 })
      const id = await storage.begin(aStart(), clicks(50))
      await expect(storage.append(id, clicks(200))).rejects.toMatchObject({ code: 'OUTBOX_FULL' })
      await expect(storage.begin(aStart(), clicks(200))).rejects.toMatchObject({ code: 'OUTBOX_FULL' })
      await storage.end(id, STORAGE_NOW_MS)
      expect(await storage.list()).toMatchObject([{ id, actionCount: 50 }])
      expect(await storage.actions(id)).toHaveLength(50)
      await storage.deleteRecording(id)
      // As much as fits into an empty one, many times over: what went is counted as gone.
      for (let i = 0; i < 3; i++) await storage.deleteRecording(await hold(storage, clicks(100)))
    })

    it('refuses to append to, release or seal what it does not have', async () => {
      const id = 'x'.repeat(22) as RecordingId
      await expect(storage.append(id, clicks(1))).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await expect(storage.release([id])).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await expect(storage.seal(id, async () => [])).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await expect(storage.deleteRecording(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    })

    it('begins a recording under the id that it is given, and refuses one that it has', async () => {
      const id = 'honey'.padEnd(22, 'A') as RecordingId
      expect(await storage.begin(aStart(), clicks(2), id)).toBe(id)
      await expect(storage.begin(aStart(), clicks(3), id)).rejects.toThrow()
      await storage.end(id, STORAGE_NOW_MS)
      expect(await storage.list()).toMatchObject([{ id, actionCount: 2 }])
    })

    it('refuses to seal or release a recording that still grows', async () => {
      const id = await storage.begin(aStart())
      await storage.append(id, clicks(1))
      await expect(storage.release([id])).rejects.toMatchObject({ code: 'USAGE' })
      await expect(storage.seal(id, async () => [])).rejects.toMatchObject({ code: 'USAGE' })
    })

    it('holds a recording until its review period is over, unless it was released', async () => {
      const [kept, released] = [await aHeldRecording(), await aHeldRecording()]
      await storage.release([released])
      const dueAt = async (nowMs: number) => (await storage.due(nowMs)).map(({ id }) => id)
      expect(await dueAt(Number.NaN)).toEqual([released])
      expect(await dueAt(1_000_000 + 24 * HOUR_MS - 1)).toEqual([released])
      expect(await dueAt(1_000_000 + 24 * HOUR_MS)).toEqual([kept, released])
    })

    it('holds what an open recording has after a crash, and forgets one without actions', async () => {
      const id = await storage.begin(aStart())
      await storage.append(id, clicks(2))
      await storage.begin(aStart())
      await reopen()
      expect(await storage.list()).toMatchObject([{ id, state: 'held', endedAtMs: 1_000_000, actionCount: 2 }])
    })

    it('gives back the actions in the order in which they came', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 8 }), async (groups) => {
          const id = await storage.begin(aStart())
          const all: Action[] = []
          for (const [i, count] of groups.entries()) {
            const actions = clicks(count, `group ${i}`)
            all.push(...actions)
            await storage.append(id, actions)
          }
          expect(await storage.actions(id)).toEqual(all)
        }),
        { numRuns: 20 },
      )
    })

    it('makes two recordings of one whose middle was deleted, each saying its app', async () => {
      const actions: Action[] = [{ kind: 'switch', app: 'desktop:orders' }, ...clicks(4)]
      const id = await aHeldRecording(actions)
      await storage.deletePart(id, 2, 4)
      const waiting = await storage.list()
      expect(waiting).toHaveLength(2)
      expect(await Promise.all(waiting.map((recording) => storage.actions(recording.id)))).toEqual([
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
      await expect(storage.deletePart(id, from, to)).rejects.toMatchObject({ code: 'USAGE' })
      expect(await storage.actions(id)).toHaveLength(3)
    })

    it('seals in one step, numbers from 0 without a hole, and sends the same bytes until they are acknowledged', async () => {
      const [a, b] = [await aHeldRecording(), await aHeldRecording()]
      await storage.seal(a, async (first) => {
        expect(first).toBe(0)
        return [stored('one'), stored('two')]
      })
      await storage.seal(b, async (first) => {
        expect(first).toBe(2)
        return [stored('three')]
      })
      expect(await storage.list()).toEqual([])
      await reopen()
      const waiting = await storage.sealed(10)
      expect(waiting.map(({ sequence, bytes }) => [sequence, text(bytes)])).toEqual([
        [0, 'bytes of one'],
        [1, 'bytes of two'],
        [2, 'bytes of three'],
      ])
      await storage.acknowledge(stored('two').id)
      expect((await storage.sealed(10)).map(({ sequence }) => sequence)).toEqual([0, 2])
      expect((await storage.sealed(10, 0)).map(({ sequence }) => sequence)).toEqual([2])
    })

    it('keeps a recording, and its number, when sealing fails', async () => {
      const id = await aHeldRecording()
      await expect(storage.seal(id, () => Promise.reject(new Error('no key')))).rejects.toThrow('no key')
      expect(await storage.list()).toHaveLength(1)
      await storage.seal(id, async (first) => {
        expect(first).toBe(0)
        return [stored('one')]
      })
    })

    it('lets a deletion wait for a seal that is under way, so that no number is given to a deleted recording', async () => {
      const id = await aHeldRecording()
      const sealing = storage.seal(id, async () => [stored('one')])
      await expect(storage.deleteRecording(id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
      expect(await sealing).toBe(1)
    })

    it('seals a stored body again under the same number', async () => {
      await storage.seal(await aHeldRecording(), async () => [stored('one')])
      await storage.reseal(0, async (body) => {
        expect(text(body)).toBe('body of one')
        return stored('one again')
      })
      expect(await storage.sealed(10)).toMatchObject([{ sequence: 0, id: stored('one again').id }])
    })

    it('raises each mark alone and never lowers one', async () => {
      await storage.raiseHighestSeen({ epoch: 4, consentVersion: 2 })
      await storage.raiseHighestSeen({ epoch: 1, consentVersion: 3 })
      await reopen()
      expect(await storage.highestSeen()).toEqual({ epoch: 4, consentVersion: 3 })
    })

    it('narrows a held recording to what may stay, and forgets one of which nothing may', async () => {
      const [some, none, all] = [await aHeldRecording(clicks(4)), await aHeldRecording(), await aHeldRecording()]
      const growing = await storage.begin(aStart(), clicks(1))
      await expect(storage.narrow(growing, () => [])).rejects.toMatchObject({ code: 'USAGE' })
      expect(await storage.narrow(some, (actions) => actions.slice(1, 3))).toBe(2)
      expect(await storage.narrow(none, () => [])).toBe(3)
      expect(await storage.narrow(all, (actions) => actions)).toBe(0)
      await reopen()
      expect((await storage.list()).map(({ id, actionCount }) => [id, actionCount])).toEqual([
        [some, 2],
        [all, 3],
        [growing, 1],
      ])
      expect(await storage.actions(some)).toEqual(clicks(4).slice(1, 3))
    })

    it('says how a task ended, of a recording that shows one', async () => {
      const id = await storage.begin(aStart({ task: 'enter-order' }), clicks(1))
      await expect(storage.setOutcome(id, 'done')).rejects.toMatchObject({ code: 'USAGE' })
      await storage.end(id, STORAGE_NOW_MS)
      await storage.setOutcome(id, 'done')
      await expect(storage.setOutcome(await aHeldRecording(), 'done')).rejects.toMatchObject({ code: 'USAGE' })
      expect(await storage.list()).toMatchObject([{ id, task: 'enter-order', outcome: 'done' }, { outcome: null }])
    })

    it('keeps settings over a restart, and forgets one that is set to null', async () => {
      expect(await storage.readSetting('session')).toBeNull()
      await storage.writeSetting('session', { name: 'one', list: [1, null] })
      await storage.writeSetting('other', true)
      await storage.writeSetting('other', null)
      await reopen()
      expect(await storage.readSetting('session')).toEqual({ name: 'one', list: [1, null] })
      expect(await storage.readSetting('other')).toBeNull()
    })

    it('keeps the newest thousand notes, in order', async () => {
      const id = await storage.begin(aStart(), clicks(1))
      await storage.end(id, 5, 'lease-over')
      for (let i = 0; i < 1_001; i++) await storage.note({ atMs: i, reason: 'gap' })
      const notes = await storage.notes()
      expect(notes).toHaveLength(1_000)
      expect([notes[0]?.atMs, notes.at(-1)?.atMs]).toEqual([1, 1_000])
    })

    it('deletes everything at a withdrawal, but steps back neither in numbers nor in what it saw', async () => {
      await storage.begin(aStart(), clicks(1))
      await storage.seal(await aHeldRecording(), async () => [stored('one')])
      await storage.note({ atMs: 1, reason: 'gap' })
      await storage.raiseHighestSeen({ epoch: 4, consentVersion: 2 })
      await storage.deleteEverything()
      expect([await storage.list(), await storage.sealed(10), await storage.notes()]).toEqual([[], [], []])
      await storage.seal(await aHeldRecording(), async (first) => {
        expect(first).toBe(1)
        return [stored('two')]
      })
      expect(await storage.highestSeen()).toEqual({ epoch: 4, consentVersion: 2 })
    })
  })
}
