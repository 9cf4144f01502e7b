import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { InputEvent } from '@fairtrace/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ReplayFormat, ReplayOptions } from './format.ts'
import type { Problem } from './problems.ts'
import { type ReplayReport, replayBytes, replayFile } from './replay-file.ts'

interface Replayed {
  readonly report: ReplayReport
  readonly events: readonly InputEvent[]
  readonly lines: readonly number[]
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

async function replay(
  input: string | Uint8Array,
  format: ReplayFormat = 'ducktrack',
  options: ReplayOptions = {},
  chunkBytes = 1_000,
): Promise<Replayed> {
  const bytes = typeof input === 'string' ? Buffer.from(input) : input
  const events: InputEvent[] = []
  const lines: number[] = []
  const report = await replayBytes(inChunks(bytes, chunkBytes), format, options, (event, line) => {
    events.push(event)
    lines.push(line)
  })
  return { report, events, lines }
}

const move = (time: number, x: unknown = 1.5) => JSON.stringify({ time_stamp: time, action: 'move', x, y: 2 })
const click = (time: number, pressed: boolean, x = 1) =>
  JSON.stringify({ time_stamp: time, action: 'click', x, y: 2, button: 'left', pressed })
const press = (time: number, name: string, action = 'press') => JSON.stringify({ time_stamp: time, action, name })
const kinds = (events: readonly InputEvent[]) => events.map((event) => event.kind)

describe('replaying bad input', () => {
  it.each<[string, string, Problem[], number]>([
    ['an empty file', '', [{ reason: 'empty', count: 1, firstLines: [1] }], 0],
    [
      'lines that are not JSON',
      `${move(1)}\noops\n${move(2)}\n{"a":\n`,
      [{ reason: 'not-json', count: 2, firstLines: [2, 4] }],
      2,
    ],
    [
      'JSON that is no event',
      `3\nnull\n[]\n${move(1)}`,
      [{ reason: 'not-an-event', count: 3, firstLines: [1, 2, 3] }],
      1,
    ],
    [
      'coordinates that are NaN, infinite, missing or text',
      `{"time_stamp": 1, "action": "move", "x": NaN, "y": 1}\n{"time_stamp": 1, "action": "scroll", "x": 1, "y": 1, "dx": 0, "dy": -Infinity}\n${move(1, 'left')}\n${JSON.stringify({ time_stamp: 1, action: 'click', pressed: true, button: 'left' })}\n${move(1)}`,
      [{ reason: 'coordinates-missing', count: 4, firstLines: [1, 2, 3, 4] }],
      1,
    ],
    [
      'a time that is missing',
      `{"action":"move","x":1,"y":1}\n${move(1)}`,
      [{ reason: 'time-missing', count: 1, firstLines: [1] }],
      1,
    ],
    [
      'time that goes backwards, which is kept',
      `${move(5)}\n${move(4)}\n${move(6)}`,
      [{ reason: 'time-backwards', count: 1, firstLines: [2] }],
      3,
    ],
    [
      'actions, buttons and keys that nobody knows',
      `${JSON.stringify({ time_stamp: 1, action: 'wave' })}\n${JSON.stringify({ time_stamp: 1, action: 'click', x: 1, y: 1, button: 'x1', pressed: true })}\n${press(1, 'hyper')}\n${press(1, 'a')}`,
      [
        { reason: 'action-unknown', count: 1, firstLines: [1] },
        { reason: 'button-unknown', count: 1, firstLines: [2] },
        { reason: 'key-unknown', count: 1, firstLines: [3] },
      ],
      1,
    ],
    [
      'other fields that are missing',
      `${JSON.stringify({ time_stamp: 1, action: 'click', x: 1, y: 1, button: 'left' })}\n${JSON.stringify({ time_stamp: 1, action: 'press' })}`,
      [{ reason: 'field-missing', count: 2, firstLines: [1, 2] }],
      0,
    ],
  ])('counts %s by line, and goes on', async (_what, input, problems, inputs) => {
    const { report, events } = await replay(input)
    expect(report.problems).toEqual(problems)
    expect(events.filter((event) => event.kind !== 'focus')).toHaveLength(inputs)
    expect(report.end).toBe('whole')
  })

  it('names the first lines of a problem, not all of them', async () => {
    const { report } = await replay('x\n'.repeat(1_000))
    expect(report.problems).toEqual([{ reason: 'not-json', count: 1_000, firstLines: [1, 2, 3, 4, 5] }])
    expect(report.lines).toBe(1_000)
  })

  it('skips a line of 50 MB without holding it', async () => {
    async function* huge(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(`${move(1)}\n`)
      const part = Buffer.alloc(65_536, 'x')
      for (let bytes = 0; bytes < 50_000_000; bytes += part.length) yield part
      yield Buffer.from(`\n${move(2)}`)
    }
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    const lines: number[] = []
    const watched = async function* () {
      for await (const chunk of huge()) {
        most = Math.max(most, process.memoryUsage().arrayBuffers - before)
        yield chunk
      }
    }
    const report = await replayBytes(watched(), 'ducktrack', {}, (event, line) => {
      if (event.kind === 'move') lines.push(line)
    })
    expect(report.problems).toEqual([{ reason: 'line-too-long', count: 1, firstLines: [2] }])
    expect(lines).toEqual([1, 3])
    expect(most).toBeLessThan(10_000_000)
  })

  it('skips a long line wherever the chunks end', async () => {
    const input = `${move(1)}\n${'y'.repeat(70_000)}\n${move(2)}\n`
    for (const chunkBytes of [100, 65_536, 65_537, 1_000_000]) {
      const { report, lines } = await replay(input, 'ducktrack', {}, chunkBytes)
      expect(report.problems).toEqual([{ reason: 'line-too-long', count: 1, firstLines: [2] }])
      expect(lines).toEqual([1, 1, 3])
    }
  })

  it('delivers everything that a truncated gzip holds, then says so', async () => {
    const whole = Array.from({ length: 20_000 }, (_, i) => move(i)).join('\n')
    const packed = gzipSync(whole)
    const { report, events } = await replay(packed.subarray(0, packed.length - 6), 'ducktrack', {}, 5_000)
    expect(report.end).toBe('truncated')
    expect(events.length).toBeGreaterThanOrEqual(20_000)
    const half = await replay(packed.subarray(0, packed.length >> 1), 'ducktrack', {}, 5_000)
    expect(half.report.end).toBe('truncated')
    expect(half.events.length).toBeGreaterThan(1_000)
    expect(half.report.problems).toEqual([{ reason: 'truncated', count: 1, firstLines: [half.report.lines + 1] }])
  })

  it('says that a damaged gzip is damaged', async () => {
    const packed = gzipSync(Array.from({ length: 5_000 }, (_, i) => move(i * Math.PI)).join('\n'))
    const bytes = Buffer.concat([packed.subarray(0, 2_000), Buffer.alloc(500, 0xff), packed.subarray(2_500)])
    expect((await replay(bytes)).report.end).toBe('damaged')
  })

  it('refuses a file that is not there, with a code', async () => {
    await expect(replayFile('/nowhere/at/all', 'ducktrack', {}, () => undefined)).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
    })
  })

