import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFairtraceError } from '../errors.ts'
import { charterHash } from './charter-hash.ts'
import type { Charter } from './charter-schema.ts'
import { describeCharter } from './describe-charter.ts'
import { CHARTER_BYTES_MAX, parseCharter } from './parse-charter.ts'

const CHARTER_YAML = readFileSync(new URL('../../../../docs/examples/charter-pilot.yaml', import.meta.url), 'utf8')
const LINES = CHARTER_YAML.split('\n')

function faultsOf(yaml: string): string[] {
  try {
    parseCharter(yaml, 'charter.yaml')
  } catch (error) {
    if (isFairtraceError(error) && error.code === 'CHARTER_INVALID') return error.message.split('\n')
    throw error
  }
  return []
}

/** The text with one line replaced, and the number of that line. */
function withLine(start: string, replacement: string): { yaml: string; line: number } {
  const at = LINES.findIndex((line) => line.trimStart().startsWith(start))
  return { yaml: LINES.with(at, replacement).join('\n'), line: at + 1 }
}

describe('parseCharter', () => {
  it.each([
    ['an unknown field', 'title:', 'titel: Orders', 'titel: is no field of a charter'],
    ['a wrong type', 'version: 1', 'version: one', 'version: must be a number'],
    ['a list where a text belongs', 'title:', 'title: [a]', 'title: must be text'],
    ['an unknown choice', 'pointer: target', '  pointer: pixel', 'shield.pointer: must be one of: target, cell'],
    [
      'a duration without a unit',
      'reflection:',
      '  reflection: 14',
      'notice.reflection: write a whole number and seconds, minutes, hours or days, such as "14 days"',
    ],
    [
      'a reflection period under a day',
      'reflection:',
      '  reflection: 23 hours',
      'notice.reflection: at least 24 hours',
    ],
    ['half an hour to reflect', 'reflection:', '  reflection: 30 minutes', 'notice.reflection: at least 24 hours'],
    [
      'retention without end',
      'retention:',
      'retention: { recordings: forever, releases: 1 day, governance: 365 days }',
      'retention.recordings: write a whole number and seconds, minutes, hours or days, such as "14 days"',
    ],
    [
      'retention that is not said',
      'retention:',
      'retention: { recordings: 60 days, governance: 730 days }',
      'retention.releases: is missing',
    ],
    [
      'evaluating people as the purpose',
      'term:',
      '  term: dpv:EvaluationOfIndividuals',
      'purpose.term: evaluating or monitoring people can never be the purpose',
    ],
    [
      'a purpose that the charter itself forbids',
      'term:',
      '  term: dpv:Marketing',
      'purpose.term: this charter forbids it under forbiddenPurposes',
    ],
    [
      'a pause by concerns before their review',
      'concerns:',
      'concerns: { review: 6, pause: 6, reviewDeadline: 7 days }',
      'concerns.pause: must be more than review',
    ],
    [
      'concerns of two people',
      'concerns:',
      'concerns: { review: 2, pause: 6, reviewDeadline: 7 days }',
      'concerns.review: must be at least 3',
    ],
    [
      'a working day that ends before it begins',
      'to: ',
      '  to: 06:00',
      'workingHours.to: must be later than from, on the same day',
    ],
    [
      'a place without clocks',
      'zone:',
      '  zone: Europe/Atlantis',
      'workingHours.zone: a time zone, such as Europe/Berlin',
    ],
    ['a widening announced for an hour', 'period:', '  period: 1 hour', 'notice.period: at least 24 hours'],
    ['a review period under a day', 'review:', 'review: 30 minutes', 'review: at least 24 hours'],
    [
      'a purpose that monitors people',
      'term:',
      '  term: dpv:PersonnelPerformanceMonitoring',
      'purpose.term: evaluating or monitoring people can never be the purpose',
    ],
    [
      'a pattern instead of an app',
      '- id: web:',
      '    - id: "web:*"',
      'capture.apps[1].id: one exact app: desktop:<name> or web:<origin>',
    ],
    ['a release about two people', 'k: 5', '  k: 2', 'release.k: must be at least 3'],
    [
      'a missing field in a group',
      '- { group:',
      '  - { group: a, grantMax: 8 hours }',
      'audience[0].sizeMax: is missing',
    ],
    ['no builds', 'device: [', '  device: []', 'builds.device: must have at least 1 entry'],
  ])('names line, field and reason for %s', (_what, start, replacement, reason) => {
    const { yaml, line } = withLine(start, replacement)
    expect(faultsOf(yaml)).toContain(`charter.yaml:${line}: ${reason}`)
  })

  it('names a missing field at the line of its parent', () => {
    const without = LINES.filter((line) => !line.startsWith('  renewal:')).join('\n')
    expect(faultsOf(without)).toEqual([`charter.yaml:${LINES.indexOf('notice:') + 1}: notice.renewal: is missing`])
  })

  it('lists all faults, in the order of their lines', () => {
    const yaml = withLine('review:', 'review: 1 hour')
      .yaml.replace('country: DE', 'country: Germany')
      .replace('title: How', 'titel: How')
    const faults = faultsOf(yaml)
    expect(faults).toHaveLength(4)
    const lines = faults.map((fault) => Number(fault.split(':')[1]))
    expect(lines).toEqual(lines.toSorted((a, b) => a - b))
  })

  it.each([
    ['a syntax error', 'a: [\n', 'charter.yaml:2: not readable as YAML'],
    ['a field written twice', `${CHARTER_YAML}builds: [x]\n`, `charter.yaml:${LINES.length}: a field is written twice`],
    ['a reference to another part', 'a: &x 1\nb: *x\n', 'charter.yaml:2: write the value out'],
    [
      'a bomb of references',
      `a: &a [x]\n${[...'bcdefghij'].map((k, i) => `${k}: &${k} [${'*a, '.replace('a', 'abcdefghi'.charAt(i)).repeat(9)}]`).join('\n')}`,
      'charter.yaml:2: write the value out',
    ],
    ['a second document', 'a: 1\n---\nb: 1\n', 'charter.yaml:2: a charter is one document'],
    ['nesting without end', '['.repeat(100_000), 'charter.yaml:1: nested too deeply'],
    ['a tag', 'a: !!binary aGk=\n', 'charter.yaml:1:'],
    ['an empty file', '', 'charter.yaml:1: the charter: must be a group of fields'],
    ['more than a mebibyte', `# ${'x'.repeat(CHARTER_BYTES_MAX)}`, 'charter.yaml:1: 1048578 bytes'],
  ])('refuses %s', (_what, yaml, start) => {
    expect(faultsOf(yaml)[0]?.startsWith(start)).toBe(true)
  })

  it('gives a field name no way to look like another fault', () => {
    expect(
      faultsOf(`"x\\ncharter.yaml:1: purpose": 1\n`).filter((fault) => fault.includes('purpose: is no')),
    ).toHaveLength(1)
  })

  it('refuses approvers of one role alone', () => {
    const yaml = CHARTER_YAML.replace(/ {2}- \{ name: Robin Okafor.*\n/, '')
    expect(faultsOf(yaml)).toContainEqual(
      expect.stringContaining('approvers: needs at least one of each role: data-protection, worker-representative'),
    )
  })

  it('refuses an approver who holds a key of the installation', () => {
    const builder = /builder: (\S+)/.exec(CHARTER_YAML)?.[1] ?? ''
    const yaml = CHARTER_YAML.replace(/key: \S+ \}/, `key: ${builder} }`)
    expect(faultsOf(yaml)).toContainEqual(
      expect.stringContaining('approvers: an approver or one of the quorum holds a key of the installation'),
    )
  })

  it('gives every other text a CHARTER_INVALID and nothing else', () => {
    const arbitrary = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.json(), mutated())
    fc.assert(
      fc.property(arbitrary, (yaml) => {
        for (const fault of faultsOf(yaml)) expect(fault).toMatch(/^charter\.yaml:(?:\d+:| and)/)
      }),
    )
  })

  it('parses the worked example of the documentation', () => {
    const charter = parseCharter(CHARTER_YAML, 'charter-pilot.yaml')
    expect(charter.notice.reflection).toBe(14 * 86_400_000)
    expect(charter.review).toBe(3 * 86_400_000)
    expect(charter.demonstration).toBe(false)
  })

  it('freezes everything', () => {
    const charter = parseCharter(CHARTER_YAML, 'charter.yaml')
    const parts: unknown[] = [charter]
    for (const part of parts) {
      expect(Object.isFrozen(part)).toBe(true)
      if (typeof part === 'object' && part !== null)
        parts.push(...Object.values(part).filter((v) => typeof v === 'object'))
    }
    expect(parts.length).toBeGreaterThan(20)
  })
})

