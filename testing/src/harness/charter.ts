/**
 * A valid charter for tests, built from YAML so that it passes the parser like any other, with fixed keys whose seeds are
 * public: nothing that they sign proves anything.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { type Charter, type CharterApproval, charterMessage, parseCharter } from '@fairtrace/core'
import { softwareAuthenticator } from '../simulator/software-authenticator.ts'

/** Ed25519 seeds, 32 bytes in base64url, of every key that `CHARTER_YAML` names. */
export const TEST_SEEDS = {
  issuer: seed('issuer'),
  vault: seed('vault'),
  keeper: seed('keeper'),
  ledger: seed('ledger'),
  builder: seed('builder'),
  intake: seed('intake'),
  sentinel: seed('sentinel'),
  scanner: seed('scanner'),
  room: seed('room'),
  /** Dana Weiss, role data-protection. */
  dataProtection: seed('data-protection'),
  /** Robin Okafor, role worker-representative. */
  workerRepresentative: seed('worker-representative'),
  /** Of the quorum besides those two: Olga Owner and Sam Lindqvist. */
  programmeOwner: seed('programme-owner'),
  security: seed('security'),
} as const

/** Raw Ed25519 public keys of the same names, base64url. */
export const TEST_PUBLIC_KEYS = Object.fromEntries(
  Object.entries(TEST_SEEDS).map(([name, value]) => [name, publicKeyOf(value)]),
) as { readonly [Name in keyof typeof TEST_SEEDS]: string }

/** What approvers hold in their hands; the same in every process. */
export const TEST_AUTHENTICATORS = {
  dataProtection: softwareAuthenticator({ seed: 'data-protection' }),
  workerRepresentative: softwareAuthenticator({ seed: 'worker-representative' }),
} as const

const passkeyOf = (who: keyof typeof TEST_AUTHENTICATORS) => {
  const { alg, credential, key } = TEST_AUTHENTICATORS[who].passkey
  return `{ alg: ${alg}, credential: ${credential}, key: ${key} }`
}

export const CHARTER_YAML = `charter: 1
programme: test-programme
version: 1
title: How we handle orders
demonstration: true
purpose:
  term: dpv:ResearchAndDevelopment
  sentence: Train an agent that helps with orders.
forbiddenPurposes: [dpv:PersonnelPerformanceMonitoring, dpv:PersonnelBehaviourMonitoring]
controller: { name: Example Ltd, contact: privacy@example.org, country: DE }
legalBasis: eu-gdpr:A6-1-a
impactAssessment: { reference: DPIA-7, date: 2025-05-05 }
consultation: { reference: WC-12, date: 2025-05-19 }
notice:
  version: 1
  text: We would like to record which buttons you click in the order tool. You can say no, and nobody learns of it.
  reflection: 14 days
  renewal: 180 days
  period: 14 days
capture:
  categories: [pointer, keyboard, switches]
  apps:
    - { id: desktop:orders, title: Order tool, labels: [Save, Cancel, New order, Search] }
    - { id: desktop:mail, title: Mail, labels: [Send, Reply] }
    - { id: "web:https://crm.example", title: Customer records, labels: [Open, Close] }
  tasks:
    - { id: enter-order, instruction: Enter a new order. }
    - { id: find-customer, instruction: Find a customer and open the record. }
shield: { pointer: target, keyboard: kind-and-length, labels: catalogue, roles: [button, link, textbox, menuitem, tab, checkbox, combobox, other] }
workingHours:
  zone: UTC
  days: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]
  from: 00:00
  to: 24:00
review: 24 hours
retention: { recordings: 90 days, releases: 365 days, governance: 730 days }
audience:
  - { group: agent-training, sizeMax: 4, grantMax: 8 hours }
approvers:
  - { name: Dana Weiss, role: data-protection, key: ${TEST_PUBLIC_KEYS.dataProtection}, passkey: ${passkeyOf('dataProtection')} }
  - { name: Robin Okafor, role: worker-representative, key: ${TEST_PUBLIC_KEYS.workerRepresentative}, passkey: ${passkeyOf('workerRepresentative')} }
passkeys: { rpId: localhost }
quorum:
  - { name: Olga Owner, role: programme-owner, key: ${TEST_PUBLIC_KEYS.programmeOwner} }
  - { name: Dana Weiss, role: data-protection, key: ${TEST_PUBLIC_KEYS.dataProtection} }
  - { name: Sam Lindqvist, role: security, key: ${TEST_PUBLIC_KEYS.security} }
  - { name: Robin Okafor, role: worker-representative, key: ${TEST_PUBLIC_KEYS.workerRepresentative} }
exposure: { detect: 30 seconds, contain: 60 seconds, places: [], severity: {}, askFirst: [], intake: quarantine }
assurance: { evidence: 7 days }
concerns: { review: 3, pause: 6, reviewDeadline: 7 days }
release:
  k: 5
  segmentActionsMax: 12
  segmentsPerPersonMax: 200
  exportAllowed: true
  shareMax: 0.3
  typeActions: 3
  risk: { singleMax: 1.5, linkedMax: 2, pairAucMax: 0.6, membershipMax: 0.003 }
  interval: 1 day
training: { epsilonMax: 8, hoursMax: 1, memoryGibMax: 4, outputMibMax: 64 }
keys:
  issuer: ${TEST_PUBLIC_KEYS.issuer}
  vault: ${TEST_PUBLIC_KEYS.vault}
  keeper: ${TEST_PUBLIC_KEYS.keeper}
  ledger: ${TEST_PUBLIC_KEYS.ledger}
  builder: ${TEST_PUBLIC_KEYS.builder}
  intake: ${TEST_PUBLIC_KEYS.intake}
  sentinel: ${TEST_PUBLIC_KEYS.sentinel}
  scanner: ${TEST_PUBLIC_KEYS.scanner}
  room: ${TEST_PUBLIC_KEYS.room}
builds: { device: [test-build, fairtrace-agent-0.1.0, fairtrace-extension-0.1.0], server: [fairtrace-server-0.1.0] }
`

/** A valid charter; `overrides` replaces whole top-level fields. Durations are milliseconds. */
export function aCharter(overrides: Partial<Charter> = {}): Charter {
  return { ...parseCharter(CHARTER_YAML, 'charter.yaml'), ...overrides }
}

/** Both approvals of `CHARTER_YAML`'s approvers over the charter of this hash. */
export function charterApprovals(hash: string): readonly CharterApproval[] {
  return [
    charterApproval(hash, 'Dana Weiss', TEST_SEEDS.dataProtection),
    charterApproval(hash, 'Robin Okafor', TEST_SEEDS.workerRepresentative),
  ]
}

export function charterApproval(hash: string, approver: string, seedOfKey: string): CharterApproval {
  return { approver, signature: sign(null, charterMessage(hash), privateKeyOf(seedOfKey)).toString('base64url') }
}

function seed(name: string): string {
  return createHash('sha256').update(`fairtrace test key ${name}`).digest('base64url')
}

function publicKeyOf(value: string): string {
  const key = createPublicKey(privateKeyOf(value))
  return key.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64url')
}

function privateKeyOf(value: string): KeyObject {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(value, 'base64url')])
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
}
