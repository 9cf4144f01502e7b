import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { canonicalJson } from '../canonical-json.ts'
import { charterHash } from './charter-hash.ts'
import { type Charter, charterSchema } from './charter-schema.ts'
import { COMPARED_WHOLE, FIELD_RULES, LIST_NAMES } from './field-rules.ts'
import { parseCharter } from './parse-charter.ts'
import { charterText, compareCharters, narrowedBy, widens, widensUse } from './widens.ts'

const DAY = 86_400_000
const YAML = readFileSync(new URL('../../../../docs/examples/charter-pilot.yaml', import.meta.url), 'utf8')
const base = parseCharter(YAML, 'charter.yaml')

const fieldsOf = (old: Charter, next: Charter) => widens(old, next).map(({ field }) => field)

describe('widens', () => {
  it.each<[string, Partial<Charter>, string]>([
    ['one more app', withApps([...base.capture.apps, anApp('desktop:mail')]), 'capture.apps'],
    ['one more label', withLabels(['Save', 'Delete']), 'capture.apps[desktop:orders].labels'],
    ['a shorter reflection', { notice: { ...base.notice, reflection: 13 * DAY } }, 'notice.reflection'],
    ['a shorter notice period', { notice: { ...base.notice, period: DAY } }, 'notice.period'],
    ['another text of the notice', { notice: { ...base.notice, text: 'Agree.' } }, 'notice.text'],
    ['a shorter review', { review: DAY }, 'review'],
    ['longer retention', { retention: { ...base.retention, recordings: 61 * DAY } }, 'retention.recordings'],
    [
      'accesses that vanish sooner',
      { retention: { ...base.retention, governance: 365 * DAY } },
      'retention.governance',
    ],
    [
      'more readers',
      { audience: [{ group: 'agent training', sizeMax: 5, grantMax: 28_800_000 }] },
      'audience[agent training].sizeMax',
    ],
    ['fewer forbidden purposes', { forbiddenPurposes: base.forbiddenPurposes.slice(0, 2) }, 'forbiddenPurposes'],
    ['a finer pointer', { shield: { ...base.shield, pointer: 'target' } }, 'shield.pointer'],
    ['an earlier morning', { workingHours: { ...base.workingHours, from: '06:59' } }, 'workingHours.from'],
    ['the clocks of another place', { workingHours: { ...base.workingHours, zone: 'UTC' } }, 'workingHours.zone'],
    ['a smaller k', { release: { ...base.release, k: 4 } }, 'release.k'],
    ['export', { release: { ...base.release, exportAllowed: true } }, 'release.exportAllowed'],
    ['a later pause by concerns', { concerns: { ...base.concerns, pause: 7 } }, 'concerns.pause'],
    ['an exposure that may last longer', { exposure: { ...base.exposure, contain: 61_000 } }, 'exposure.contain'],
    ['another build', { builds: { ...base.builds, device: ['sha256:other'] } }, 'builds.device'],
  ])('names %s', (_what, change, field) => {
    const old = field === 'shield.pointer' ? { ...base, shield: { ...base.shield, pointer: 'cell' as const } } : base
    expect(fieldsOf(old, { ...base, ...change })).toEqual([field])
  })

  it('counts a replaced approver, and one who only changes their key', () => {
    const [first, second] = base.approvers
    if (first === undefined || second === undefined) throw new RangeError('the example has two approvers')
    const replaced = { ...base, approvers: [first, { ...second, name: 'Somebody Else' }] }
    expect(fieldsOf(base, replaced)).toEqual(['approvers'])
    expect(fieldsOf(base, { ...base, approvers: [first, { ...second, key: `${'B'.repeat(42)}E` }] })).toEqual([
      'approvers',
    ])
    expect(fieldsOf(base, { ...base, approvers: [second, first] })).toEqual([])
  })

  it.each<[string, Charter['ledger'], Charter['ledger'], 'widens' | 'narrows' | null]>([
    ['the first witness', undefined, witnesses(1, 'a'), 'narrows'],
    ['no witness any more', witnesses(1, 'a'), undefined, 'widens'],
    ['a lower quorum', witnesses(2, 'a', 'b'), witnesses(1, 'a', 'b'), 'widens'],
    ['a higher quorum', witnesses(1, 'a', 'b'), witnesses(2, 'a', 'b'), 'narrows'],
    ['a witness fewer', witnesses(1, 'a', 'b'), witnesses(1, 'a'), 'widens'],
    ['a witness more whom it takes too', witnesses(2, 'a', 'b'), witnesses(3, 'a', 'b', 'c'), 'narrows'],
    ['a witness more who may stand in for another', witnesses(2, 'a', 'b'), witnesses(2, 'a', 'b', 'c'), 'widens'],
    [
      'another key',
      witnesses(1, 'a', 'b'),
      { ...witnesses(1, 'a', 'b'), ...withKey(witnesses(1, 'a', 'b')) },
      'widens',
    ],
    ['another order', witnesses(1, 'a', 'b'), witnesses(1, 'b', 'a'), null],
  ])('judges the witnesses of the ledger: %s', (_what, before, after, effect) => {
    const [old, next] = [before, after].map((ledger) => {
      const { ledger: _none, ...rest } = base
      return ledger === undefined ? rest : { ...rest, ledger }
    }) as [Charter, Charter]
    expect(compareCharters(old, next).map((change) => change.effect)).toEqual(effect === null ? [] : [effect])
    expect(narrowedBy(old, next)?.ledger).toEqual(effect === 'narrows' ? after : before)
  })

  it('is silent about words that give nobody anything, which a comparison still shows', () => {
    const renamed = { ...base, version: 2, title: 'Orders' }
    expect(widens(base, renamed)).toEqual([])
    expect(compareCharters(base, renamed).map(({ field, effect }) => [field, effect])).toEqual([
      ['version', 'neutral'],
      ['title', 'neutral'],
    ])
  })

  it('says before and after in the words of the charter', () => {
    expect(widens(base, { ...base, review: DAY })).toEqual([
      { field: 'review', who: 'everybody who takes part', before: '3 days', after: '1 day' },
    ])
  })

  it('knows what reaches back to recordings that are stored', () => {
    expect(widensUse(base, { ...base, review: DAY })).toBe(false)
    expect(widensUse(base, { ...base, release: { ...base.release, exportAllowed: true } })).toBe(true)
  })

  // A field without a rule would be a widening that nobody sees.
  it('has one rule for each field of the schema, and none for any other', () => {
    expect(Object.keys(FIELD_RULES).toSorted()).toEqual(
      leavesOf(z.toJSONSchema(charterSchema, { io: 'input' })).toSorted(),
    )
  })
})

