/** Lengths of time as a charter writes them: "14 days" ⇄ 1,209,600,000 milliseconds. */

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const

export const DURATION_FORM = 'write a whole number and seconds, minutes, hours or days, such as "14 days"'
export const durationPattern = /^\d{1,5} (?:second|minute|hour|day)s?$/

/** @returns NaN for what isn't of the form, which no bound accepts */
export function durationMs(text: string): number {
  const [count, unit] = text.split(' ')
  const size = UNITS.find(([name]) => name === (unit ?? '').replace(/s$/, ''))?.[1]
  return Number(count) * (size ?? Number.NaN)
}

/** In the largest unit that fits without a rest; the inverse of `durationMs`. */
export function durationText(ms: number): string {
  const [unit, length] = UNITS.find(([, size]) => ms % size === 0) ?? ['millisecond', 1]
  const count = ms / length
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}
