import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseCharter } from './charter/parse-charter.ts'
import { drillStartMessage, type Evidence, evidenceEndsAtMs, evidenceSchema, freshEvidence } from './evidence.ts'

const charter = parseCharter(
  readFileSync(new URL('../../../docs/examples/charter-pilot.yaml', import.meta.url), 'utf8'),
  'charter.yaml',
)
const NOW_MS = 1_800_000_000_000
const VALID_MS = charter.assurance.evidence

function someEvidence(change: Partial<Evidence> = {}): Evidence {
  return {
    v: 1,
    safeguard: 'permits-end',
    drill: 'stale-token',
    promise: 1,
    passed: true,
    startedAtMs: NOW_MS - 2_000,
    endedAtMs: NOW_MS - 1_000,
    detectMs: null,
    containMs: null,
    twin: true,
    basis: 'reported',
    build: charter.builds.server[0] ?? '',
    programme: charter.programme,
    charter: 'A'.repeat(43),
    epoch: 0,
    nonce: null,
    drillEntry: 3,
    ...change,
  }
}

const fresh = (...rows: Evidence[]) => [...freshEvidence(rows, charter, NOW_MS).keys()]

describe('freshEvidence', () => {
  it.each([
    ['of a drill that failed', { passed: false }],
    ['whose twin did not go red', { twin: false }],
    ['of another programme', { programme: 'another-programme' }],
    ['of a build that nobody reviewed', { build: 'somebody-else' }],
    ['at the instant it ends', { endedAtMs: NOW_MS - VALID_MS }],
    ['from the future', { endedAtMs: NOW_MS + 1 }],
  ] as const)('does not count evidence %s', (_what, change) => {
    expect(fresh(someEvidence(change))).toEqual([])
  })

  it('counts the newest that passed, until it ends', () => {
    expect(fresh(someEvidence())).toEqual(['permits-end'])
    expect(fresh(someEvidence({ endedAtMs: NOW_MS - VALID_MS + 1 }))).toEqual(['permits-end'])
    expect(fresh(someEvidence({ twin: null }))).toEqual(['permits-end'])
    expect(evidenceEndsAtMs(someEvidence(), charter)).toBe(NOW_MS - 1_000 + VALID_MS)
  })

  it('lets a newer failure take away what an older drill showed, and the worse of two at once stand', () => {
    const failed = someEvidence({ passed: false, endedAtMs: NOW_MS - 500 })
    expect(fresh(someEvidence(), failed)).toEqual([])
    expect(fresh(failed, someEvidence())).toEqual([])
    expect(fresh(someEvidence(), someEvidence({ passed: false }))).toEqual([])
    expect(fresh(failed, someEvidence({ endedAtMs: NOW_MS - 100 }))).toEqual(['permits-end'])
  })

  it('counts nothing by a clock that is no number', () => {
    expect([...freshEvidence([someEvidence()], charter, Number.NaN)]).toEqual([])
  })
})

describe('evidence', () => {
  it('has one form, and no field too many', () => {
    expect(evidenceSchema.safeParse(someEvidence()).success).toBe(true)
    expect(evidenceSchema.safeParse({ ...someEvidence(), note: 'x' }).success).toBe(false)
    expect(evidenceSchema.safeParse({ ...someEvidence(), promise: 6 }).success).toBe(false)
  })

  it('is asked for without warning over programme and nonce, both of them', () => {
    const text = (programme: string, nonce: string) => new TextDecoder().decode(drillStartMessage({ programme, nonce }))
    expect(text('orders', 'n1')).toBe('fairtrace/drill/v1\n{"nonce":"n1","programme":"orders"}')
    expect(text('orders', 'n2')).not.toBe(text('orders', 'n1'))
  })
})
