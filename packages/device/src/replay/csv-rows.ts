/** CSV lines → rows of named columns, with line numbers, through `csv-parse`. */
import { parse } from 'csv-parse/sync'
import type { ProblemLog } from './problems.ts'

export class CsvRows {
  readonly #columns: readonly string[]
  readonly #problems: ProblemLog
  readonly #onRow: (cells: readonly string[], line: number) => void
  /** Where each column stands in this file; the documented order until a header says otherwise. */
  #order: readonly number[]
  #isFirst = true

  /**
   * @param columns names in the documented order; a first line that holds them all is the header
   * @param onRow gets the cells in the order of `columns`
   */
  constructor(
    columns: readonly string[],
    problems: ProblemLog,
    onRow: (cells: readonly string[], line: number) => void,
  ) {
    this.#columns = columns
    this.#problems = problems
    this.#onRow = onRow
    this.#order = columns.map((_, i) => i)
  }

  block(lines: readonly string[], first: number): void {
    const numbers: number[] = []
    const plain: string[] = []
    const flush = () => {
      const rows = plain.length > 0 ? parseRows(plain.join('\n')) : []
      // One row for each line, because no line in here has a quote.
      for (let i = 0; i < rows.length; i++) this.#row(rows[i] ?? [], numbers[i] ?? 0)
      plain.length = 0
      numbers.length = 0
    }
    for (let i = 0; i < lines.length; i++) {
      const line = trimLine(lines[i] ?? '', first + i)
      if (line === '') continue
      if (line.includes('"')) {
        flush()
        this.#quoted(line, first + i)
      } else {
        plain.push(line)
        numbers.push(first + i)
      }
    }
    flush()
  }

  /** A line with quotes is parsed alone: a quote that isn't closed must not swallow the lines after it. */
  #quoted(line: string, number: number): void {
    try {
      for (const row of parseRows(line)) this.#row(row, number)
    } catch {
      // The parser's message quotes the line; ours names it.
      this.#problems.add('not-a-row', number)
    }
  }

  #row(cells: readonly string[], line: number): void {
    if (this.#isFirst) {
      this.#isFirst = false
      const order = this.#columns.map((column) => cells.indexOf(column))
      if (order.every((place) => place >= 0)) {
        this.#order = order
        return
      }
    }
    const row: string[] = []
    for (const place of this.#order) {
      const cell = cells[place]
      if (cell === undefined) {
        this.#problems.add('not-a-row', line)
        return
      }
      row.push(cell)
    }
    this.#onRow(row, line)
  }
}

function parseRows(text: string): readonly string[][] {
  return parse(text, { relax_column_count: true, record_delimiter: '\n' })
}

function trimLine(line: string, number: number): string {
  const start = number === 1 && line.startsWith('\ufeff') ? 1 : 0
  return line.slice(start, line.endsWith('\r') ? -1 : undefined)
}

/** A number written out, or NaN: `Number('')` would be 0. */
export function numberFrom(cell: string | undefined): number {
  if (cell === undefined || cell.trim() === '') return Number.NaN
  const value = Number(cell)
  return Number.isFinite(value) ? value : Number.NaN
}