describe('the order of charters', () => {
  const pair = fc.tuple(aVariant(), aVariant())

  it('is reflexive', () => {
    fc.assert(fc.property(aVariant(), (charter) => void expect(widens(charter, charter)).toEqual([])))
  })

  it('is antisymmetric up to neutral words and the order of lists', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const isSame = widens(a, b).length === 0 && widens(b, a).length === 0
        expect(isSame).toBe(meaningOf(a) === meaningOf(b))
      }),
    )
  })

  it('is transitive', () => {
    fc.assert(
      fc.property(aVariant(), aVariant(), aVariant(), (a, x, y) => {
        // Two steps down, so that there is a chain to follow; random triples hardly ever form one.
        const b = narrowedBy(a, x)
        const c = b === null ? null : narrowedBy(b, y)
        if (b === null || c === null) return
        expect(widens(a, b)).toEqual([])
        expect(widens(b, c)).toEqual([])
        expect(widens(a, c)).toEqual([])
      }),
    )
    fc.assert(
      fc.property(aVariant(), aVariant(), aVariant(), (a, b, c) => {
        const isChain = widens(a, b).length === 0 && widens(b, c).length === 0
        expect(isChain && widens(a, c).length > 0).toBe(false)
      }),
    )
  })

  it('never asks for approval of what only narrows, and finds a widening on the way back', () => {
    fc.assert(
      fc.property(pair, ([old, other]) => {
        const narrowed = narrowedBy(old, other)
        if (narrowed === null) return
        expect(widens(old, narrowed)).toEqual([])
        const isLess = compareCharters(old, narrowed).some(({ effect }) => effect === 'narrows')
        expect(widens(narrowed, old).length > 0).toBe(isLess)
      }),
    )
  })

  it('calls a change by the same names in both directions', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const changed = (old: Charter, next: Charter) => compareCharters(old, next).map(({ field }) => field)
        expect(changed(a, b)).toEqual(changed(b, a))
      }),
    )
  })
})

