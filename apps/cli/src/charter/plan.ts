/** What a change of charter would do, before anybody approves it. */
import {
  type Charter,
  type CharterChange,
  charterHash,
  compareCharters,
  durationText,
  FairtraceError,
  missingApprovals,
  successorFault,
} from '@fairtrace/core'
import { type Groups, type Readers, readersOf } from './groups.ts'

/** What the portal tells of those who take part; null where no portal was asked. */
export interface Participants {
  /** Rounded down to a multiple of k; null for fewer than k. */
  readonly atLeast: number | null
  readonly k: number
}

export interface CharterPlan {
  readonly programme: string
  readonly from: { readonly version: number; readonly hash: string }
  readonly to: { readonly version: number; readonly hash: string }
  readonly effect: 'widens' | 'narrows'
  readonly changes: readonly CharterChange[]
  readonly readers: { readonly before: Readers; readonly after: Readers }
  /** Everybody who has said yes is asked again if it widens; null if nobody is. */
  readonly askedAgain: { readonly participants: Participants | null } | null
  readonly waitsFor: readonly string[]
}

const NUMBER = new Intl.NumberFormat('en-GB')
const ROLE_WORDS = {
  'data-protection': 'data-protection officer',
  'worker-representative': 'worker representative',
} as const

/** @throws `CHARTER_NOT_IN_FORCE`, `CHARTER_INVALID` if the new one can't follow the old one */
export function planChange(
  old: Charter,
  next: Charter,
  groups: Groups,
  participants: Participants | null,
): CharterPlan {
  const fault = successorFault(old, next)
  if (fault !== null) throw new FairtraceError(fault.code, fault.message)
  const changes = compareCharters(old, next)
  const isWidening = changes.some(({ effect }) => effect === 'widens')
  return {
    programme: next.programme,
    from: { version: old.version, hash: charterHash(old) },
    to: { version: next.version, hash: charterHash(next) },
    effect: isWidening ? 'widens' : 'narrows',
    changes,
    readers: { before: readersOf(old, groups), after: readersOf(next, groups) },
    askedAgain: isWidening ? { participants } : null,
    waitsFor: isWidening ? waits(old, next) : [],
  }
}

/** The plan as lines for people. */
export function planLines(plan: CharterPlan): readonly string[] {
  const { from, to, effect, changes, readers, waitsFor } = plan
  const isWidening = effect === 'widens'
  return [
    `${plan.programme}, version ${from.version} → ${to.version}: ${isWidening ? 'this WIDENS the charter' : 'this only narrows the charter'}.`,
    '',
    ...section('More for somebody', changes, 'widens'),
    ...section('Less', changes, 'narrows'),
    ...section('Words that change nothing', changes, 'neutral'),
    `Who may be given access: readers ${readersText(readers.before)} → ${readersText(readers.after)}`,
    ...groupLines(readers.before, readers.after),
    '',
    plan.askedAgain === null ? 'Nobody is asked again.' : `Asked again: ${askedText(plan.askedAgain.participants)}`,
    ...(isWidening
      ? ['It waits for:', ...waitsFor.map((what) => `  - ${what}`)]
      : ['It applies at once, to everybody.']),
  ]
}

function section(title: string, changes: readonly CharterChange[], effect: CharterChange['effect']): string[] {
  const found = changes.filter((change) => change.effect === effect)
  if (found.length === 0) return []
  const lines = found.map(({ field, who, before, after }) =>
    effect === 'widens' ? `  ${field}: ${before} → ${after}  (${who})` : `  ${field}: ${before} → ${after}`,
  )
  return [`${title}:`, ...lines, '']
}

function groupLines(before: Readers, after: Readers): string[] {
  const names = new Set([...before.groups, ...after.groups].map(({ group }) => group))
  return [...names].map((name) => `  ${name}: ${groupText(before, name)} → ${groupText(after, name)}`)
}

function groupText({ groups }: Readers, name: string): string {
  const found = groups.find(({ group }) => group === name)
  if (found === undefined) return 'no access'
  const { members, sizeMax, grantMaxMs } = found
  const people = members === null ? `at most ${NUMBER.format(sizeMax)} people` : `${NUMBER.format(members)} people`
  const tooMany = members !== null && members > sizeMax ? `, of whom the charter allows ${NUMBER.format(sizeMax)}` : ''
  return `${people}${tooMany}, ${durationText(grantMaxMs)} at a time`
}

function readersText({ count, isCounted }: Readers): string {
  return `${isCounted ? '' : 'at most '}${NUMBER.format(count)}`
}

function askedText(participants: Participants | null): string {
  const until = 'until they say yes, the old terms hold for them.'
  if (participants === null) return `everybody who takes part; ${until}`
  const { atLeast, k } = participants
  return `${atLeast === null ? `fewer than ${k}` : `at least ${NUMBER.format(atLeast)}`} participants; ${until}`
}

function waits(old: Charter, next: Charter): readonly string[] {
  const signatures = missingApprovals(old, next, charterHash(next), [], () => false).map(({ role, name }) => {
    if (name !== null) return `the signature of ${name}, who would be replaced`
    const names = old.approvers.filter((approver) => approver.role === role).map((approver) => approver.name)
    const what = role === 'worker-representative' ? 'countersignature' : 'signature'
    return `the ${what} of a ${ROLE_WORDS[role]}: ${names.join(' or ')}`
  })
  return [
    ...signatures,
    `${durationText(old.notice.period)} of notice after the last signature`,
    'a new yes of each participant, for that participant',
  ]
}
