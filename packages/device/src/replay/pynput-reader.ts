/**
 * DuckTrack and OpenCUA recordings: JSON lines as pynput reports, `time_stamp` in seconds.
 *
 * ```json
 * {"time_stamp": 12.5, "action": "click", "x": 512.0, "y": 40.0, "button": "left", "pressed": true}
 * {"time_stamp": 12.7, "action": "scroll", "x": 512.0, "y": 40.0, "dx": 0, "dy": -1}
 * {"time_stamp": 12.9, "action": "press", "name": "ctrl_l"}
 * ```
 * `move` has `x` and `y`, `release` is as `press`; other fields are ignored.
 */
import type { Place } from '@fairtrace/core'
import { ClickCounter } from './click-counter.ts'
import type { FormatContext, FormatReader } from './format.ts'
import { keyFromPynput } from './key-names.ts'

/** A line before anything in it was checked. */
type Line = Readonly<
  Partial<Record<'time_stamp' | 'action' | 'x' | 'y' | 'button' | 'pressed' | 'dx' | 'dy' | 'name', unknown>>
>

/**
 * A whole `move` line as the recorders write it; its time begins at `MOVE_TIME_START`. Nearly every line of a recording is
 * one, and asking this takes a third of the time of `JSON.parse`. Every line that it doesn't match is parsed, so it may be strict.
 */
const MOVE_LINE =
  /^\{"time_stamp": (?:0|[1-9]\d{0,14})(?:\.\d{1,17})?, "action": "move", "x": -?(?:0|[1-9]\d{0,14})(?:\.\d{1,17})?, "y": -?(?:0|[1-9]\d{0,14})(?:\.\d{1,17})?(?:, "event_idx": (?:0|[1-9]\d{0,14}))?\}$/
const MOVE_TIME_START = '{"time_stamp": '.length

export class PynputReader implements FormatReader {
  readonly #context: FormatContext
  readonly #clicks = new ClickCounter()
  #lastMs = Number.NEGATIVE_INFINITY
  #hasFocus = false

  constructor(context: FormatContext) {
    this.#context = context
  }

  block(lines: readonly string[], first: number): void {
    for (let i = 0; i < lines.length; i++) this.#line(lines[i] ?? '', first + i)
  }

  end(): void {
    // Every event was emitted with its line.
  }

  #line(text: string, number: number): void {
    if (MOVE_LINE.test(text)) {
      this.#move(this.#time(Number(text.slice(MOVE_TIME_START, text.indexOf(','))), number), number)
      return
    }
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      value = this.#parseLeniently(text, number)
      if (value === undefined) return
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#context.problems.add('not-an-event', number)
      return
    }
    const line: Line = value
    const seconds = line.time_stamp
    if (!isNumber(seconds)) {
      this.#context.problems.add('time-missing', number)
      return
    }
    this.#event(line, this.#time(seconds, number), number)
  }

  /** Milliseconds of a line's time; one before the line before it is counted. */
  #time(seconds: number, number: number): number {
    const atMs = seconds * 1_000
    if (atMs < this.#lastMs) {
      this.#context.problems.add('time-backwards', number)
      this.#clicks.restart()
    }
    this.#lastMs = atMs
    return atMs
  }

  /** Python writes NaN and Infinity, which are no JSON: the line is an event without its coordinates. Blank lines are none. */
  #parseLeniently(text: string, number: number): unknown {
    if (text.trim() === '') return undefined
    // A byte order mark at the start of a file is no part of its first line.
    const plain = number === 1 && text.startsWith('\ufeff') ? text.slice(1) : text
    try {
      return JSON.parse(plain.replace(/(?<=:\s*)(?:NaN|-?Infinity)(?=\s*[,}])/g, 'null'))
    } catch {
      this.#context.problems.add('not-json', number)
      return undefined
    }
  }

  #event(line: Line, atMs: number, number: number): void {
    switch (line.action) {
      case 'move':
        if (!isNumber(line.x) || !isNumber(line.y)) this.#context.problems.add('coordinates-missing', number)
        else this.#move(atMs, number)
        return
      case 'click':
        this.#click(line, atMs, number)
        return
      case 'scroll':
        this.#scroll(line, atMs, number)
        return
      case 'press':
      case 'release':
        this.#key(line, atMs, number)
        return
      default:
        this.#context.problems.add('action-unknown', number)
    }
  }

  #move(atMs: number, number: number): void {
    this.#focusFirst(atMs, number)
    this.#context.emit({ kind: 'move', atMs }, number)
  }

  #click(line: Line, atMs: number, number: number): void {
    const { problems } = this.#context
    const { button, pressed } = line
    const place = this.#place(line)
    if (place === null) problems.add('coordinates-missing', number)
    else if (typeof pressed !== 'boolean') problems.add('field-missing', number)
    else if (button !== 'left' && button !== 'middle' && button !== 'right') problems.add('button-unknown', number)
    else {
      const clicks = pressed ? this.#clicks.press(button, atMs, place.x, place.y) : 1
      this.#focusFirst(atMs, number)
      this.#context.emit({ kind: 'button', atMs, button, down: pressed, clicks, place }, number)
    }
  }

  #scroll(line: Line, atMs: number, number: number): void {
    const place = this.#place(line)
    const { dx, dy } = line
    if (place === null || !isNumber(dx) || !isNumber(dy)) {
      this.#context.problems.add('coordinates-missing', number)
      return
    }
    const { scrollDirection } = this.#context
    this.#focusFirst(atMs, number)
    this.#context.emit({ kind: 'scroll', atMs, dx: dx * scrollDirection, dy: dy * scrollDirection, place }, number)
  }

  #key(line: Line, atMs: number, number: number): void {
    if (typeof line.name !== 'string') {
      this.#context.problems.add('field-missing', number)
      return
    }
    const key = keyFromPynput(line.name)
    if (key === null) {
      this.#context.problems.add('key-unknown', number)
      return
    }
    this.#focusFirst(atMs, number)
    this.#context.emit({ kind: 'key', atMs, key, down: line.action === 'press' }, number)
  }

  #place({ x, y }: Line): Place | null {
    if (!isNumber(x) || !isNumber(y)) return null
    const { width, height } = this.#context.window
    return { x, y, width, height }
  }

  /** These recordings don't say what has the focus: all of it is one app and takes text. */
  #focusFirst(atMs: number, number: number): void {
    if (this.#hasFocus) return
    this.#hasFocus = true
    this.#context.emit({ kind: 'focus', atMs, app: this.#context.app, field: 'text' }, number)
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
