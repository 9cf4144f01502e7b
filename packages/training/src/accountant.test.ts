import { describe, expect, it } from 'vitest'
import { epsilonOf, sigmaFor, stepRdp } from './accountant.ts'

describe('the accountant', () => {
  it('agrees with the closed form of a Gaussian that nobody is sampled for', () => {
    expect(stepRdp({ sampling: 1, sigma: 2, segmentsMax: 1 }, [2, 10])).toEqual([2 / 8, 10 / 8])
  })
  it('agrees with the closed form of the sampled Gaussian at order 2', () => {
    // log(1 + q² (exp(1/σ²) − 1)): Mironov, Talwar and Zhang 2019, section 3.3 for α = 2.
    for (const [sampling, sigma] of [
      [0.01, 1],
      [0.1, 2],
      [0.5, 1.5],
    ] as const) {
      const [rdp] = stepRdp({ sampling, sigma, segmentsMax: 1 }, [2])
      expect(rdp).toBeCloseTo(Math.log1p(sampling ** 2 * (Math.exp(1 / sigma ** 2) - 1)), 6)
    }
  })
  it.each([
    // TensorFlow Privacy's tutorial: N 60000, batch 256, σ 1.1, 60 epochs, δ 1e-5: ε 3.01 by Mironov's conversion, 2.92 or less by the tighter.
    ['the tutorial of TensorFlow Privacy', { sampling: 256 / 60_000, sigma: 1.1 }, 14_063, 1e-5, 2.55, 3.02],
    // Abadi et al. 2016, section 5: q 0.01, σ 4, T 10000, δ 1e-5: ε 1.26 by the moments accountant.
    ['the moments accountant of Abadi et al.', { sampling: 0.01, sigma: 4 }, 10_000, 1e-5, 1.0, 1.27],
  ] as const)('gives what is published for %s', (_what, mechanism, steps, delta, atLeast, atMost) => {
    const epsilon = epsilonOf({ ...mechanism, segmentsMax: 1 }, steps, delta)
    expect(epsilon).toBeGreaterThan(atLeast)
    expect(epsilon).toBeLessThan(atMost)
  })
  it('costs more for a person with more segments, and no more than if all of them were always sampled', () => {
    const of = (segmentsMax: number) => epsilonOf({ sampling: 0.05, sigma: 20, segmentsMax }, 200, 1e-6)
    expect(of(2)).toBeGreaterThan(of(1))
    expect(of(8)).toBeGreaterThan(of(2))
    expect(of(8)).toBeLessThan(epsilonOf({ sampling: 1, sigma: 20, segmentsMax: 8 }, 200, 1e-6))
  })
  it('finds the noise that keeps a budget', () => {
    const mechanism = { sampling: 0.05, segmentsMax: 4 }
    const sigma = sigmaFor(mechanism, 200, 4, 1e-6)
    expect(epsilonOf({ ...mechanism, sigma }, 200, 1e-6)).toBeLessThanOrEqual(4)
    expect(epsilonOf({ ...mechanism, sigma: sigma * 0.98 }, 200, 1e-6)).toBeGreaterThan(4)
  }, 30_000)
})
