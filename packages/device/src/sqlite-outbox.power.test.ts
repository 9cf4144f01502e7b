/**
 * A power cut: the files as they stood at some moment, and of what was written since the last sync any part, or nothing.
 *
 * A copy of the files between two writes is the disk after a cut; cutting the end of the log, or spoiling it, is a cut in the
 * middle of a write.
 */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RecordingId } from '@fairtrace/core'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { aStart, clicks, STORAGE_NOW_MS, stored } from '../../../tests/storage-suite.ts'
import { openSqliteOutbox } from './sqlite-outbox.ts'

const clock = { nowMs: () => STORAGE_NOW_MS }
const storageKey = new Uint8Array(32).fill(7)
let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fairtrace-power-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const open = (name: string) => openSqliteOutbox({ file: join(dir, name), storageKey, clock })

function copyFiles(from: string, to: string): void {
  for (const end of ['', '-wal']) {
    if (existsSync(join(dir, `${from}${end}`))) copyFileSync(join(dir, `${from}${end}`), join(dir, `${to}${end}`))
  }
}

describe('the outbox after a power cut', () => {
  it('has everything that was acknowledged, at every moment between two writes', async () => {
    const outbox = open('live')
    const id = await outbox.begin(aStart(), clicks(1))
    for (let written = 1; written <= 12; written++) {
      copyFiles('live', `cut-${written}`)
      const cut = open(`cut-${written}`)
      expect(await cut.list()).toMatchObject([{ id, state: 'held', actionCount: written }])
      await cut.close()
      await outbox.append(id, clicks(1))
    }
    await outbox.end(id, STORAGE_NOW_MS)
    await outbox.seal(id, async () => [stored('one')])
    copyFiles('live', 'sealed')
    await outbox.deleteEverything()
    copyFiles('live', 'deleted')
    await outbox.close()
    const sealed = open('sealed')
    expect([await sealed.list(), (await sealed.sealed(9)).length]).toEqual([[], 1])
    await sealed.close()
    const deleted = open('deleted')
    expect([await deleted.list(), await deleted.sealed(9)]).toEqual([[], []])
    await deleted.close()
  })

  it('has a prefix of what was written, wherever in its log the cut falls', async () => {
    const outbox = open('live')
    const ids: RecordingId[] = []
    for (let i = 0; i < 6; i++) ids.push(await outbox.begin(aStart(), clicks(3, `recording ${i}`)))
    copyFiles('live', 'whole')
    await outbox.close()
    const log = readFileSync(join(dir, 'whole-wal'))
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), async (share, isSpoilt) => {
        const name = `cut-${run++}`
        const at = Math.floor(share * log.length)
        copyFiles('whole', name)
        const torn = isSpoilt
          ? Buffer.concat([log.subarray(0, at), Buffer.alloc(log.length - at, 0xa5)])
          : log.subarray(0, at)
        writeFileSync(join(dir, `${name}-wal`), torn)
        const cut = open(name)
        const waiting = (await cut.list()).map(({ id }) => id)
        expect(waiting).toEqual(ids.slice(0, waiting.length))
        for (const id of waiting) expect(await cut.actions(id)).toHaveLength(3)
        await cut.close()
      }),
      { numRuns: 30 },
    )
  })
})
