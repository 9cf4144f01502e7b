import { type Action, BATCH_ACTIONS_MAX, BATCH_SIZES, batchBodySchema, type Role, sizeClassFor } from '@fairtrace/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildBatches } from './build-batches.ts'

const HEADER_BYTES = 76
const head = {
  recording: 'r'.repeat(22),
  task: null,
  outcome: null,
  lease: `a.${'lease'.repeat(100)}.jws`,
  shield: '1',
}

/** Clicks all over the place, so that they deflate badly. */
function clicks(count: number, seed = 1): Action[] {
  let state = seed
  const next = (max: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % max
  }
  const roles: Role[] = ['button', 'link', 'textbox', 'tab']
  return Array.from({ length: count }, () => ({
    kind: 'click',
    button: 'left',
    count: 1,
    target: { role: roles[next(4)] ?? 'other', box: [next(1_200), next(700), next(80), next(80)] },
  }))
}

function sizes(parts: readonly { bytes: Uint8Array }[]): number[] {
  return parts.map(({ bytes }) => sizeClassFor(bytes.length, HEADER_BYTES) ?? Number.NaN)
}

describe('buildBatches', () => {
  it('makes nothing of nothing', async () => {
    expect(await buildBatches(head, [], 7)).toEqual([])
  })

  it('puts a short recording into one batch of the smallest class', async () => {
    const actions = clicks(20)
    const parts = await buildBatches(head, actions, 7)
    expect(parts.map(({ body }) => body)).toEqual([{ ...head, v: 1, sequence: 7, part: 0, last: true, actions }])
    expect(sizes(parts)).toEqual([BATCH_SIZES[0]])
  })

  it('never makes an envelope much larger than its content needs', async () => {
    for (const count of [100, 400, 700, 1_000, 3_000]) {
      const parts = await buildBatches(head, clicks(count), 0)
      const content = parts.reduce((sum, { bytes }) => sum + bytes.length, 0)
      const envelopes = sizes(parts).reduce((sum, size) => sum + size, 0)
      expect(envelopes).toBeLessThan(content * 1.25 + BATCH_SIZES[0])
    }
  })

  it('bounds the actions of one batch even where they deflate to nothing', async () => {
    const actions = Array.from({ length: BATCH_ACTIONS_MAX + 5 }, () => ({ kind: 'press', key: 'tab' }) as const)
    const parts = await buildBatches(head, actions, 0)
    expect(parts.length).toBeGreaterThan(1)
    for (const { body } of parts) expect(batchBodySchema.safeParse(body).success).toBe(true)
  })

  it('says in each later part which app it continues in', async () => {
    const parts = await buildBatches(head, [{ kind: 'switch', app: 'desktop:orders' }, ...clicks(2_000)], 0)
    expect(parts.length).toBeGreaterThan(1)
    for (const { body } of parts) expect(body.actions[0]).toEqual({ kind: 'switch', app: 'desktop:orders' })
  })

  it('loses nothing, repeats nothing, numbers without a hole, and ends once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1_500), fc.nat(1_000), fc.nat(), async (count, firstSequence, seed) => {
        const actions = clicks(count, seed + 1)
        const parts = await buildBatches(head, actions, firstSequence)
        expect(parts.flatMap(({ body }) => body.actions)).toEqual(actions)
        expect(parts.map(({ body }) => body.sequence)).toEqual(parts.map((_part, i) => firstSequence + i))
        expect(parts.map(({ body }) => body.part)).toEqual(parts.map((_part, i) => i))
        expect(parts.map(({ body }) => body.last)).toEqual(parts.map((_part, i) => i === parts.length - 1))
        for (const size of sizes(parts)) expect(BATCH_SIZES).toContain(size)
      }),
      { numRuns: 15 },
    )
  })
})
