/** What a model has to beat: always the most frequent action, and counting what came after the last one or two. */
import type { Sequence } from './segments.ts'

export interface Predictor {
  /** @param before tokens so far, at least one */
  predict(before: readonly number[]): number
}

export function majority(train: readonly Sequence[]): Predictor {
  const counts = new Map<number, number>()
  for (const { tokens } of train) for (const token of tokens.slice(1)) counts.set(token, (counts.get(token) ?? 0) + 1)
  const best = mostOf(counts)
  return { predict: () => best }
}

/** Longest context first, down to none. */
export function nGram(train: readonly Sequence[], order: number): Predictor {
  const tables = Array.from({ length: order }, () => new Map<string, Map<number, number>>())
  for (const { tokens } of train) {
    for (let at = 1; at < tokens.length; at++) {
      for (let length = 0; length < order; length++) {
        if (length > at) continue
        const context = tokens.slice(at - length, at).join(' ')
        const counts = tables[length]?.get(context) ?? new Map<number, number>()
        counts.set(tokens[at] ?? 0, (counts.get(tokens[at] ?? 0) ?? 0) + 1)
        tables[length]?.set(context, counts)
      }
    }
  }
  return {
    predict(before) {
      for (let length = order - 1; length >= 0; length--) {
        if (length > before.length) continue
        const counts = tables[length]?.get(before.slice(before.length - length).join(' '))
        if (counts !== undefined) return mostOf(counts)
      }
      return 0
    },
  }
}

/** Share of next actions that are predicted. */
export function accuracy(predictor: Predictor, test: readonly Sequence[]): number {
  let right = 0
  let all = 0
  for (const { tokens } of test) {
    for (let at = 1; at < tokens.length; at++) {
      all++
      if (predictor.predict(tokens.slice(0, at)) === tokens[at]) right++
    }
  }
  return all === 0 ? 0 : right / all
}

function mostOf(counts: ReadonlyMap<number, number>): number {
  let best = 0
  let most = -1
  for (const [token, count] of counts) {
    if (count > most || (count === most && token < best)) {
      best = token
      most = count
    }
  }
  return best
}
