/** kill -9 at many moments of a real process: the outbox must be as if it had stopped between two operations. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqliteOutbox } from './sqlite-outbox.ts'

const storageKey = new Uint8Array(32).fill(7)
const clock = { nowMs: () => 1_000_000 }
const moduleUrl = new URL('./sqlite-outbox.ts', import.meta.url).href
let dir: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fairtrace-kill-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

/** Does one thing after the other and says each, once it returned; `n` goes on counting across lives. */
const child = (body: string) => `
  const { openSqliteOutbox } = await import(${JSON.stringify(moduleUrl)})
  const { writeSync } = await import('node:fs')
  const outbox = openSqliteOutbox({
    file: ${JSON.stringify(join(dir, 'outbox.sqlite'))},
    storageKey: new Uint8Array(32).fill(7),
    clock: { nowMs: () => 1_000_000 },
  })
  const say = (line) => writeSync(1, line + '\\n')
  const start = { lease: 'l', task: null, shield: '1', startedAtMs: 1, reviewMs: 0 }
  const press = { kind: 'press', key: 'enter' }
  say('ready')
  ${body}
`

/** Runs the child until it has said `lines` lines, then kills it; everything that it said. */
async function killAfter(lines: number, body: string): Promise<string[]> {
  const running = spawn(process.execPath, ['--no-warnings', '--input-type=module', '--eval', child(body)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  for await (const chunk of running.stdout) {
    said += String(chunk)
    if (said.split('\n').length > lines) running.kill('SIGKILL')
  }
  // A last line without its end was not said.
  return said.split('\n').slice(1, -1)
}

const points = [2, 3, 8, 25, 60]

describe('the outbox under kill -9', () => {
  it.each(points)('keeps every acknowledged append, in order, as a prefix (after %i lines)', async (lines) => {
    const said = await killAfter(
      lines,
      `const id = await outbox.begin(start)
       for (let n = 0; ; n++) { await outbox.append(id, Array(n % 3 + 1).fill({ kind: 'press', key: ['up', 'down', 'tab'][n % 3] })); say(String(n)) }`,
    )
    const outbox = openSqliteOutbox({ file: join(dir, 'outbox.sqlite'), storageKey, clock })
    const [recording] = await outbox.list()
    const kept =
      recording === undefined ? [] : (await outbox.actions(recording.id)).map((action) => JSON.stringify(action))
    const groups = (count: number) =>
      Array.from({ length: count }, (_, n) =>
        Array(1 + (n % 3)).fill(JSON.stringify({ kind: 'press', key: ['up', 'down', 'tab'][n % 3] })),
      ).flat()
    // Everything that was said, and at most the one append that was under way.
    expect([groups(said.length), groups(said.length + 1)]).toContainEqual(kept)
    expect(recording?.state ?? 'held').toBe('held')
    outbox.close()
  })

  it.each(points)('seals each recording once, with numbers that have no hole (after %i lines)', async (lines) => {
    const seal = `
      for (;;) {
        const id = await outbox.begin(start)
        await outbox.append(id, [press])
        await outbox.end(id, 1)
        for (const due of await outbox.due(2)) {
          await outbox.seal(due.id, async (first) => [0, 1].map((part) => ({
            id: (due.id + '-' + part).padEnd(43, '-'),
            bytes: Buffer.from(due.id + ' ' + part + ' ' + (first + part)),
            body: Buffer.from('body'),
          })))
          say(due.id)
        }
      }`
    const said = [...(await killAfter(lines, seal)), ...(await killAfter(lines, seal))]
    const outbox = openSqliteOutbox({ file: join(dir, 'outbox.sqlite'), storageKey, clock })
    const sealed = await outbox.sealed(1_000_000)
    expect(sealed.map(({ sequence }) => sequence)).toEqual(sealed.map((_batch, i) => i))
    const texts = sealed.map(({ bytes }) => Buffer.from(bytes).toString().split(' '))
    expect(texts.map(([, , sequence]) => Number(sequence))).toEqual(sealed.map(({ sequence }) => sequence))
    const recordings = texts.map(([recording]) => recording)
    for (const id of said) expect(recordings.filter((recording) => recording === id)).toHaveLength(2)
    // What is still held was not sealed as well.
    for (const { id } of await outbox.list()) expect(recordings).not.toContain(id)
    outbox.close()
  })

  it.each(points)('forgets an acknowledged batch for good and keeps every other (after %i lines)', async (lines) => {
    const said = await killAfter(
      lines,
      `const id = await outbox.begin(start)
       await outbox.append(id, [press])
       await outbox.end(id, 1)
       await outbox.seal(id, async () => Array.from({ length: 200 }, (_, n) => ({
         id: String(n).padEnd(43, '-'), bytes: Buffer.alloc(4096, n), body: Buffer.from('body'),
       })))
       for (let n = 0; n < 200; n++) { await outbox.acknowledge(String(n).padEnd(43, '-')); say(String(n)) }
       setInterval(() => undefined, 1_000)`,
    )
    const outbox = openSqliteOutbox({ file: join(dir, 'outbox.sqlite'), storageKey, clock })
    const [first] = await outbox.sealed(1)
    const left = await outbox.sealed(1_000)
    const firstLeft = first?.sequence ?? 200
    expect([said.length, said.length + 1]).toContain(firstLeft)
    expect(left.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 200 - firstLeft }, (_, i) => firstLeft + i),
    )
    outbox.close()
  })
})
