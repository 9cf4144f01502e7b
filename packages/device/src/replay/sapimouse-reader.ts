/**
 * SapiMouse recordings of many people: `user,session,t_ms,button,state,x,y`.
 *
 * `button` is `N`, `L` or `R`; `state` is `Move`, `Drag`, `Pressed` or `Released`. A new person or session begins with a gap.
 */
import type { MouseButton } from '@fairtrace/core'
import { ClickCounter } from './click-counter.ts'
import { CsvRows, numberFrom } from './csv-rows.ts'
import type { FormatContext, FormatReader } from './format.ts'

const COLUMNS = ['user', 'session', 't_ms', 'button', 'state', 'x', 'y'] as const
const BUTTONS: ReadonlyMap<string, MouseButton> = new Map([
  ['L', 'left'],
  ['M', 'middle'],
  ['R', 'right'],
])

export class SapimouseReader implements FormatReader {
  readonly #context: FormatContext
  readonly #rows: CsvRows
  readonly #clicks = new ClickCounter()
  #owner: string | null = null
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(context: FormatContext) {
    this.#context = context
    this.#rows = new CsvRows(COLUMNS, context.problems, (cells, line) => this.#row(cells, line))
  }

  block(lines: readonly string[], first: number): void {
    this.#rows.block(lines, first)
  }

  end(): void {
    // Every event was emitted with its line.
  }

  #row(cells: readonly string[], line: number): void {
    const { problems, person, session } = this.#context
    const [user = '', part = '', time, button = '', state] = cells
    if ((person !== null && user !== person) || (session !== null && part !== session)) return
    const atMs = numberFrom(time)
    if (Number.isNaN(atMs)) {
      problems.add('time-missing', line)
      return
    }
    this.#own(`${user}\n${part}`, atMs, line)
    if (atMs < this.#lastMs) {
      problems.add('time-backwards', line)
      this.#clicks.restart()
    }
    this.#lastMs = atMs
    this.#event(cells, atMs, BUTTONS.get(button), state, line)
  }

  #event(
    cells: readonly string[],
    atMs: number,
    button: MouseButton | undefined,
    state: string | undefined,
    line: number,
  ) {
    const { problems, window } = this.#context
    const [x, y] = [numberFrom(cells[5]), numberFrom(cells[6])]
    if (Number.isNaN(x) || Number.isNaN(y)) problems.add('coordinates-missing', line)
    else if (state === 'Move' || state === 'Drag') this.#context.emit({ kind: 'move', atMs }, line)
    else if (state !== 'Pressed' && state !== 'Released') problems.add('action-unknown', line)
    else if (button === undefined) problems.add('button-unknown', line)
    else {
      const down = state === 'Pressed'
      const clicks = down ? this.#clicks.press(button, atMs, x, y) : 1
      this.#context.emit({ kind: 'button', atMs, button, down, clicks, place: { x, y, ...window } }, line)
    }
  }

  /** Another person's rows must not continue this person's click or drag. */
  #own(owner: string, atMs: number, line: number): void {
    if (owner === this.#owner) return
    if (this.#owner !== null) this.#context.emit({ kind: 'gap', atMs }, line)
    this.#owner = owner
    this.#clicks.restart()
    this.#lastMs = Number.NEGATIVE_INFINITY
    this.#context.emit({ kind: 'focus', atMs, app: this.#context.app, field: 'text' }, line)
  }
}
