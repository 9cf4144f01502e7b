/**
 * Shield: from raw JSON lines in a file to serialised actions, one process on one core; ours and the peer on the same file,
 * for each second of CPU time.
 *
 * `motion` is the DuckTrack recording (98 % movement) over and over, with its times moved on; `mix` takes its movement
 * lines in turn with as many key lines made here. The files live in a temporary folder and are deleted afterwards.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { access, mkdtemp, readFile, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { finished } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import type { Benchmark, Runs } from './benchmark.ts'

const EVENTS = 2_000_000
const RUNS = 3
const EVENTS_SHORT = 200_000
const CHILD = fileURLToPath(new URL('./shield.child.ts', import.meta.url))
const PEER = join(import.meta.dirname, 'peers', 'opencua_like_reduction.py')
const PYTHON = '/usr/bin/python3'
const RECORDINGS = process.env.FAIRTRACE_RECORDINGS ?? join(import.meta.dirname, '..', '..', 'shared', 'data')
const RECORDING = join(RECORDINGS, 'ducktrack', 'events.jsonl.gz')

const run = promisify(execFile)

interface Measured {
  readonly events: number
  readonly seconds: number
  readonly peakBytes?: number
}
type Line = { readonly time_stamp: number; readonly action: string; readonly name?: string }
type LineMaker = (recording: readonly Line[], count: number) => Generator<Line>

export const benchmarks: readonly Benchmark[] = [
  throughput('shield.throughput.motion', motionLines),
  throughput('shield.throughput.mix', mixedLines),
  {
    name: 'shield.memory-growth',
    unit: 'MB',
    better: 'lower',
    target: 20,
    peerName: null,
    run: () => withRecording(memoryGrowth),
  },
]

function throughput(name: string, make: LineMaker): Benchmark {
  return {
    name,
    unit: 'input events/s',
    better: 'higher',
    target: 1_000_000,
    peerName: 'OpenCUA-like reduction in Python',
    run: () =>
      withRecording(async (recording, folder) => {
        const file = await writeLines(join(folder, 'events.jsonl'), make(recording, EVENTS))
        const ours: number[] = []
        const peer: number[] = []
        for (let i = 0; i < RUNS; i++) {
          ours.push(perSecond(await measureOurs(file)))
          const theirs = await measurePeer(file)
          if (theirs !== null) peer.push(perSecond(theirs))
        }
        return { ours, peer: peer.length > 0 ? peer : null }
      }),
  }
}

/** How much more memory ten times the length takes: the peaks of two processes, three times. */
async function memoryGrowth(recording: readonly Line[], folder: string): Promise<Runs> {
  const short = await writeLines(join(folder, 'short.jsonl'), motionLines(recording, EVENTS_SHORT))
  const long = await writeLines(join(folder, 'long.jsonl'), motionLines(recording, 10 * EVENTS_SHORT))
  const ours: number[] = []
  for (let i = 0; i < RUNS; i++) {
    const before = (await measureOurs(short)).peakBytes ?? Number.NaN
    const after = (await measureOurs(long)).peakBytes ?? Number.NaN
    ours.push(Math.max(0, after - before) / 1_000_000)
  }
  return { ours, peer: null }
}

async function withRecording(
  measure: (recording: readonly Line[], folder: string) => Promise<Runs>,
): Promise<Runs | { readonly reason: string }> {
  const packed = await readFile(RECORDING).catch(() => null)
  if (packed === null) return { reason: 'the DuckTrack recording is not here (FAIRTRACE_RECORDINGS)' }
  const lines = gunzipSync(packed).toString('utf8').trimEnd().split('\n')
  const folder = await mkdtemp(join(tmpdir(), 'fairtrace-bench-'))
  try {
    return await measure(
      lines.map((line): Line => JSON.parse(line)),
      folder,
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function* motionLines(recording: readonly Line[], count: number): Generator<Line> {
  const spanS = (recording.at(-1)?.time_stamp ?? 0) - (recording[0]?.time_stamp ?? 0) + 1
  for (let i = 0; i < count; i++) {
    const line = recording[i % recording.length]
    if (line === undefined) return
    yield { ...line, time_stamp: line.time_stamp + spanS * Math.floor(i / recording.length) }
  }
}

/** Half movement, half keys, in stretches of 100: words with spaces, a correction now and then, enter after a while. */
function* mixedLines(recording: readonly Line[], count: number): Generator<Line> {
  const moves = recording.filter((line) => line.action === 'move')
  const stretch = 100
  let time = 0
  for (let i = 0, strokes = 0; i < count; i++) {
    time += 0.004
    const move = moves[i % moves.length]
    if (move === undefined) return
    if (Math.floor(i / stretch) % 2 === 0) {
      yield { ...move, time_stamp: time }
      continue
    }
    const isPress = i % 2 === 0
    yield { time_stamp: time, action: isPress ? 'press' : 'release', name: strokeName(strokes) }
    if (!isPress) strokes++
  }
}

function strokeName(stroke: number): string {
  if (stroke % 97 === 96) return 'enter'
  if (stroke % 23 === 22) return 'backspace'
  if (stroke % 6 === 5) return 'space'
  return String.fromCharCode(97 + ((stroke * 7) % 26))
}

/** As Python's `json` writes it, with spaces: what the recorders write. */
async function writeLines(file: string, lines: Iterable<Line>): Promise<string> {
  const stream = createWriteStream(file)
  let text = ''
  for (const line of lines) {
    const fields = Object.entries(line).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`)
    text += `{${fields.join(', ')}}\n`
    if (text.length < 1_000_000) continue
    if (!stream.write(text)) await once(stream, 'drain')
    text = ''
  }
  stream.end(text)
  await finished(stream)
  return file
}

async function measureOurs(file: string): Promise<Measured> {
  return measure(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, file])
}

/** Null where there is no Python: our figure stands without a peer. */
async function measurePeer(file: string): Promise<Measured | null> {
  const isThere = await access(PYTHON).then(
    () => true,
    // The caller says so by leaving the peer out.
    () => false,
  )
  return isThere ? measure(PYTHON, [PEER, file]) : null
}

async function measure(program: string, args: readonly string[]): Promise<Measured> {
  const [pinned, ...rest] = await onOneCore([program, ...args])
  const { stdout } = await run(pinned ?? program, rest)
  return JSON.parse(stdout)
}

/** The last core, where the system can pin; elsewhere V8 may use a second one, whose time counts as well. */
async function onOneCore(command: readonly string[]): Promise<readonly string[]> {
  const core = String(availableParallelism() - 1)
  const canPin = await run('taskset', ['-c', core, 'true']).then(
    () => true,
    // No taskset, or not allowed: unpinned is what is left.
    () => false,
  )
  return canPin ? ['taskset', '-c', core, ...command] : command
}

function perSecond({ events, seconds }: Measured): number {
  return Math.round(events / seconds)
}
