/**
 * Replays recordings in known formats as input events. See `docs/formats.md` for each format.
 *
 * Streaming and of bounded memory. A line that is wrong is counted with its number and left out; the rest goes on.
 */
import { FairtraceError, type InputEvent } from '@fairtrace/core'
import {
  DEFAULT_APP,
  DEFAULT_WINDOWS,
  type FormatContext,
  type FormatReader,
  REPLAY_FORMATS,
  type ReplayFormat,
  type ReplayOptions,
} from './format.ts'
import { KeystrokesReader } from './keystrokes-reader.ts'
import { type Problem, ProblemLog } from './problems.ts'
import { PynputReader } from './pynput-reader.ts'
import { type BytesEnd, inflateIfGzip, openBytes } from './read-bytes.ts'
import { SapimouseReader } from './sapimouse-reader.ts'
import { LineSplitter } from './split-lines.ts'

export interface ReplayReport {
  readonly lines: number
  /** Input events that were handed on, also focus and gaps. */
  readonly inputEvents: number
  /** `truncated` and `damaged`: the caller ends with `INPUT_TRUNCATED` after it used what there was. */
  readonly end: BytesEnd
  readonly problems: readonly Problem[]
}

const READERS: Readonly<Record<ReplayFormat, new (context: FormatContext) => FormatReader>> = {
  ducktrack: PynputReader,
  opencua: PynputReader,
  sapimouse: SapimouseReader,
  keystrokes: KeystrokesReader,
}

export function isReplayFormat(name: string): name is ReplayFormat {
  return REPLAY_FORMATS.some((format) => format === name)
}

/**
 * Replays the recording at `path` (`-`: standard input), gzip or plain.
 * @param onEvent gets each event with the line that it came from, in order, at once
 * @throws `INPUT_UNREADABLE`, `INPUT_FORMAT_UNKNOWN`
 */
export function replayFile(
  path: string,
  format: ReplayFormat,
  options: ReplayOptions,
  onEvent: (event: InputEvent, line: number) => void,
): Promise<ReplayReport> {
  return replayBytes(openBytes(path), format, options, onEvent)
}

/** As `replayFile`, from bytes wherever they come from. */
export async function replayBytes(
  source: AsyncIterable<Uint8Array>,
  format: ReplayFormat,
  options: ReplayOptions,
  onEvent: (event: InputEvent, line: number) => void,
): Promise<ReplayReport> {
  if (!isReplayFormat(format)) throw new FairtraceError('INPUT_FORMAT_UNKNOWN', 'no such format of recordings')
  const problems = new ProblemLog()
  let inputEvents = 0
  const reader = new READERS[format]({
    app: options.app ?? DEFAULT_APP,
    window: options.window ?? DEFAULT_WINDOWS[format],
    scrollDirection: options.scrollDirection ?? 1,
    person: options.person ?? null,
    session: options.session ?? null,
    problems,
    emit: (event, line) => {
      inputEvents++
      onEvent(event, line)
    },
  })
  const splitter = new LineSplitter({
    block: (lines, first) => reader.block(lines, first),
    tooLong: (line) => problems.add('line-too-long', line),
  })
  const end = await pump(source, splitter, options.betweenChunks)
  // The last line of a file that ends early is a piece of one: it says nothing of its own.
  if (end === 'whole') splitter.end()
  else problems.add(end, splitter.lines + 1)
  reader.end()
  if (splitter.lines === 0 && end === 'whole') problems.add('empty', 1)
  return { lines: splitter.lines, inputEvents, end, problems: problems.list() }
}

async function pump(
  source: AsyncIterable<Uint8Array>,
  splitter: LineSplitter,
  betweenChunks: ReplayOptions['betweenChunks'],
): Promise<BytesEnd> {
  let bytes = 0
  const chunks = inflateIfGzip(counted(source, (count) => (bytes += count)))
  for (;;) {
    const next = await chunks.next()
    if (next.done === true) return next.value
    splitter.push(next.value)
    if (betweenChunks !== undefined) await betweenChunks(bytes)
  }
}

async function* counted(source: AsyncIterable<Uint8Array>, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    count(chunk.length)
    yield chunk
  }
}
