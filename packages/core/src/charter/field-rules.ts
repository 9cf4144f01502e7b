/**
 * What a change of each field means: the one table that decides whether a charter gives anybody more.
 *
 * Every leaf of the schema stands here, and a test fails for one that doesn't. `list[].field` is a field of a list whose
 * entries have a name (`LIST_NAMES`); it is compared between entries of the same name. A rule compares two values, and says
 * which value is the narrower of both, for people who have not agreed to more.
 */
import { canonicalJson } from '../canonical-json.ts'
import { EXPOSURE_KINDS, EXPOSURE_SEVERITY, type ExposureKind, SEVERITIES, type Severity } from '../exposure.ts'
import { durationText } from './duration.ts'

type Comparison = 'equal' | 'more' | 'less' | 'incomparable'

interface Rule {
  /** What `next` is to `old`: `more` and `incomparable` are widenings, `less` is a narrowing. */
  compare(old: unknown, next: unknown): Comparison
  /** The greatest value that is no widening of `old` nor, where the two can be compared, of `next`. */
  narrower(old: unknown, next: unknown): unknown
  show(value: unknown): string
  /** A length of time, which a charter writes as text. */
  readonly isDuration?: true
  /** Text and records that give nobody anything: a change of them is none. */
  readonly isNeutral?: true
}

export interface FieldRule {
  readonly rule: Rule
  /** Whom a widening of it gives more, or takes more from, in plain words. */
  readonly who: string
  /** Whether it governs what was stored before: such a widening doesn't reach recordings made under the old terms. */
  readonly bindsUse?: true
}

/** Under which field an entry of a list is known. */
export const LIST_NAMES: Readonly<Record<string, string>> = {
  'capture.apps': 'id',
  'capture.tasks': 'id',
  audience: 'group',
}

/** Objects that are compared as one value, because no field of them means anything alone. */
export const COMPARED_WHOLE: readonly string[] = ['ledger', 'exposure.places', 'exposure.severity']

const SHOWN_MAX = 6

function ordered(compare: (old: unknown, next: unknown) => number, show: (value: unknown) => string = String): Rule {
  return {
    compare: (old, next) => {
      const sign = compare(old, next)
      return sign === 0 ? 'equal' : sign > 0 ? 'more' : 'less'
    },
    narrower: (old, next) => (compare(old, next) > 0 ? old : next),
    show,
  }
}

const number = (value: unknown) => Number(value)
const larger = ordered((old, next) => number(next) - number(old))
const smaller = ordered((old, next) => number(old) - number(next))
const longer: Rule = {
  ...ordered(
    (old, next) => number(next) - number(old),
    (ms) => durationText(number(ms)),
  ),
  isDuration: true,
}
const shorter: Rule = {
  ...ordered(
    (old, next) => number(old) - number(next),
    (ms) => durationText(number(ms)),
  ),
  isDuration: true,
}
const sooner = ordered((old, next) => compareText(String(old), String(next)))
const later = ordered((old, next) => compareText(String(next), String(old)))
const allowed = ordered(
  (old, next) => Number(next === true) - Number(old === true),
  (value) => (value === true ? 'yes' : 'no'),
)

/** From the least to the most. */
function levels(...names: readonly string[]): Rule {
  return ordered((old, next) => names.indexOf(String(next)) - names.indexOf(String(old)))
}

/** A list without order. `grows` says whether a member more gives more (an app) or takes away (a forbidden purpose). */
function set(grows: 'widens' | 'narrows'): Rule {
  return {
    compare: (old, next) => {
      const [before, after] = [members(old), members(next)]
      const hasAdded = after.some((member) => !before.includes(member))
      const hasRemoved = before.some((member) => !after.includes(member))
      if (hasAdded && hasRemoved) return 'incomparable'
      if (!hasAdded && !hasRemoved) return 'equal'
      return hasAdded === (grows === 'widens') ? 'more' : 'less'
    },
    narrower: (old, next) => {
      const [before, after] = [members(old), members(next)]
      if (grows === 'widens') return before.filter((member) => after.includes(member))
      return [...before, ...after.filter((member) => !before.includes(member))]
    },
    show: (value) => listText(members(value)),
  }
}

