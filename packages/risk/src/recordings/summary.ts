/** A list of values as a few numbers: middle, spread and quantiles; NaN where there are none. */
const SUMMARY_SIZE = 6

export function summarise(values: number[], out: number[]): void {
  if (values.length === 0) {
    for (let i = 0; i < SUMMARY_SIZE; i++) out.push(Number.NaN)
    return
  }
  const sorted = values.sort((a, b) => a - b)
  let sum = 0
  for (const value of sorted) sum += value
  const mean = sum / sorted.length
  let squares = 0
  for (const value of sorted) squares += (value - mean) ** 2
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
  out.push(mean, Math.sqrt(squares / sorted.length), at(0.1), at(0.5), at(0.9), at(1))
}
