import process from 'node:process'
import { type Progress, progress } from '../terminal.ts'

/** Shows how far a demonstration is: a bar for each step where a terminal is there, else a line a step. */
export class CycleBar {
  #bar: Progress | null = null
  #last = ''

  show(sentence: string, done: number, total: number): void {
    if (sentence !== this.#last) {
      this.stop()
      this.#last = sentence
      if (process.stderr.isTTY) this.#bar = progress(sentence.padEnd(36), total)
      else process.stderr.write(`${sentence} …\n`)
    }
    this.#bar?.update(done)
  }

  stop(): void {
    this.#bar?.stop()
    this.#bar = null
  }
}
