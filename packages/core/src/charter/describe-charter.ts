import type { Charter } from './charter-schema.ts'
import { durationText as duration } from './duration.ts'

const POINTER: Readonly<Record<Charter['shield']['pointer'], string>> = {
  target: 'which control was clicked and its box, never the point within it',
  cell: 'only in which of 64 fields of the window the pointer was',
}
const KEYBOARD: Readonly<Record<Charter['shield']['keyboard'], string>> = {
  'kind-and-length': 'shortcuts, named keys, and for typed text its kind and a coarse length',
  kind: 'shortcuts, named keys, and for typed text its kind alone',
  none: 'nothing of the keyboard',
}
/** What a charter means, in a few plain sentences for the people who decide on it. */
export function describeCharter(charter: Charter): string[] {
  const { notice, capture, shield, workingHours, retention, concerns, exposure, release } = charter
  const kind = charter.demonstration ? 'a demonstration: it may hold made-up people only' : 'for real people'
  return [
    `“${charter.title}” is programme ${charter.programme}, version ${charter.version}; it is ${kind}.`,
    `Purpose (${charter.purpose.term}): ${charter.purpose.sentence}`,
    `${charter.controller.name} (${charter.controller.country}) answers for it; nobody may use it to evaluate or monitor people.`,
    `People read notice ${notice.version}, have ${duration(notice.reflection)} to think, and are asked again after ${duration(notice.renewal)}.`,
    `What gives anybody more is announced ${duration(notice.period)} before it takes effect, and holds for nobody who has not agreed to it.`,
    capture.apps.length === 0
      ? 'No app is listed, so nothing is captured.'
      : `Captured are ${list(capture.categories)} in ${list(capture.apps.map(({ title }) => title))}, and nowhere else.`,
    `Of the pointer leaves ${POINTER[shield.pointer]}; of the keyboard, ${KEYBOARD[shield.keyboard]}; interface labels ${shield.labels === 'none' ? 'never leave' : 'leave only if the charter lists them'}.`,
    `Nothing is captured outside ${workingHours.from} to ${workingHours.to} in ${workingHours.zone}, on ${list(workingHours.days)}.`,
    `Nothing leaves a device before ${duration(charter.review)} of review are over, unless its owner releases it earlier.`,
    `Recordings are kept for ${duration(retention.recordings)}, releases for ${duration(retention.releases)}; who was given access stays visible for ${duration(retention.governance)}.`,
    charter.audience.length === 0
      ? 'No group may be given access.'
      : `Access: ${charter.audience.map((a) => `${a.group}, at most ${people(a.sizeMax)}, for at most ${duration(a.grantMax)} at a time`).join('; ')}.`,
    `Keys open only after two people approve, one of each role: ${charter.approvers.map((a) => `${a.name} (${a.role})`).join(', ')}.`,
    `A concern that ${concerns.review} people share is reviewed within ${duration(concerns.reviewDeadline)}; at ${concerns.pause} the programme pauses.`,
    `An exposure is to be found within ${duration(exposure.detect)} and closed within ${duration(exposure.contain)} more.`,
    `To start it, or to start it again, takes four people: ${charter.quorum.map((one) => `${one.name} (${one.role})`).join(', ')}.`,
    `Nothing is released about fewer than ${release.k} people; a release ${release.exportAllowed ? 'may' : 'may not'} be exported.`,
  ]
}

function people(count: number): string {
  return count === 1 ? '1 person' : `${count} people`
}

function list(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}
