/** A drill that can't fail is a defect: each again with its safeguard removed, in a throwaway demonstration, and each must go red. */
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DRILLS } from '../apps/cli/src/drill/catalogue.ts'
import { runTwins, type TwinResult } from '../apps/cli/src/drill/twins.ts'

let results: readonly TwinResult[]
const umask = process.umask(0o077)
beforeAll(async () => {
  results = await runTwins(DRILLS)
}, 300_000)
afterAll(() => void process.umask(umask))

describe('a twin', () => {
  it.each(DRILLS.map(({ id }) => id))('goes red without its safeguard: %s', (id) => {
    const { wentRed, why } = results.find((result) => result.id === id) ?? { wentRed: false, why: 'did not run' }
    expect(wentRed, why).toBe(true)
  })
})
