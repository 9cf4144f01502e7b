/** The few distributions that bounds need: regularised incomplete beta, and by bisection what is upside down of it. */

/** Clopper and Pearson's one-sided 95 % upper end for `successes` of `trials`; both needn't be whole. */
export function binomialUpper(successes: number, trials: number, confidence = 0.95): number {
  if (successes >= trials) return 1
  return betaQuantile(confidence, successes + 1, trials - successes)
}

/** Quantile of Student's t with `freedom` degrees of freedom. */
export function studentT(probability: number, freedom: number): number {
  const tail = 2 * Math.min(probability, 1 - probability)
  const x = betaQuantile(tail, freedom / 2, 0.5)
  const size = Math.sqrt((freedom * (1 - x)) / x)
  return probability < 0.5 ? -size : size
}

/** The x with `betaShare(x, a, b) = probability`. */
export function betaQuantile(probability: number, a: number, b: number): number {
  let [low, high] = [0, 1]
  for (let i = 0; i < 200 && high - low > 1e-14; i++) {
    const middle = (low + high) / 2
    if (betaShare(middle, a, b) < probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Regularised incomplete beta function I_x(a, b), by Lentz's continued fraction. */
export function betaShare(x: number, a: number, b: number): number {
  if (!(x > 0)) return 0
  if (x >= 1) return 1
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x))
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(1 - x, b, a)) / b
}

function fraction(x: number, a: number, b: number): number {
  const tiny = 1e-300
  const away = (value: number) => (Math.abs(value) < tiny ? tiny : value)
  let c = 1
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let result = d
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / away(1 + even * d)
    c = away(1 + even / c)
    result *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / away(1 + odd * d)
    c = away(1 + odd / c)
    result *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return result
}

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
] as const

function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  let sum = 0.9999999999998099
  for (const [i, coefficient] of LANCZOS.entries()) sum += coefficient / (x + i)
  const t = x + LANCZOS.length - 1.5
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum)
}
