import { existsSync, readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { type AssuranceCase, PROMISE_CLAIMS } from './case.ts'
import { safeguardsPage } from './catalogue-page.ts'
import { assuranceMarkdown } from './markdown.ts'
import { assessmentResults } from './oscal.ts'
import { pickedByNonce, SAFEGUARDS } from './safeguards.ts'

const NOW_MS = Date.parse('2026-05-04T10:00:00Z')
const HOUR_MS = 3_600_000
const ROOT = new URL('../../../../', import.meta.url)

/** The whole catalogue: the first with evidence that counts, the second failed, the rest never drilled. */
function aCase(): AssuranceCase {
  return {
    programme: 'orders',
    title: 'Order desk',
    nowMs: NOW_MS,
    validMs: 168 * HOUR_MS,
    safeguards: SAFEGUARDS.map(({ id, statement, promise, owner, drill, attack }, i) => ({
      ...{ id, statement, promise, owner, drill, attack },
      state: i === 0 ? 'fresh' : i === 1 ? 'failed' : 'missing',
      newest:
        i > 1
          ? null
          : {
              jws: 'head.payload.signature',
              evidence: {
                v: 1,
                ...{ safeguard: id, drill, promise, passed: i === 0, twin: i === 0 ? true : null, basis: 'observed' },
                ...{ startedAtMs: NOW_MS - 3 * HOUR_MS, endedAtMs: NOW_MS - 2 * HOUR_MS, detectMs: 812, containMs: 40 },
                ...{ build: 'b', programme: 'orders', charter: 'A'.repeat(43), epoch: 1, nonce: null, drillEntry: 9 },
              },
            },
    })),
  }
}

describe('the catalogue of safeguards', () => {
  it('has at least 20, for each promise at least one, each under a name of its own with a drill of its own', () => {
    expect(SAFEGUARDS.length).toBeGreaterThanOrEqual(20)
    for (const names of [SAFEGUARDS.map(({ id }) => id), SAFEGUARDS.map(({ drill }) => drill)])
      expect(new Set(names).size).toBe(names.length)
    expect(new Set(SAFEGUARDS.map(({ promise }) => promise))).toEqual(new Set([1, 2, 3, 4, 5]))
    for (const { promise } of SAFEGUARDS) expect(PROMISE_CLAIMS[promise]).toBeDefined()
  })

  it('is what docs/safeguards.md says', () => {
    expect(readFileSync(new URL('docs/safeguards.md', ROOT), 'utf8')).toBe(safeguardsPage())
  })

  it('has a nonce pick any drill, and only one that shows something while the programme stands still', () => {
    const nonces = Array.from({ length: 2_000 }, (_, i) => `nonce-${i}`)
    expect(new Set(nonces.map((nonce) => pickedByNonce(nonce, true).id)).size).toBe(SAFEGUARDS.length)
    expect(nonces.map((nonce) => pickedByNonce(nonce, false)).filter(({ needsRunning }) => needsRunning)).toEqual([])
  })
})

describe('OSCAL assessment results', () => {
  // NIST's schema writes patterns with Unicode classes.
  const ajv = new Ajv({ strict: false, unicodeRegExp: true, allErrors: true })
  addFormats.default(ajv)
  const schema = readFileSync(new URL('testing/vectors/oscal/oscal_assessment-results_schema.json', ROOT), 'utf8')
  const isValid = ajv.compile(JSON.parse(schema))

  it('are what NIST’s own schema asks for, with evidence and without any', () => {
    const without = { ...aCase(), safeguards: aCase().safeguards.map((one) => ({ ...one, newest: null })) }
    for (const shown of [aCase(), without]) {
      isValid(assessmentResults(shown))
      expect(isValid.errors).toBeNull()
    }
  })

  it('are refused by it with a field missing, so the schema does look', () => {
    const document = structuredClone(assessmentResults(aCase())) as { 'assessment-results': { metadata?: unknown } }
    delete document['assessment-results'].metadata
    expect(isValid(document)).toBe(false)
  })

  it('say satisfied of what counts and of nothing else, and are the same for the same case', () => {
    const text = JSON.stringify(assessmentResults(aCase()))
    expect(text.match(/"state":"satisfied"/g)).toHaveLength(1)
    expect(text.match(/"state":"not-satisfied"/g)).toHaveLength(SAFEGUARDS.length - 1)
    expect(JSON.stringify(assessmentResults(aCase()))).toBe(text)
  })
})

describe('the case as a text', () => {
  it('says of every safeguard what there is, and how old', () => {
    const text = assuranceMarkdown(aCase())
    for (const { statement, drill } of SAFEGUARDS) {
      expect(text).toContain(statement)
      expect(text).toContain(`\`${drill}\``)
    }
    expect(text).toContain('held 2 h ago (2026-05-04 08:00), good until 2026-05-11 08:00')
    expect(text).toContain('FAILED at its last drill')
    expect(existsSync(new URL('docs/assurance.md', ROOT))).toBe(true)
  })
})
