/**
 * How much privacy DP-SGD spends of a person: Rényi differential privacy of the Poisson-sampled Gaussian mechanism at the level of a
 * group.
 *
 * A release links no two segments of a person, so that clipping can bound a segment and no person. What is known is `m`, the most
 * segments that anybody has in it. Adding or taking away one person changes at most `m` segments, each sampled by itself with
 * probability `q`, each clipped to norm 1: the worst case is a sum of k ~ Binomial(m, q) steps in one direction, and the pair
 *
 *   P = Σ_k Binomial(m, q)(k) · N(k, σ²)   against   Q = N(0, σ²)
 *
 * dominates every other (A. Ganesh, "Tight Group-Level DP Guarantees for DP-SGD with Sampling via Mixture of Gaussians Mechanisms", 2024).
 * Both directions are integrated numerically; for m = 1 it is the sampled Gaussian mechanism of Mironov, Talwar and Zhang (2019).
 */

/** Orders α at which the divergence is bounded. */
export const ORDERS: readonly number[] = [
  ...Array.from({ length: 90 }, (_, i) => 1.1 + i * 0.1),
  ...Array.from({ length: 53 }, (_, i) => 11 + i),
  ...[80, 96, 128, 192, 256, 512],
]
const GRID_POINTS = 4_001
const TAILS = 14

export interface Mechanism {
  /** Probability with which a segment is in a step. */
  readonly sampling: number
  /** Standard deviation of the noise, in clipping norms of one segment. */
  readonly sigma: number
  /** The most segments that one person has. */
  readonly segmentsMax: number
}

/** Rényi divergence of one step at each of `orders`, the larger of both directions. */
export function stepRdp({ sampling, sigma, segmentsMax }: Mechanism, orders: readonly number[] = ORDERS): number[] {
  if (sampling === 0) return orders.map(() => 0)
  // Without sampling it is a Gaussian that moves by m: closed form.
  if (sampling === 1) return orders.map((order) => (order * segmentsMax ** 2) / (2 * sigma ** 2))
  const steps = binomialLogs(segmentsMax, sampling)
  return orders.map((order) => {
    // Under the tilted density of order α the mass lies up to α·m: the grid has to reach it.
    const from = -(TAILS * sigma) - order * segmentsMax
    const to = TAILS * sigma + order * segmentsMax
    const width = (to - from) / (GRID_POINTS - 1)
    const forward: number[] = []
    const backward: number[] = []
    for (let i = 0; i < GRID_POINTS; i++) {
      const x = from + i * width
      const logQ = -(x ** 2) / (2 * sigma ** 2) - Math.log(sigma * Math.sqrt(2 * Math.PI))
      // log(P/Q) at x, without ever leaving logarithms.
      const ratio = logSum(steps.map((logP, k) => logP + (2 * k * x - k ** 2) / (2 * sigma ** 2)))
      forward.push(order * ratio + logQ)
      backward.push((1 - order) * ratio + logQ)
    }
    const divergence = Math.max(logSum(forward), logSum(backward)) + Math.log(width)
    return Math.max(0, divergence) / (order - 1)
  })
}

/**
 * ε of so many steps at a given δ. The conversion is Proposition 3 of Mironov (2017), or the tighter one of Canonne, Kamath and
 * Steinke (2020), whichever is smaller at the best order; both hold.
 */
export function epsilonOf(mechanism: Mechanism, steps: number, delta: number): number {
  const rdp = stepRdp(mechanism)
  return Math.min(
    ...ORDERS.map((order, i) => {
      const spent = steps * (rdp[i] ?? Number.POSITIVE_INFINITY)
      const classic = spent + Math.log(1 / delta) / (order - 1)
      const tight = spent + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1)
      return Math.max(0, Math.min(classic, tight))
    }),
  )
}

/** The least noise, to a thousandth, under which so many steps stay within ε. @throws RangeError if none is found */
export function sigmaFor(mechanism: Omit<Mechanism, 'sigma'>, steps: number, epsilon: number, delta: number): number {
  const isEnough = (sigma: number) => epsilonOf({ ...mechanism, sigma }, steps, delta) <= epsilon
  let high = 1
  while (!isEnough(high)) {
    high *= 2
    if (high > 1e6) throw new RangeError('no noise keeps this budget')
  }
  let low = high / 2
  while (high - low > high / 1_000) {
    const middle = (low + high) / 2
    if (isEnough(middle)) high = middle
    else low = middle
  }
  return high
}

function binomialLogs(count: number, p: number): number[] {
  const logs = [count * Math.log1p(-p)]
  for (let k = 1; k <= count; k++) {
    logs.push((logs[k - 1] ?? 0) + Math.log((count - k + 1) / k) + Math.log(p) - Math.log1p(-p))
  }
  return logs
}

function logSum(logs: readonly number[]): number {
  let max = Number.NEGATIVE_INFINITY
  for (const log of logs) if (log > max) max = log
  if (max === Number.NEGATIVE_INFINITY) return max
  let sum = 0
  for (const log of logs) sum += Math.exp(log - max)
  return max + Math.log(sum)
}