/** Any other value gives somebody something else: who decides, for what, by which text. */
function identity(show: (value: unknown) => string = String): Rule {
  return {
    compare: (old, next) => (canonicalJson(sorted(old)) === canonicalJson(sorted(next)) ? 'equal' : 'incomparable'),
    narrower: (old) => old,
    show,
  }
}

const same = identity()
const words = identity((value) => excerpt(String(value)))
/** Compared as a whole: whoever comes, goes or changes a key is another set of people who decide. */
const people = identity((value) =>
  listText(Array.isArray(value) ? value.map((one: { name?: unknown }) => String(one.name)) : []),
)
/** Not less exactly if whatever satisfies the new witnesses would have satisfied the old ones, and no old witness went. */
const witnesses: Rule = {
  compare: (old, next) => {
    const [before, after] = [witnessPolicy(old), witnessPolicy(next)]
    const isKept = before.keys.every((key) => after.keys.includes(key))
    const others = after.keys.filter((key) => !before.keys.includes(key)).length
    if (isKept && others === 0 && before.quorum === after.quorum) return 'equal'
    // The worst case: every witness that came with the change has cosigned, and of the old ones as few as still suffice.
    return isKept && after.quorum - others >= before.quorum ? 'less' : 'more'
  },
  narrower: (old, next) => (witnesses.compare(old, next) === 'less' ? next : old),
  show: (value) => {
    const { keys, quorum } = witnessPolicy(value)
    return quorum === 0 ? 'none' : `${quorum} of ${keys.length}`
  },
}
const neutral: Rule = {
  compare: () => 'equal',
  narrower: (old) => old,
  show: (value) => excerpt(String(value)),
  isNeutral: true,
}
const added = set('widens')
/** Places that are swept: one more is more that is seen, and another address is another place. */
const lookedAt: Rule = {
  ...overMembers(set('narrows'), (value) => listOf(value).map((place) => canonicalJson(place))),
  narrower: (old, next) => {
    const names = new Set(listOf(old).map((place) => canonicalJson(place)))
    return [...listOf(old), ...listOf(next).filter((place) => !names.has(canonicalJson(place)))]
  },
  show: (value) => listText(listOf(value).map((place) => String((place as { name?: unknown }).name))),
}
/** How grave each kind counts: a kind that becomes lighter anywhere is a widening. */
const severities: Rule = {
  compare: (old, next) => {
    const signs = EXPOSURE_KINDS.map((kind) => Math.sign(gravity(next, kind) - gravity(old, kind)))
    if (signs.every((sign) => sign === 0)) return 'equal'
    return signs.every((sign) => sign >= 0) ? 'less' : signs.every((sign) => sign <= 0) ? 'more' : 'incomparable'
  },
  // A kind that neither charter speaks of is left out, so that terms which nothing narrows are the charter itself, by its hash.
  narrower: (old, next) =>
    Object.fromEntries(
      EXPOSURE_KINDS.flatMap((kind) => {
        const isOwn = gravity(old, kind) >= gravity(next, kind)
        const given = (isOwn ? old : next) as Readonly<Partial<Record<ExposureKind, Severity>>>
        return given[kind] === undefined ? [] : [[kind, given[kind]]]
      }),
    ),
  show: (value) => {
    const own = Object.entries(value as Record<string, string>)
    return own.length === 0
      ? 'as they are by themselves'
      : own.map(([kind, severity]) => `${kind} ${severity}`).join(', ')
  },
}

const PARTICIPANTS = 'everybody who takes part'
const READERS = 'people who may be given access'
const DECIDERS = 'people who decide'

