import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { breachRecord } from './breach-record.ts'
import { parseCharter } from './charter/parse-charter.ts'
import { countWords, type ExposedSurface, type IncidentReport, noticeText, reachOf, shownCount } from './incident.ts'
import { incidentHtml, incidentMarkdown } from './incident-report.ts'

const charter = parseCharter(
  readFileSync(new URL('../../../docs/examples/charter-pilot.yaml', import.meta.url), 'utf8'),
  'charter.yaml',
)
const DPV = new URL('../../../testing/vectors/dpv/terms-2.3.txt', import.meta.url)

function aSurface(overrides: Partial<ExposedSurface> = {}): ExposedSurface {
  return {
    id: 'exposure',
    kind: 'reader-unexpected',
    severity: 'critical',
    surface: 'table vault.chunks',
    drill: null,
    fromMs: null,
    foundAtMs: 2_000,
    closedAtMs: 3_000,
    state: 'closed',
    reopened: 0,
    readers: [{ who: 'intern', through: 'grant' }],
    couldRead: { atLeast: 10 },
    ...overrides,
  }
}

function aReport(overrides: Partial<IncidentReport> = {}): IncidentReport {
  return {
    id: 'A'.repeat(22),
    programme: charter.programme,
    title: charter.title,
    isRehearsal: false,
    epoch: 7,
    openedAtMs: 2_500,
    endedAtMs: null,
    timeline: [{ atMs: 2_000, what: 'Found', ledgerIndex: 4 }],
    surfaces: [aSurface()],
    reads: [{ atMs: 2_100, ledgerIndex: 3, who: 'Rhea', people: { fewerThan: 5 } }],
    unknowns: ['Some of it.'],
    acknowledged: { points: 4, of: 5, missing: ['builder'] },
    cause: null,
    notices: { drafted: { fewerThan: 5 }, sentAtMs: null, approvedBy: null },
    madeAtMs: 4_000,
    ...overrides,
  }
}

describe('shownCount', () => {
  it('tells nobody below k from a few, and nobody’s part from a step of k', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.integer({ min: 3, max: 100 }), (people, k) => {
        const shown = shownCount(people, k)
        if (people < k) expect(shown).toEqual({ fewerThan: k })
        else expect(shown).toEqual({ atLeast: people - (people % k) })
      }),
    )
    expect(shownCount(Number.NaN, 5)).toEqual({ fewerThan: 5 })
    expect(countWords(shownCount(0, 5))).toBe(countWords(shownCount(4, 5)))
  })
})

describe('reachOf', () => {
  it('takes a surface that it does not know for everybody’s', () => {
    expect(reachOf('table consent.people', 'reader-unexpected')).toBe('everybody')
    expect(reachOf('something new', 'reader-unexpected')).toBe('everybody')
    expect(reachOf('table ledger.entries', 'reader-unexpected')).toBe('nobody')
    expect(reachOf('process vault', 'watch-silent')).toBe('nobody')
  })
})

describe('noticeText', () => {
  it('says where, and that it is not known since when', () => {
    const text = noticeText(aReport())
    expect(text).toContain('table vault.chunks')
    expect(text).toContain('we do not know')
  })

  it('says when it is known, and says nothing of who it was or how many', () => {
    const text = noticeText(aReport({ surfaces: [aSurface({ fromMs: 1_000 })] }))
    expect(text).toContain('from 1970-01-01 00:00 UTC')
    expect(text).not.toContain('intern')
    expect(text).not.toMatch(/\bat least\b/)
  })

  it('says so where nothing of theirs was in reach, and in a rehearsal', () => {
    expect(noticeText(aReport({ surfaces: [aSurface({ state: 'false-alarm' })] }))).toContain(
      'Nothing that holds your data',
    )
    expect(noticeText(aReport({ isRehearsal: true }))).toMatch(/^This is a rehearsal/)
  })
})

describe('the report as text', () => {
  const nasty = '# <script>alert(1)</script> | [x](javascript:1)\n## mine'

  it('lets no name of a table become a heading, a cell or a script', () => {
    const report = aReport({ surfaces: [aSurface({ surface: nasty })] })
    expect(incidentHtml(report).text).not.toContain('<script>')
    const markdown = incidentMarkdown(report)
    expect(markdown).not.toMatch(/^## mine/m)
    expect(markdown).not.toMatch(/(?<!\\)<script/)
    expect(markdown).not.toMatch(/(?<!\\)\[x/)
  })

  it('says the same in both forms', () => {
    const report = aReport()
    for (const text of [incidentMarkdown(report), incidentHtml(report).text]) {
      for (const part of ['epoch 7', 'vault.chunks', 'intern', 'Rhea', 'builder', 'fewer than 5', 'at least 10']) {
        expect(text).toContain(part)
      }
    }
  })
})

describe('breachRecord', () => {
  it('is a breach only if somebody’s data was in reach, and no rehearsal', () => {
    expect(breachRecord(aReport(), charter)['@type']).toEqual(['dpv:DataBreachRecord'])
    for (const other of [aReport({ isRehearsal: true }), aReport({ surfaces: [] })]) {
      expect(breachRecord(other, charter)['@type']).toEqual(['dpv:SecurityIncidentRecord'])
    }
  })

  it('uses terms of DPV 2.3 alone', () => {
    const known = new Set(readFileSync(DPV, 'utf8').trim().split('\n'))
    const cause = {
      ...{ text: 'x'.repeat(20), safeguards: ['one'], by: 'data-protection', atMs: 1 },
      actions: [{ what: 'a', owner: 'b', dueOn: '2026-06-01' }],
    }
    const { '@context': _, ...record } = breachRecord(aReport({ cause }), charter)
    const used = new Set(JSON.stringify(record).match(/"(?:dpv|pd|eu-gdpr|loc):[A-Za-z0-9-]+(?=")/g))
    const terms = [...used].map((term) => term.slice(1))
    expect(terms.length).toBeGreaterThan(15)
    expect(terms.filter((term) => !known.has(term))).toEqual([])
  })
})
