import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const MAIN = join(import.meta.dirname, '..', 'main.ts')
const ARGS = ['--disable-warning=ExperimentalWarning', MAIN, 'risk', '--format', 'actions']

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairtrace-risk-'))
})
afterAll(() => rm(folder, { recursive: true }))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function risk(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [...ARGS, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

/** Everybody works alike but for the key that they press. */
function parts(people: number): string {
  const keys = ['up', 'down', 'left', 'right', 'home', 'end', 'tab', 'enter']
  const lines = Array.from({ length: people * 4 }, (_, i) => {
    const person = i % people
    const actions = [
      { kind: 'switch', app: 'desktop:orders' },
      { kind: 'press', key: keys[person % keys.length] },
      { kind: 'type', text: 'word', length: 'short' },
      { kind: 'press', key: 'enter' },
    ]
    return JSON.stringify({ person: `person ${person}`, recording: `day ${i}`, task: null, outcome: null, actions })
  })
  return `${lines.join('\n')}\n`
}

describe('fairtrace risk --format actions', () => {
  it('refuses a file that is not there, and one that is broken off', async () => {
    expect((await risk('/nowhere/at/all')).code).toBe(3)
    const whole = gzipSync(parts(3))
    const { code, stderr } = await risk(await file('cut.gz', whole.subarray(0, whole.length - 12)))
    expect(code).toBe(3)
    expect(stderr).toContain('INPUT_UNREADABLE')
  })

  it('refuses levels of a shield: actions have left one', async () => {
    expect((await risk('--protect', 'pointer=cell', await file('parts', parts(3)))).code).toBe(2)
  })

  it('names a bad line and nothing that stands in it', async () => {
    const secret = 'my-own-words'
    for (const line of [`{"person":"${secret}"`, JSON.stringify({ person: secret, actions: [secret] }), secret]) {
      const { code, stdout, stderr } = await risk(await file('bad', `${parts(1)}${line}\n`))
      expect(code).toBe(3)
      expect(stdout).toBe('')
      expect(stderr).toContain('Line 5 is no part')
      expect(stderr).not.toContain(secret)
    }
  })

  it('closes the gate where keys give people away, and says why, plain or gzip', async () => {
    const path = await file('parts.gz', gzipSync(parts(8)))
    const plot = join(folder, 'plot.svg')
    const { code, stdout, stderr } = await risk('--protect', 'none', '--json', '-', '--plot', plot, path)
    expect(stderr).toBe('')
    expect(code).toBe(1)
    const { gate, reasons, report } = JSON.parse(stdout)
    expect(gate).toBe('closed')
    expect(reasons).toContain('single-segment')
    expect(report.people).toBe(8)
    const best = Math.max(...report.figures.map((one: { rank1: number }) => one.rank1))
    expect(best).toBeGreaterThan(0.6)
  }, 60_000)
})
