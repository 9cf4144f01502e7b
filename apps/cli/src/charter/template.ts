/** The charter that `fairtrace charter init` writes: whole but for what only people can say. Those places are named FILL-IN. */
import type { Charter } from '@fairtrace/core'
import { stringify } from 'yaml'

export interface TemplateFacts {
  /** Path of the JSON Schema, for editors, as seen from the charter. */
  readonly schema: string
  /** Of the installation; null where there is none yet. */
  readonly keys: Readonly<Record<keyof Charter['keys'], string | null>> | null
  readonly deviceBuilds: readonly string[]
  readonly serverBuild: string
}

const FILL_IN = 'FILL-IN'

export function charterTemplate({ schema, keys, deviceBuilds, serverBuild }: TemplateFacts): string {
  const key = (name: keyof Charter['keys']) => keys?.[name] ?? FILL_IN
  return `# yaml-language-server: $schema=${schema}
# Fill in every ${FILL_IN}, then run \`fairtrace charter check\` on this file. docs/charter.md explains each field.
charter: 1
# The programme's id, for ever: 3 to 63 of a-z, 0-9 and -.
programme: ${FILL_IN}
# Raise it with every change.
version: 1
title: ${FILL_IN}
# true only for made-up people.
demonstration: false

# What for: a term of the Data Privacy Vocabulary and one sentence. Judging or watching people is refused.
purpose:
  term: dpv:ResearchAndDevelopment
  sentence: ${FILL_IN}
# The first two stay. Add what else must never happen.
forbiddenPurposes:
  - dpv:PersonnelPerformanceMonitoring
  - dpv:PersonnelBehaviourMonitoring

controller: { name: ${FILL_IN}, contact: ${FILL_IN}, country: ${FILL_IN} }
legalBasis: eu-gdpr:A6-1-a
# Both must have happened before the programme can start. Dates as 2026-05-04.
impactAssessment: { reference: ${FILL_IN}, date: ${FILL_IN} }
consultation: { reference: ${FILL_IN}, date: ${FILL_IN} }

notice:
  version: 1
  # What people read before they choose, in their words. Raise the version with the text.
  text: |
    ${FILL_IN}
  # How long they think before a yes counts; at least 24 hours.
  reflection: 14 days
  # After how long they are asked again.
  renewal: 180 days
  # How long anything that widens this charter is announced before it takes effect; at least 24 hours.
  period: 14 days

capture:
  # What people can allow apart from each other. Take out what you don't need.
  categories: [pointer, keyboard, switches]
  # Only these apps, each exact: desktop:<name> or web:<origin>. Labels are interface words from an empty account.
  apps:
    - id: ${FILL_IN}
      title: ${FILL_IN}
      labels: []
  # Tasks that people may choose to show.
  tasks: []

shield:
  # target (which control) or cell (which of 64 fields of the window).
  pointer: cell
  # kind-and-length, kind, or none. Never the text.
  keyboard: none
  # catalogue (the labels above) or none.
  labels: none
  roles: [button, link, textbox, menuitem, tab, other]

# Nothing is captured outside them.
workingHours:
  zone: ${FILL_IN}
  days: [monday, tuesday, wednesday, thursday, friday]
  from: 08:00
  to: 18:00

# How long everything waits on people's own devices, where they see and delete it; at least 24 hours.
review: 3 days
retention: { recordings: 60 days, releases: 365 days, governance: 730 days }

# Groups that may be given access, each time with two signatures. An empty list lets nobody.
audience:
  - { group: ${FILL_IN}, sizeMax: 4, grantMax: 8 hours }

# Who signs: at least one of each role. Keys are raw Ed25519 public keys in base64url, 43 characters.
approvers:
  - { name: ${FILL_IN}, role: data-protection, key: ${FILL_IN} }
  - { name: ${FILL_IN}, role: worker-representative, key: ${FILL_IN} }
# The portal's name to passkeys, by which approvals are given: its host name alone.
passkeys: { rpId: ${FILL_IN} }
# Four different people who start it, and start it again after an incident. An approver may be one, under the same name and key.
quorum:
  - { name: ${FILL_IN}, role: programme-owner, key: ${FILL_IN} }
  - { name: ${FILL_IN}, role: data-protection, key: ${FILL_IN} }
  - { name: ${FILL_IN}, role: security, key: ${FILL_IN} }
  - { name: ${FILL_IN}, role: worker-representative, key: ${FILL_IN} }

# How soon somebody who can read too much is found, and how soon that is closed.
exposure:
  detect: 30 seconds
  contain: 60 seconds
  # Databases, buckets and folders in which a copy could turn up, such as
  # { name: warehouse, at: "postgresql://warehouse.example:5432/analytics" }. No passwords here.
  places: []
  # Kinds of exposure that are graver or lighter here, such as { object-unnamed: high }.
  severity: {}
  # Kinds where a person is asked before everything locks. Empty: everything locks at once.
  askFirst: []
  # While locked: quarantine (hold sealed batches unopened) or refuse (devices hold them).
  intake: quarantine
# How long the proof counts that a safeguard works; after that it is tried again, or the gate closes.
assurance: { evidence: 7 days }
# From how many supporters a concern is reviewed, then pauses the programme; and how long the review may take.
concerns: { review: 3, pause: 6, reviewDeadline: 7 days }

# Nothing is released about fewer than k people, and nobody owns more than shareMax of any kind of segment in all releases.
release:
  k: 5
  segmentActionsMax: 12
  segmentsPerPersonMax: 200
  exportAllowed: false
  shareMax: 0.16
  typeActions: 3
  # What attackers trained on a candidate may reach: times chance for one segment and for ten linked ones, and so on.
  risk: { singleMax: 1.5, linkedMax: 2, pairAucMax: 0.55, membershipMax: 0.003 }
  # How long lies between two releases at least.
  interval: 30 days
# What code may use that comes to a release, and the budget of differential privacy that each person has.
training: { epsilonMax: 0, hoursMax: 8, memoryGibMax: 16, outputMibMax: 256 }

# Public keys of the installation; \`fairtrace start --no-demo\` shows them.
keys:
  issuer: ${key('issuer')}
  vault: ${key('vault')}
  # The second custodian's: nothing that is stored opens without its share.
  keeper: ${key('keeper')}
  ledger: ${key('ledger')}
  builder: ${key('builder')}
  intake: ${key('intake')}
  sentinel: ${key('sentinel')}
  scanner: ${key('scanner')}
  room: ${key('room')}
# Builds that were reviewed. A device with another one gets no lease; a server with another one starts no programme.
${stringify({ builds: { device: [...deviceBuilds], server: [serverBuild] } })}`
}
