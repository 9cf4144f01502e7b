/** The charter of the demonstration, written as anybody would write one: as YAML, then parsed like any other. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { charterHash, parseCharter, ROLES, WEEKDAYS } from '@fairtrace/core'
import { type DataDir, type Installation, publicKeyOf, SERVER_BUILD } from '@fairtrace/server'
import { SIMULATED_APPS, SIMULATED_TASKS, softwareAuthenticator } from '@fairtrace/testing/simulator'
import { stringify } from 'yaml'
import { DEVICE_BUILDS } from '../charter/device-builds.ts'
import { type SignedCharter, signCharter } from '../charter/sign-charter.ts'
import type { People } from './people.ts'

/** Where `fairtrace replay` puts recordings that say nothing of their apps. */
const REPLAYED = { id: 'desktop:recording', title: 'Replayed recording', labels: [] }
const DEMO_PROGRAMME = 'office-assistant-demo'

const NOTICE = `We would like to learn how office work is done on a computer, to train a program that can help with it.

What leaves your computer: which buttons and fields you clicked (only the names on our list), which shortcuts you pressed,
and that you typed "a short number" or "a long sentence". What never leaves: what you typed, how fast you work, when you
worked, how you move the mouse, your windows' titles, your passwords.

You can say no. Nobody but you learns whether you take part. You can pause at any time, look at everything before it leaves,
delete any of it, and stop for good with one click. A data set that was given to somebody can't be called back; the release
page says which ones exist.

This is a demonstration: the people in it are simulated.`

export function demoCharterYaml(installation: Installation, people: People): string {
  return stringify(
    {
      charter: 1,
      programme: DEMO_PROGRAMME,
      version: 1,
      title: 'Office assistant (demonstration)',
      demonstration: true,
      purpose: {
        term: 'dpv:ResearchAndDevelopment',
        sentence: 'Train a program that can operate our office software when somebody asks it to.',
      },
      forbiddenPurposes: ['dpv:PersonnelPerformanceMonitoring', 'dpv:PersonnelBehaviourMonitoring'],
      controller: { name: 'Example Organisation', contact: 'privacy@organisation.example', country: 'DE' },
      legalBasis: 'eu-gdpr:A6-1-a',
      impactAssessment: { reference: 'DPIA-DEMO-1', date: '2025-01-13' },
      consultation: { reference: 'Works council minutes, demonstration', date: '2025-01-20' },
      notice: { version: 1, text: NOTICE, reflection: '14 days', renewal: '180 days', period: '14 days' },
      capture: {
        categories: ['pointer', 'keyboard', 'switches'],
        apps: [...SIMULATED_APPS, REPLAYED],
        tasks: SIMULATED_TASKS,
      },
      shield: { pointer: 'target', keyboard: 'kind-and-length', labels: 'catalogue', roles: [...ROLES] },
      // The demonstration's people work at whatever hour it is started.
      workingHours: { zone: 'UTC', days: [...WEEKDAYS], from: '00:00', to: '24:00' },
      review: '24 hours',
      retention: { recordings: '90 days', releases: '365 days', governance: '730 days' },
      audience: [{ group: 'agent-training', sizeMax: 4, grantMax: '8 hours' }],
      approvers: people.approvers.map(({ name, role, seed }) => ({
        name,
        role,
        key: publicKeyOf(seed),
        passkey: softwareAuthenticator({ seed }).passkey,
      })),
      passkeys: { rpId: 'localhost' },
      quorum: people.quorum.map(({ name, role, seed }) => ({ name, role, key: publicKeyOf(seed) })),
      exposure: {
        detect: '30 seconds',
        contain: '60 seconds',
        places: [],
        severity: {},
        askFirst: [],
        intake: 'quarantine',
      },
      assurance: { evidence: '7 days' },
      concerns: { review: 3, pause: 6, reviewDeadline: '7 days' },
      release: {
        k: 5,
        segmentActionsMax: 20,
        segmentsPerPersonMax: 200,
        exportAllowed: true,
        shareMax: 0.3,
        typeActions: 3,
        risk: { singleMax: 1.5, linkedMax: 2, pairAucMax: 0.6, membershipMax: 0.003 },
        interval: '1 day',
      },
      training: { epsilonMax: 8, hoursMax: 1, memoryGibMax: 4, outputMibMax: 64 },
      keys: installation.keys,
      builds: { device: [...DEVICE_BUILDS], server: [SERVER_BUILD] },
    },
    { lineWidth: 120 },
  )
}

/** Files for `fairtrace charter sign --key`: a demonstration can then go through a change of its charter by hand. */
export function writeDemoKeys(dir: DataDir, { approvers }: People): void {
  mkdirSync(dir.path('demo/keys'), { recursive: true, mode: 0o700 })
  for (const { name, role, seed } of approvers) {
    writeFileSync(dir.path('demo/keys', `${role}.json`), `${JSON.stringify({ name, seed })}\n`, { mode: 0o600 })
  }
}

/** Signatures over the demonstration's charter by its software keys, as the portal takes them. */
export function demoCharterApprovals(yaml: string, { approvers }: People): readonly SignedCharter[] {
  const charter = charterHash(parseCharter(yaml, 'charter.yaml'))
  return approvers.map(({ name, seed }) => signCharter(charter, name, seed))
}
