import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { actionSchema } from '@fairtrace/core'
import { CHARTER_YAML } from '@fairtrace/testing/harness'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const MAIN = join(import.meta.dirname, '..', 'main.ts')
const NODE = ['--disable-warning=ExperimentalWarning', MAIN, 'shield']

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairtrace-shield-'))
})
afterAll(() => rm(folder, { recursive: true }))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function shield(args: readonly string[], input?: string | Uint8Array): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [...NODE, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
    child.stdin?.end(input)
  })
}

const line = (value: object) => `${JSON.stringify(value)}\n`
const key = (time: number, name: string, action = 'press') => line({ time_stamp: time, action, name })
const click = (time: number, pressed: boolean, button = 'left') =>
  line({ time_stamp: time, action: 'click', x: 700, y: 400, button, pressed })

const WORD = [...'secret'].map((letter, i) => key(i, letter) + key(i + 0.5, letter, 'release')).join('')
const RECORDING = WORD + click(10, true) + click(10.1, false) + click(10.2, true) + click(10.3, false)

describe('fairtrace shield', () => {
  it.each([
    ['a format that it does not know', ['--format', 'video', '-'], 2],
    ['no recording', ['--format', 'ducktrack'], 2],
    ['a recording that is not there', ['--format', 'ducktrack', '/nowhere/at/all'], 3],
    ['a charter that is not there', ['--format', 'ducktrack', '--charter', '/nowhere', '-'], 3],
    ['a window that is none', ['--format', 'ducktrack', '--window', 'wide', '-'], 2],
  ])('refuses %s', async (_what, args, code) => {
    const ended = await shield(args, '')
    expect(ended.code).toBe(code)
    expect(ended.stdout).toBe('')
    expect(ended.stderr).not.toBe('')
  })

  it('prints actions as JSON lines, and counts apart from them', async () => {
    const { code, stdout, stderr } = await shield(['--format', 'ducktrack', '-'], RECORDING)
    const actions = stdout
      .trimEnd()
      .split('\n')
      .map((text) => actionSchema.parse(JSON.parse(text)))
    expect(actions).toEqual([
      { kind: 'switch', app: 'desktop:recording' },
      { kind: 'type', text: 'word', length: 'short' },
      { kind: 'click', button: 'left', count: 2, target: { cell: [3, 3] } },
    ])
    expect(stderr).toContain('17 input events → 3 actions')
    expect(code).toBe(0)
  })

  it('prints totals alone with --stats, from a gzip file', async () => {
    const file = join(folder, 'recording.jsonl.gz')
    await writeFile(file, gzipSync(RECORDING))
    const { stdout, stderr } = await shield(['--format', 'ducktrack', '--stats', '--json', file])
    expect(JSON.parse(stdout)).toMatchObject({
      lines: 16,
      actions: 3,
      byKind: { type: 1, click: 1, switch: 1 },
      dropped: [],
      problems: [],
    })
    expect(stderr).toBe('')
  })

  it('shields as a charter says, for an app that it lists and no other', async () => {
    const charter = join(folder, 'charter.yaml')
    await writeFile(
      charter,
      CHARTER_YAML.replace('kind-and-length', 'kind').replace('pointer: target', 'pointer: cell'),
    )
    const args = ['--format', 'ducktrack', '--charter', charter]
    const { code, stdout } = await shield([...args, '--app', 'desktop:orders', '-'], `${RECORDING}${key(30, 'enter')}`)
    expect(code).toBe(0)
    expect(stdout).toContain('{"kind":"switch","app":"desktop:orders"}')
    expect(stdout).toContain('{"kind":"type","text":"word","length":"short"}')
    const unlisted = await shield([...args, '-'], RECORDING)
    expect(unlisted).toMatchObject({ code: 2, stdout: '' })
    expect(unlisted.stderr).toContain('--app')
  })

  it('counts bad input by line, processes the rest, and ends well', async () => {
    const many = Array.from({ length: 10_000 }, (_, i) => key(20, String.fromCodePoint(0x4e00 + i))).join('')
    const bad = `not json\n${key(1, 'a', 'release')}${click(2, false)}${many}`
    const { code, stdout, stderr } = await shield(['--format', 'ducktrack', '--json', '-'], bad + RECORDING)
    expect(code).toBe(0)
    const counts = JSON.parse(stderr)
    expect(counts.problems).toEqual([
      { reason: 'not-json', count: 1, firstLines: [1] },
      { reason: 'time-backwards', count: 1, firstLines: [10_004] },
    ])
    expect(counts.dropped).toMatchObject([
      { reason: 'keys-too-many', firstLines: [68, 69, 70, 71, 72] },
      { reason: 'release-without-press', firstLines: expect.arrayContaining([2, 3]) },
    ])
    expect(stdout).toContain('"count":2')
  })

  it('uses what a truncated file holds, and ends with the code for it', async () => {
    const packed = gzipSync(RECORDING.repeat(200))
    const { code, stdout, stderr } = await shield(['--format', 'ducktrack', '-'], packed.subarray(0, packed.length - 9))
    expect(stdout.split('\n').length).toBeGreaterThan(100)
    expect(stderr).toContain('INPUT_TRUNCATED')
    expect(code).toBe(3)
  })

  it('takes an empty file for a recording of nothing', async () => {
    const { code, stdout, stderr } = await shield(['--format', 'keystrokes', '-'], '')
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toContain('empty')
  })

  it('ends quietly when its reader has had enough', async () => {
    const child = spawn(process.execPath, [...NODE, '--format', 'ducktrack', '-'])
    let stderr = ''
    child.stderr.on('data', (text) => {
      stderr += text
    })
    // The child stops reading when it ends; that is what this is about.
    child.stdin.on('error', () => undefined)
    child.stdout.once('data', () => child.stdout.destroy())
    child.stdin.end(RECORDING.repeat(20_000))
    const code = await new Promise((resolve) => child.once('exit', resolve))
    expect(code).toBe(0)
    expect(stderr).not.toContain('EPIPE')
  })
})