describe('narrowedBy', () => {
  it('keeps what was agreed to, and takes every narrowing', () => {
    const next = {
      ...base,
      notice: { ...base.notice, version: 2, text: 'Agree.' },
      retention: { ...base.retention, recordings: 30 * DAY, releases: 400 * DAY },
      ...withApps([...base.capture.apps.slice(0, 1), anApp('desktop:mail')]),
    }
    const terms = narrowedBy(base, next)
    expect(terms?.notice).toEqual(base.notice)
    expect(terms?.retention).toEqual({ ...base.retention, recordings: 30 * DAY })
    expect(terms?.capture.apps.map(({ id }) => id)).toEqual(['desktop:orders'])
  })

  it('is null where nothing is left', () => {
    expect(narrowedBy(base, { ...base, capture: { ...base.capture, categories: ['switches'] } })).toBeNull()
    expect(narrowedBy(base, { ...base, workingHours: { ...base.workingHours, from: '20:00', to: '22:00' } })).toBeNull()
  })

  it('is the charter in force itself for whom that only narrows', () => {
    fc.assert(
      fc.property(aVariant(), aVariant(), (old, other) => {
        const narrower = narrowedBy(old, other)
        if (narrower === null) return
        const terms = narrowedBy(old, narrower)
        expect(terms === null ? null : meaningOf(terms)).toBe(meaningOf(narrower))
      }),
    )
  })
})

describe('charterText', () => {
  it('parses back to the same charter', () => {
    fc.assert(
      fc.property(aVariant(), (charter) => {
        expect(charterHash(parseCharter(charterText(charter), 'text'))).toBe(charterHash(charter))
      }),
      { numRuns: 30 },
    )
  })
})

/** The value without neutral fields, lists in one order and each member once: what must be equal for equal charters. */
function meaningOf(charter: Charter): string {
  const set = <T>(list: readonly T[]) => [...new Set(list.map((one) => canonicalJson(one)))].toSorted()
  const {
    version: _version,
    title: _title,
    impactAssessment: _assessment,
    consultation: _consultation,
    ...rest
  } = charter
  const { contact: _contact, ...controller } = charter.controller
  return canonicalJson({
    ...rest,
    controller,
    forbiddenPurposes: set(charter.forbiddenPurposes),
    capture: {
      categories: set(charter.capture.categories),
      apps: set(charter.capture.apps.map(({ id, labels }) => ({ id, labels: set(labels) }))),
      tasks: set(charter.capture.tasks),
    },
    shield: { ...charter.shield, roles: set(charter.shield.roles) },
    workingHours: { ...charter.workingHours, days: set(charter.workingHours.days) },
    audience: set(charter.audience),
    approvers: set(charter.approvers),
    quorum: set(charter.quorum),
    builds: { device: set(charter.builds.device), server: set(charter.builds.server) },
  })
}