  it('never throws on bytes of any kind', async () => {
    const formats = fc.constantFrom<ReplayFormat>('ducktrack', 'opencua', 'sapimouse', 'keystrokes')
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 500 }),
        formats,
        fc.integer({ min: 1, max: 100 }),
        async (bytes, format, chunk) => {
          const { report } = await replay(bytes, format, {}, chunk)
          expect(report.lines).toBeGreaterThanOrEqual(0)
        },
      ),
    )
  })
})

describe('replaying DuckTrack and OpenCUA', () => {
  it('gives the same events from plain and gzip bytes, however they are cut', async () => {
    const input = [move(1), click(1.1, true), click(1.2, false), press(2, 'é'), press(2.1, 'é', 'release')].join('\n')
    const { events, lines } = await replay(input)
    expect(kinds(events)).toEqual(['focus', 'move', 'button', 'button', 'key', 'key'])
    expect(lines).toEqual([1, 1, 2, 3, 4, 5])
    for (const chunkBytes of [1, 2, 7]) {
      expect((await replay(input, 'ducktrack', {}, chunkBytes)).events).toEqual(events)
      expect((await replay(gzipSync(input), 'ducktrack', {}, chunkBytes)).events).toEqual(events)
    }
  })

  it('reads a movement line alike on the short way and on the long one', async () => {
    const number = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.constantFrom('007', '1.', '1e3', 'NaN', '"1"'))
    await fc.assert(
      fc.asyncProperty(number, number, number, async (time, x, y) => {
        const short = `{"time_stamp": ${time}, "action": "move", "x": ${x}, "y": ${y}}`
        const long = `{"time_stamp":  ${time}, "action": "move", "x": ${x}, "y": ${y}}`
        const [a, b] = [await replay(short), await replay(long)]
        expect(a.events).toEqual(b.events)
        expect(a.report.problems).toEqual(b.report.problems)
      }),
    )
  })

  it('counts clicks as the system would, and starts again when time goes backwards', async () => {
    const at = (time: number, x?: number) => [click(time, true, x), click(time + 0.05, false, x)]
    const input = [...at(1), ...at(1.3), ...at(1.6), ...at(2.5), ...at(2.7, 50), ...at(2.9, 52), ...at(1)].join('\n')
    const { events } = await replay(input)
    const counts = events.flatMap((event) => (event.kind === 'button' && event.down ? [event.clicks] : []))
    expect(counts).toEqual([1, 2, 3, 1, 1, 2, 1])
  })

  it('names keys as input events do', async () => {
    const names = [
      'ctrl_l',
      'cmd',
      'esc',
      'page_up',
      'caps_lock',
      'alt_gr',
      'space',
      'A',
      '\u0003',
      '<84>',
      'Key.enter',
      '😀',
    ]
    const { events } = await replay(names.map((name, i) => press(i, name)).join('\n'))
    expect(events.flatMap((event) => (event.kind === 'key' ? [event.key] : []))).toEqual([
      'ctrl',
      'meta',
      'escape',
      'pageup',
      'capslock',
      'altgr',
      'space',
      'A',
      'c',
      't',
      'enter',
      '😀',
    ])
  })

  it('turns the wheel around for natural scrolling, and takes app and window from its options', async () => {
    const input = JSON.stringify({ time_stamp: 1, action: 'scroll', x: 5, y: 6, dx: 1, dy: -2 })
    const window = { width: 800, height: 600 }
    const { events } = await replay(input, 'opencua', { scrollDirection: -1, app: 'desktop:notes', window })
    expect(events).toEqual([
      { kind: 'focus', atMs: 1_000, app: 'desktop:notes', field: 'text' },
      { kind: 'scroll', atMs: 1_000, dx: -1, dy: 2, place: { x: 5, y: 6, width: 800, height: 600 } },
    ])
  })
})

