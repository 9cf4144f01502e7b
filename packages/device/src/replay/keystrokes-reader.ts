/**
 * Keystroke recordings of many people: `user,section,keycode,press_ms,release_ms`, one row a keystroke.
 *
 * Presses and releases of one section are put in the order of their times; a new person or section begins with a gap.
 */
import { CsvRows, numberFrom } from './csv-rows.ts'
import type { FormatContext, FormatReader } from './format.ts'
import { keyFromJavaScript } from './javascript-keys.ts'

const COLUMNS = ['user', 'section', 'keycode', 'press_ms', 'release_ms'] as const
/** A section is a sentence; a file that isn't what it says must not fill the memory. */
const STROKES_MAX = 10_000
const SHIFT = 16
const CAPS_LOCK = 20

interface KeyChange {
  readonly atMs: number
  readonly code: number
  readonly down: boolean
  readonly line: number
}

export class KeystrokesReader implements FormatReader {
  readonly #context: FormatContext
  readonly #rows: CsvRows
  #owner: string | null = null
  #changes: KeyChange[] = []
  #lastMs = Number.NEGATIVE_INFINITY
  #isFirstSection = true

  constructor(context: FormatContext) {
    this.#context = context
    this.#rows = new CsvRows(COLUMNS, context.problems, (cells, line) => this.#row(cells, line))
  }

  block(lines: readonly string[], first: number): void {
    this.#rows.block(lines, first)
  }

  end(): void {
    this.#flush()
  }

  #row(cells: readonly string[], line: number): void {
    const { problems, person, session } = this.#context
    const [user = '', section = '', keycode, press, release] = cells
    if ((person !== null && user !== person) || (session !== null && section !== session)) return
    const [code, pressMs, releaseMs] = [numberFrom(keycode), numberFrom(press), numberFrom(release)]
    if (Number.isNaN(pressMs) || Number.isNaN(releaseMs)) {
      problems.add('time-missing', line)
      return
    }
    if (keyFromJavaScript(code, false, false) === null) {
      problems.add('key-unknown', line)
      return
    }
    const owner = `${user}\n${section}`
    if (owner !== this.#owner || this.#changes.length >= 2 * STROKES_MAX) {
      this.#flush()
      this.#owner = owner
      this.#lastMs = Number.NEGATIVE_INFINITY
    }
    if (pressMs < this.#lastMs || releaseMs < pressMs) problems.add('time-backwards', line)
    this.#lastMs = pressMs
    this.#changes.push({ atMs: pressMs, code, down: true, line })
    this.#changes.push({ atMs: Math.max(pressMs, releaseMs), code, down: false, line })
  }

  /** Emits one section; `sort` is stable, so that a key with no duration still goes down before it goes up. */
  #flush(): void {
    const changes = this.#changes.sort((a, b) => a.atMs - b.atMs)
    this.#changes = []
    const [first] = changes
    if (first === undefined) return
    const { app, emit } = this.#context
    if (!this.#isFirstSection) emit({ kind: 'gap', atMs: first.atMs }, first.line)
    this.#isFirstSection = false
    emit({ kind: 'focus', atMs: first.atMs, app, field: 'text' }, first.line)
    let isShifted = false
    let isCapsLocked = false
    /** What each code typed when it went down: it goes up as the same key, whatever shift does meanwhile. */
    const held = new Map<number, string>()
    for (const { atMs, code, down, line } of changes) {
      if (code === SHIFT) isShifted = down
      if (code === CAPS_LOCK && down) isCapsLocked = !isCapsLocked
      const key = (down ? null : held.get(code)) ?? keyFromJavaScript(code, isShifted, isCapsLocked)
      if (key === null) continue
      if (down) held.set(code, key)
      else held.delete(code)
      emit({ kind: 'key', atMs, key, down }, line)
    }
  }
}
