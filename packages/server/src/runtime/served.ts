/** What a process served in the last minutes, to the second: kept in memory alone, without whom or what for. */

const KEPT_S = 600

export class ServedLately {
  readonly #seconds = new Map<number, Map<string, number>>()

  add(what: string, count = 1): void {
    const second = Math.floor(Date.now() / 1_000)
    let counts = this.#seconds.get(second)
    if (counts === undefined) {
      counts = new Map()
      this.#seconds.set(second, counts)
      for (const old of this.#seconds.keys()) {
        if (old >= second - KEPT_S) break
        this.#seconds.delete(old)
      }
    }
    counts.set(what, (counts.get(what) ?? 0) + count)
  }

  /** From the second in which `atMs` lies: rather too much than too little. */
  since(atMs: number): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {}
    for (const [second, counts] of this.#seconds) {
      if (second < Math.floor(atMs / 1_000)) continue
      for (const [what, count] of counts) sums[what] = (sums[what] ?? 0) + count
    }
    return sums
  }
}