/** Charters that differ from the example in a few fields, with few values each, so that two of them often compare. */
function aVariant(): fc.Arbitrary<Charter> {
  const some = <T>(list: readonly T[]) => fc.subarray([...list], { minLength: 1 })
  const maybe = <K extends keyof Charter>(key: K, values: fc.Arbitrary<Charter[K]>): fc.Arbitrary<Partial<Charter>> =>
    fc.option(values, { nil: undefined, freq: 2 }).map((value) => (value === undefined ? {} : { [key]: value }))
  const label = fc.subarray(['Save', 'Cancel', 'Search'])
  const parts: fc.Arbitrary<Partial<Charter>>[] = [
    maybe('version', fc.integer({ min: 1, max: 3 })),
    maybe('title', fc.constantFrom('A', 'B')),
    maybe('demonstration', fc.boolean()),
    maybe(
      'purpose',
      fc.record({
        term: fc.constantFrom('dpv:ResearchAndDevelopment', 'dpv:ServiceProvision'),
        sentence: fc.constantFrom('x', 'y'),
      }),
    ),
    maybe(
      'forbiddenPurposes',
      fc.subarray(['dpv:Marketing', 'dpv:Advertising']).map((more) => [...base.forbiddenPurposes.slice(0, 2), ...more]),
    ),
    maybe(
      'controller',
      fc.record({
        name: fc.constantFrom('A', 'B'),
        contact: fc.constantFrom('a', 'b'),
        country: fc.constantFrom('DE', 'FR'),
      }),
    ),
    maybe(
      'notice',
      fc.record({
        version: fc.integer({ min: 1, max: 2 }),
        text: fc.constantFrom('one', 'two'),
        reflection: days(1, 3),
        renewal: days(1, 3),
        period: days(1, 3),
      }),
    ),
    maybe(
      'capture',
      fc.record({
        categories: some(['pointer', 'keyboard', 'switches'] as const),
        apps: fc
          .subarray(['desktop:orders', 'desktop:mail', 'web:https://a.example'])
          .chain((ids) =>
            fc.tuple(
              ...ids.map((id) => fc.record({ id: fc.constant(id), title: fc.constantFrom('x', 'y'), labels: label })),
            ),
          ),
        tasks: fc
          .subarray(['one', 'two'])
          .chain((ids) =>
            fc.tuple(
              ...ids.map((id) => fc.record({ id: fc.constant(id), instruction: fc.constantFrom('do', 'do it') })),
            ),
          ),
      }),
    ),
    maybe(
      'shield',
      fc.record({
        pointer: fc.constantFrom('cell' as const, 'target' as const),
        keyboard: fc.constantFrom('none' as const, 'kind' as const, 'kind-and-length' as const),
        labels: fc.constantFrom('none' as const, 'catalogue' as const),
        roles: some(['button', 'link', 'other'] as const),
      }),
    ),
    maybe(
      'workingHours',
      fc.record({
        zone: fc.constantFrom('UTC', 'Europe/Berlin'),
        days: some(['monday', 'tuesday', 'sunday'] as const),
        from: fc.constantFrom('07:00', '08:00'),
        to: fc.constantFrom('17:00', '19:00'),
      }),
    ),
    maybe('review', days(1, 3)),
    maybe('retention', fc.record({ recordings: days(1, 3), releases: days(1, 3), governance: days(365, 367) })),
    maybe(
      'audience',
      fc
        .subarray(['a', 'b'])
        .chain((groups) =>
          fc.tuple(
            ...groups.map((group) =>
              fc.record({ group: fc.constant(group), sizeMax: fc.integer({ min: 1, max: 3 }), grantMax: days(1, 3) }),
            ),
          ),
        ),
    ),
    maybe('approvers', fc.constantFrom(base.approvers, base.approvers.toReversed())),
    maybe(
      'exposure',
      fc.record({
        detect: days(1, 1),
        contain: fc.constantFrom(1_000, 2_000),
        places: fc.subarray(['a', 'b']).map((names) => names.map((name) => ({ name, at: 'file:///srv' }) as const)),
        severity: fc.constantFrom({}, { 'object-unnamed': 'high' } as const, { 'object-damaged': 'low' } as const),
        askFirst: fc.subarray(['object-unnamed', 'copy-found'] as const),
        intake: fc.constantFrom('quarantine' as const, 'refuse' as const),
      }),
    ),
    maybe('assurance', fc.record({ evidence: days(1, 3) })),
    maybe(
      'training',
      fc.record({
        epsilonMax: fc.integer({ min: 0, max: 2 }),
        hoursMax: fc.constant(1),
        memoryGibMax: fc.constant(4),
        outputMibMax: fc.integer({ min: 1, max: 2 }),
      }),
    ),
    maybe(
      'concerns',
      fc.record({
        review: fc.integer({ min: 3, max: 4 }),
        pause: fc.integer({ min: 5, max: 6 }),
        reviewDeadline: days(1, 3),
      }),
    ),
    maybe(
      'release',
      fc.record({
        k: fc.integer({ min: 3, max: 5 }),
        segmentActionsMax: fc.integer({ min: 2, max: 4 }),
        segmentsPerPersonMax: fc.integer({ min: 1, max: 3 }),
        exportAllowed: fc.boolean(),
        shareMax: fc.constantFrom(0.1, 0.2),
        typeActions: fc.integer({ min: 1, max: 3 }),
        risk: fc.record({
          singleMax: fc.constantFrom(1.5, 2),
          linkedMax: fc.constantFrom(1.5, 2),
          pairAucMax: fc.constantFrom(0.5, 0.6),
          membershipMax: fc.constantFrom(0.002, 0.003),
        }),
        interval: days(1, 3),
      }),
    ),
    maybe('builds', fc.record({ device: some(['a', 'b']), server: some(['a', 'b']) })),
  ]
  return fc.tuple(...parts).map((chosen) => ({ ...base, ...Object.assign({}, ...chosen) }))
}