export const FIELD_RULES: Readonly<Record<string, FieldRule>> = {
  charter: { rule: same, who: PARTICIPANTS },
  programme: { rule: same, who: PARTICIPANTS },
  version: { rule: neutral, who: PARTICIPANTS },
  title: { rule: neutral, who: PARTICIPANTS },
  demonstration: { rule: same, who: PARTICIPANTS, bindsUse: true },
  'purpose.term': { rule: same, who: READERS, bindsUse: true },
  'purpose.sentence': { rule: words, who: READERS, bindsUse: true },
  forbiddenPurposes: { rule: set('narrows'), who: READERS, bindsUse: true },
  'controller.name': { rule: same, who: DECIDERS, bindsUse: true },
  'controller.contact': { rule: neutral, who: DECIDERS },
  'controller.country': { rule: same, who: DECIDERS, bindsUse: true },
  legalBasis: { rule: same, who: PARTICIPANTS },
  'impactAssessment.reference': { rule: neutral, who: DECIDERS },
  'impactAssessment.date': { rule: neutral, who: DECIDERS },
  'consultation.reference': { rule: neutral, who: DECIDERS },
  'consultation.date': { rule: neutral, who: DECIDERS },
  // Nobody is held to a text that they never saw.
  'notice.version': { rule: same, who: PARTICIPANTS },
  'notice.text': { rule: words, who: PARTICIPANTS },
  'notice.reflection': { rule: shorter, who: PARTICIPANTS },
  'notice.renewal': { rule: longer, who: PARTICIPANTS },
  'notice.period': { rule: shorter, who: PARTICIPANTS },
  'capture.categories': { rule: added, who: PARTICIPANTS },
  'capture.apps[].id': { rule: added, who: PARTICIPANTS },
  'capture.apps[].title': { rule: neutral, who: PARTICIPANTS },
  'capture.apps[].labels': { rule: added, who: PARTICIPANTS },
  'capture.tasks[].id': { rule: added, who: PARTICIPANTS },
  'capture.tasks[].instruction': { rule: words, who: PARTICIPANTS },
  'shield.pointer': { rule: levels('cell', 'target'), who: PARTICIPANTS },
  'shield.keyboard': { rule: levels('none', 'kind', 'kind-and-length'), who: PARTICIPANTS },
  'shield.labels': { rule: levels('none', 'catalogue'), who: PARTICIPANTS },
  'shield.roles': { rule: added, who: PARTICIPANTS },
  'workingHours.zone': { rule: same, who: PARTICIPANTS },
  'workingHours.days': { rule: added, who: PARTICIPANTS },
  'workingHours.from': { rule: sooner, who: PARTICIPANTS },
  'workingHours.to': { rule: later, who: PARTICIPANTS },
  review: { rule: shorter, who: PARTICIPANTS },
  'retention.recordings': { rule: longer, who: READERS, bindsUse: true },
  'retention.releases': { rule: longer, who: READERS, bindsUse: true },
  'retention.governance': { rule: shorter, who: PARTICIPANTS },
  'audience[].group': { rule: added, who: READERS, bindsUse: true },
  'audience[].sizeMax': { rule: larger, who: READERS, bindsUse: true },
  'audience[].grantMax': { rule: longer, who: READERS, bindsUse: true },
  approvers: { rule: people, who: DECIDERS },
  'passkeys.rpId': { rule: same, who: DECIDERS },
  quorum: { rule: people, who: DECIDERS },
  'exposure.detect': { rule: longer, who: PARTICIPANTS },
  'exposure.contain': { rule: longer, who: PARTICIPANTS },
  // A place less is one where a copy stays unseen.
  'exposure.places': { rule: lookedAt, who: PARTICIPANTS },
  'exposure.severity': { rule: severities, who: PARTICIPANTS },
  'exposure.askFirst': { rule: added, who: PARTICIPANTS },
  'exposure.intake': { rule: levels('refuse', 'quarantine'), who: PARTICIPANTS },
  'assurance.evidence': { rule: longer, who: PARTICIPANTS },
  'concerns.review': { rule: larger, who: PARTICIPANTS },
  'concerns.pause': { rule: larger, who: PARTICIPANTS },
  'concerns.reviewDeadline': { rule: longer, who: PARTICIPANTS },
  'release.k': { rule: smaller, who: READERS, bindsUse: true },
  'release.segmentActionsMax': { rule: larger, who: READERS, bindsUse: true },
  'release.segmentsPerPersonMax': { rule: larger, who: READERS, bindsUse: true },
  'release.exportAllowed': { rule: allowed, who: READERS, bindsUse: true },
  'release.shareMax': { rule: larger, who: READERS, bindsUse: true },
  // A longer type is rarer, so that less of it is released.
  'release.typeActions': { rule: smaller, who: READERS, bindsUse: true },
  'release.risk.singleMax': { rule: larger, who: READERS, bindsUse: true },
  'release.risk.linkedMax': { rule: larger, who: READERS, bindsUse: true },
  'release.risk.pairAucMax': { rule: larger, who: READERS, bindsUse: true },
  'release.risk.membershipMax': { rule: larger, who: READERS, bindsUse: true },
  'release.interval': { rule: shorter, who: READERS, bindsUse: true },
  'training.epsilonMax': { rule: larger, who: READERS, bindsUse: true },
  'training.hoursMax': { rule: neutral, who: READERS },
  'training.memoryGibMax': { rule: neutral, who: READERS },
  'training.outputMibMax': { rule: larger, who: READERS, bindsUse: true },
  'keys.issuer': { rule: same, who: DECIDERS },
  'keys.vault': { rule: same, who: DECIDERS },
  'keys.keeper': { rule: same, who: DECIDERS },
  'keys.ledger': { rule: same, who: DECIDERS },
  'keys.builder': { rule: same, who: DECIDERS },
  'keys.intake': { rule: same, who: DECIDERS },
  'keys.sentinel': { rule: same, who: DECIDERS },
  'keys.scanner': { rule: same, who: DECIDERS },
  'keys.room': { rule: same, who: DECIDERS },
  ledger: { rule: witnesses, who: PARTICIPANTS },
  'builds.device': { rule: added, who: PARTICIPANTS },
  'builds.server': { rule: added, who: PARTICIPANTS },
}