describe('the quorum', () => {
  it.each([
    ['three people', (yaml: string) => yaml.replace(/ {2}- \{ name: Sam .*\n/, ''), 'quorum: needs four people'],
    [
      'one person in two roles',
      (yaml: string) => yaml.replace('name: Sam Lindqvist', 'name: Olga Schmidt'),
      'quorum: two of the quorum share a name',
    ],
    [
      'one key in two hands',
      (yaml: string) => yaml.replace(/(name: Sam .* key: )\S+/, `$1${'A'.repeat(42)}c`),
      'quorum: two of the quorum share a key',
    ],
    [
      'an approver under another name',
      (yaml: string) => yaml.replace('Dana Weiss, role: data-protection', 'D. Weiss, role: data-protection'),
      'quorum: who is an approver too',
    ],
  ])('is not %s', (_what, change, reason) => {
    expect(faultsOf(change(CHARTER_YAML))).toContainEqual(expect.stringContaining(reason))
  })
})

describe('charterHash', () => {
  const parsed = parseCharter(CHARTER_YAML, 'a.yaml')

  it('ignores comments and the order of fields, and nothing that means something', () => {
    const reordered = `review: # a comment\n  3 days\n${LINES.filter((line) => !line.startsWith('review:')).join('\n')}`
    expect(charterHash(parseCharter(reordered, 'b.yaml'))).toBe(charterHash(parsed))
    expect(charterHash({ ...parsed, review: 2 * 86_400_000 })).not.toBe(charterHash(parsed))
    expect(charterHash(parsed)).toMatch(/^[\w-]{43}$/)
  })
})

describe('describeCharter', () => {
  const parsed: Charter = parseCharter(CHARTER_YAML, 'a.yaml')

  it('says who, what, how long and how many', () => {
    const text = describeCharter(parsed).join('\n')
    for (const part of [
      'Order tool',
      '14 days',
      '3 days of review',
      '8 hours',
      'Robin Okafor',
      'fewer than 5 people',
    ]) {
      expect(text).toContain(part)
    }
  })

  it('says that a charter without apps captures nothing', () => {
    expect(describeCharter({ ...parsed, capture: { ...parsed.capture, apps: [] } }).join('\n')).toContain(
      'nothing is captured',
    )
  })
})

/** The valid text with a stretch of it taken out or replaced. */
function mutated(): fc.Arbitrary<string> {
  return fc
    .tuple(fc.nat(CHARTER_YAML.length), fc.nat(60), fc.string({ maxLength: 20 }))
    .map(([at, length, text]) => CHARTER_YAML.slice(0, at) + text + CHARTER_YAML.slice(at + length))
}
