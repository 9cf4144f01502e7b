/** What a benchmark is. `bench/main.ts` finds every `bench/*.bench.ts`, runs it and prints one row for each. */
export interface Benchmark {
  /** As in the table of figures, such as `shield.throughput.motion`. */
  readonly name: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  /** The figure to reach, or null where the figure is reported only. */
  readonly target: number | null
  readonly peerName: string | null
  /** Runs ours and the peer in turn (ours, peer, ours, peer …), one figure a run. Says why where it can't be run here. */
  run(): Promise<Runs | { readonly reason: string }>
}

export interface Runs {
  readonly ours: readonly number[]
  readonly peer: readonly number[] | null
}