function gravity(value: unknown, kind: ExposureKind): number {
  const given = (value as Readonly<Partial<Record<ExposureKind, Severity>>> | undefined)?.[kind]
  return SEVERITIES.indexOf(given ?? EXPOSURE_SEVERITY[kind])
}

function overMembers(rule: Rule, membersOf: (value: unknown) => readonly string[]): Rule {
  return { ...rule, compare: (old, next) => rule.compare(membersOf(old), membersOf(next)) }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function members(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}

/** A list in one order, so that writing it in another one is no change. */
function sorted(value: unknown): unknown {
  return Array.isArray(value) ? value.map((entry: unknown) => canonicalJson(entry)).toSorted() : value
}

function witnessPolicy(value: unknown): { readonly keys: readonly string[]; readonly quorum: number } {
  const policy = value as { witnesses: readonly { name: string; key: string }[]; quorum: number } | undefined
  if (policy === undefined) return { keys: [], quorum: 0 }
  // Where a witness answers decides nothing: it is known by its name and key.
  return { keys: policy.witnesses.map(({ name, key }) => `${name} ${key}`), quorum: policy.quorum }
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}

function listText(items: readonly string[]): string {
  if (items.length === 0) return 'none'
  const rest = items.length - SHOWN_MAX
  return [...items.slice(0, SHOWN_MAX), ...(rest > 0 ? [`${rest} more`] : [])].join(', ')
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length > 60 ? `${line.slice(0, 59)}…` : line
}