function days(min: number, max: number): fc.Arbitrary<number> {
  return fc.integer({ min, max }).map((count) => count * DAY)
}

function anApp(id: string): Charter['capture']['apps'][number] {
  return { id, title: id, labels: [] }
}

function withApps(apps: Charter['capture']['apps']): Pick<Charter, 'capture'> {
  return { capture: { ...base.capture, apps } }
}

function withLabels(labels: readonly string[]): Pick<Charter, 'capture'> {
  return withApps(
    base.capture.apps.map((app) =>
      app.id === 'desktop:orders' ? { ...app, labels: [...app.labels, ...labels] } : app,
    ),
  )
}

function witnesses(quorum: number, ...names: readonly string[]): NonNullable<Charter['ledger']> {
  const keyOf = (name: string) => `${name.toUpperCase().repeat(42)}A`
  return { witnesses: names.map((name) => ({ name, key: keyOf(name) })), quorum }
}

function withKey({
  witnesses: [first, ...rest],
}: NonNullable<Charter['ledger']>): Pick<NonNullable<Charter['ledger']>, 'witnesses'> {
  if (first === undefined) throw new RangeError('no witness')
  return { witnesses: [{ ...first, key: `${'Z'.repeat(42)}A` }, ...rest] }
}

/** Paths of everything in the schema that holds a value: `capture.apps[].labels`. Lists of plain values, and those compared whole, are leaves. */
function leavesOf(node: unknown, path = ''): string[] {
  const { properties, items } = z
    .looseObject({ properties: z.record(z.string(), z.unknown()), items: z.unknown() })
    .partial()
    .parse(node)
  if (properties !== undefined && !COMPARED_WHOLE.includes(path)) {
    return Object.entries(properties).flatMap(([name, child]) =>
      leavesOf(child, path === '' ? name : `${path}.${name}`),
    )
  }
  return items !== undefined && path in LIST_NAMES ? leavesOf(items, `${path}[]`) : [path]
}