describe('replaying SapiMouse', () => {
  const header = 'user,session,t_ms,button,state,x,y\n'

  it('puts a gap between people and sessions, and starts their clicks again', async () => {
    const rows = ['u1,a,0,L,Pressed,1,1', 'u1,b,1,L,Pressed,1,1', 'u2,b,2,L,Pressed,1,1', 'u2,b,3,L,Released,1,1']
    const { events } = await replay(`${header}${rows.join('\r\n')}\r\n`, 'sapimouse')
    expect(kinds(events)).toEqual(['focus', 'button', 'gap', 'focus', 'button', 'gap', 'focus', 'button', 'button'])
    expect(events.every((event) => event.kind !== 'button' || event.clicks === 1)).toBe(true)
    const one = await replay(`${header}${rows.join('\n')}`, 'sapimouse', { person: 'u1', session: 'b' })
    expect(kinds(one.events)).toEqual(['focus', 'button'])
  })

  it('finds columns by the header, and counts rows that are none', async () => {
    const rows = [
      'x,y,t_ms,state,button,session,user',
      '9,8,1,Pressed,R,s,u',
      '1,2',
      '"9,8,2,Move,N,s,u',
      ',1,2,Move,N,s,u',
    ]
    const { events, report } = await replay(rows.join('\n'), 'sapimouse')
    expect(events[1]).toMatchObject({ kind: 'button', button: 'right', place: { x: 9, y: 8 } })
    expect(report.problems).toEqual([
      { reason: 'not-a-row', count: 2, firstLines: [3, 4] },
      { reason: 'coordinates-missing', count: 1, firstLines: [5] },
    ])
  })
})

describe('replaying keystrokes', () => {
  it('orders presses and releases of a section, and knows shift, signs and caps lock', async () => {
    const rows = ['u,1,16,0,25', 'u,1,65,10,40', 'u,1,66,30,35', 'u,1,49,50,55', 'u,2,13,5,9', 'u,2,999,10,12']
    const { events, report } = await replay(
      `user,section,keycode,press_ms,release_ms\n${rows.join('\n')}`,
      'keystrokes',
    )
    const keys = events.map((event) => (event.kind === 'key' ? `${event.down ? '+' : '-'}${event.key}` : event.kind))
    expect(keys).toEqual([
      'focus',
      '+shift',
      '+A',
      '-shift',
      '+b',
      '-b',
      '-A',
      '+1',
      '-1',
      'gap',
      'focus',
      '+enter',
      '-enter',
    ])
    expect(report.problems).toEqual([{ reason: 'key-unknown', count: 1, firstLines: [7] }])
  })

  it('counts a press before the one before it, and keeps it', async () => {
    const { events, report } = await replay('u,1,65,10,12\nu,1,66,5,7\nu,1,67,20,nan', 'keystrokes')
    expect(events.filter((event) => event.kind === 'key')).toHaveLength(4)
    expect(report.problems).toEqual([
      { reason: 'time-backwards', count: 1, firstLines: [2] },
      { reason: 'time-missing', count: 1, firstLines: [3] },
    ])
  })
})

describe('replayFile', () => {
  it('reads a file, and waits between chunks when it is asked to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairtrace-replay-'))
    try {
      const file = join(folder, 'events.jsonl')
      const text = Array.from({ length: 20_000 }, (_, i) => move(i)).join('\n')
      await writeFile(file, text)
      const seen: number[] = []
      let isWaiting = false
      const report = await replayFile(
        file,
        'ducktrack',
        {
          betweenChunks: async (bytes) => {
            isWaiting = true
            await new Promise((resolve) => setTimeout(resolve, 1))
            isWaiting = false
            seen.push(bytes)
          },
        },
        () => expect(isWaiting).toBe(false),
      )
      expect(report).toMatchObject({ lines: 20_000, inputEvents: 20_001, end: 'whole', problems: [] })
      expect(seen.at(-1)).toBe(text.length)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
