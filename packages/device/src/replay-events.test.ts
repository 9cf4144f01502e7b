import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InputEvent } from '@fairtrace/core'
import { afterAll, describe, expect, it } from 'vitest'
import { replayFile } from './replay/replay-file.ts'
import { openReplay } from './replay-events.ts'

const dir = mkdtempSync(join(tmpdir(), 'fairtrace-replay-events-'))
afterAll(() => rmSync(dir, { recursive: true }))

/** Long enough for several chunks. */
const path = join(dir, 'events.jsonl')
const line = (i: number) =>
  JSON.stringify({ time_stamp: i, action: 'click', x: i % 900, y: 5, button: 'left', pressed: i % 2 === 0 })
writeFileSync(path, Array.from({ length: 10_000 }, (_, i) => `${line(i)}\n`).join(''))

describe('openReplay', () => {
  it('refuses a file that is not there', async () => {
    const { events } = openReplay(join(dir, 'nothing'), 'ducktrack', {})
    await expect(events[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' })
  })

  it('gives exactly the events of the file, in order, to a reader however slow', async () => {
    const expected: InputEvent[] = []
    await replayFile(path, 'ducktrack', {}, (event) => void expected.push(event))
    const replay = openReplay(path, 'ducktrack', {})
    const got: InputEvent[] = []
    for await (const event of replay.events) {
      if (got.length % 1_000 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
      got.push(event)
    }
    expect(got).toEqual(expected)
    expect(replay.report()).toMatchObject({ lines: 10_000, end: 'whole' })
  })

  it('ends quietly with a reader that has had enough', async () => {
    const replay = openReplay(path, 'ducktrack', {})
    for await (const event of replay.events) {
      expect(event.kind).toBe('focus')
      break
    }
    expect(replay.report()).toBeNull()
  })
})
