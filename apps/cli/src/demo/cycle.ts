/**
 * The whole life of a programme in a minute: charter, people who are asked and wait out the reflection period, some days
 * of work, the review, a grant with two approvals, a release.
 *
 * It uses what everybody uses: the portal's HTTP, real devices with their outboxes, the builder. Only the clock is special: it
 * starts in the past, is moved forward between the steps, and ends in the present. Nothing is shortened.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { InputEvent } from '@fairtrace/core'
import { FairtraceError } from '@fairtrace/core'
import { type Device, openDevice, openReplay } from '@fairtrace/device'
import type { DataDir, Embedded } from '@fairtrace/server'
import { openDatabase } from '@fairtrace/server/store/database'
import { createParticipant, SIMULATED_TASKS } from '@fairtrace/testing/simulator'
import { z } from 'zod'
import { demoCharterApprovals, demoCharterYaml, writeDemoKeys } from './charter.ts'
import { addPasskey, withPasskey } from './passkeys.ts'
import { createPeople, type People, writePeople } from './people.ts'
import { PortalSession } from './portal-session.ts'
import { dealRecordings } from './recordings.ts'
import { buildDemoRelease, type DemoRelease } from './release.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** How far in the past a demonstration begins: 14 days of reflection, three of work, a day of review, and room between. */
export const DEMO_CLOCK_START_MS = 21 * DAY_MS
const REFLECTION_MS = 14 * DAY_MS
const REVIEW_MS = 24 * HOUR_MS
/** Names the simulated population. */
const SEED = 20_260_101
const WORK_DAYS = 3
const ACTIONS_PER_SESSION = 80
/** Invited as well, and never heard of: whether they refused or forgot, nothing tells. */
const SILENT = 3
/** How far events run ahead of the clock; well within half a lease, at which a device renews. */
const AHEAD_MS = 20_000
const DRAIN_MS_MAX = 60_000

export interface CycleOptions {
  readonly participants: number
  /** Folder of real recordings that the participants replay besides, or null. */
  readonly recordings: string | null
  /** More people may take invitations now, before the time to think runs. */
  whenInviting?(owner: PortalSession): Promise<void>
  onStep?(sentence: string, done: number, total: number): void
}

export interface CycleReport {
  readonly inputEvents: number
  readonly actions: number
  readonly batches: number
  readonly sealedBytes: number
  readonly segments: number
  readonly release: DemoRelease
  /** Wall-clock seconds of each step. */
  readonly seconds: Readonly<Record<string, number>>
}

const anything = z.unknown()

/** @param embedded a fresh demonstration whose clock stands `DEMO_CLOCK_START_MS` in the past */
export async function runCycle(embedded: Embedded, dir: DataDir, options: CycleOptions): Promise<CycleReport> {
  const timer = new StepTimer()
  const people = createPeople()
  writePeople(dir, people)
  writeDemoKeys(dir, people)
  const devices: Device[] = []
  try {
    const owner = await timer.run('charter', () => startProgramme(embedded, dir, people))
    const sessions = await timer.run('invite', () => inviteAndWait(embedded, owner, options, people, dir))
    await timer.run('consent', async () => devices.push(...(await consentAndEnrol(embedded, dir, sessions, options))))
    const worked = await timer.run('capture', () => workSomeDays(embedded, devices, options))
    const replayed = await timer.run('replay', () => replayRecordings(devices, options))
    const sent = await timer.run('upload', () => reviewAndUpload(embedded, devices, options))
    const segments = await timer.run('vault', () => waitUntilStored(embedded, sent.batches, options))
    const release = await timer.run('release', () => buildDemoRelease(embedded, dir, options.onStep))
    await timer.run('present', async () => {
      await embedded.moveClock(Date.now())
      await waitForVaultKey(devices)
    })
    const inputEvents = worked.inputEvents + replayed.inputEvents
    const actions = worked.actions + replayed.actions
    return { inputEvents, actions, ...sent, segments, release, seconds: timer.seconds }
  } finally {
    for (const device of devices) await device.close()
  }
}

async function startProgramme(embedded: Embedded, dir: DataDir, people: People): Promise<PortalSession> {
  const { name, password } = accountOf(people, 'programme-owner')
  const owner = await PortalSession.signIn(embedded.portalUrl, name, password)
  const yaml = demoCharterYaml(dir.installation(), people)
  await owner.post('/api/programme/charter', { yaml }, anything)
  // In a real programme two people sign with keys that no installation has; without both the gate stays closed.
  for (const approval of demoCharterApprovals(yaml, people)) {
    await owner.post('/api/programme/charter/approvals', approval, anything)
  }
  await withPasskey(owner, embedded.portalUrl, async (confirm) => {
    await confirm('approve-programme')
    await owner.post('/api/programme/state', { state: 'approved' }, anything)
    await confirm('run-programme')
    await owner.post('/api/programme/state', { state: 'running' }, anything)
  })
  return owner
}

async function inviteAndWait(
  embedded: Embedded,
  owner: PortalSession,
  options: CycleOptions,
  people: People,
  dir: DataDir,
): Promise<readonly string[]> {
  const { codes } = await owner.post(
    '/api/invitations',
    { count: options.participants + SILENT },
    z.object({ codes: z.array(z.string()) }),
  )
  const sessions: string[] = []
  for (const code of codes.slice(0, options.participants)) {
    const joined = await PortalSession.anonymous(embedded.portalUrl).post(
      '/api/join',
      { code },
      z.object({ session: z.string() }),
    )
    sessions.push(joined.session)
    options.onStep?.('Inviting people', sessions.length, options.participants)
  }
  const pat = people.accounts.find(({ passkeySeed }) => passkeySeed !== undefined)
  if (pat?.passkeySeed !== undefined && sessions[0] !== undefined) {
    const person = PortalSession.participant(embedded.portalUrl, sessions[0])
    await addPasskey(person, embedded.portalUrl, pat.passkeySeed)
  }
  await options.whenInviting?.(owner)
  // The account of a participant shows what one of them would see.
  const accounts = people.accounts.map((account) =>
    account.role === 'participant' && sessions[0] !== undefined ? { ...account, session: sessions[0] } : account,
  )
  writePeople(dir, { ...people, accounts })
  await embedded.moveClock(embedded.nowMs() + REFLECTION_MS + HOUR_MS)
  return sessions
}

async function consentAndEnrol(
  embedded: Embedded,
  dir: DataDir,
  sessions: readonly string[],
  options: CycleOptions,
): Promise<Device[]> {
  const clock = { nowMs: () => embedded.nowMs() }
  const devices: Device[] = []
  for (const [i, session] of sessions.entries()) {
    const folder = dir.path('demo/devices', `p${String(i + 1).padStart(2, '0')}`)
    const device = await openDevice(folder, { clock, serverUrl: embedded.portalUrl })
    devices.push(device)
    await device.enrol(embedded.portalUrl, session)
    const { capture, notice } = (await device.programme()).charter
    const apps = capture.apps.map(({ id }) => id)
    await device.consent({ noticeVersion: notice.version, categories: capture.categories, apps })
    options.onStep?.('Consent, after the reflection period', i + 1, sessions.length)
  }
  return devices
}

async function workSomeDays(embedded: Embedded, devices: readonly Device[], options: CycleOptions) {
  let inputEvents = 0
  let actions = 0
  const total = WORK_DAYS * devices.length
  for (let day = 0; day < WORK_DAYS; day++) {
    if (day > 0) await embedded.moveClock(embedded.nowMs() + 12 * HOUR_MS)
    for (const [i, device] of devices.entries()) {
      // Some stretches belong to a task that the person chose to show, some to nothing in particular.
      const task = SIMULATED_TASKS[(i + day) % (SIMULATED_TASKS.length + 1)]?.id ?? null
      const startAtMs = embedded.nowMs() + 1_000
      const events = createParticipant(SEED, i).session(task, startAtMs, { actionsAbout: ACTIONS_PER_SESSION })
      const report = await device.capture(atTheirTime(embedded, events), {
        task,
        // Most tasks get done; now and then somebody gives up.
        outcome: task === null ? null : (i + day) % 5 === 0 ? 'not-done' : 'done',
      })
      if (report.stopped !== null) throw new FairtraceError(report.stopped, 'a demonstration device stopped capturing')
      inputEvents += report.inputEvents
      actions += Object.values(report.actions).reduce((sum, count) => sum + count, 0)
      options.onStep?.('People at work', day * devices.length + i + 1, total)
    }
  }
  return { inputEvents, actions }
}

/** Every participant replays one of each kind: recordings of many people give each their own. */
async function replayRecordings(devices: readonly Device[], { recordings, onStep }: CycleOptions) {
  const counts = { inputEvents: 0, actions: 0 }
  if (recordings === null) return counts
  const dealt = dealRecordings(recordings, devices.length)
  for (const [i, device] of devices.entries()) {
    for (const { path, format, person } of dealt[i] ?? []) {
      const replay = openReplay(path, format, person === null ? {} : { person })
      const report = await device.capture(replay.events, { replayed: true })
      if (report.stopped !== null) throw new FairtraceError(report.stopped, 'a demonstration device stopped capturing')
      counts.inputEvents += report.inputEvents
      counts.actions += Object.values(report.actions).reduce((sum, count) => sum + count, 0)
    }
    onStep?.('Replaying real recordings', i + 1, devices.length)
  }
  return counts
}

/** Moves the clock so that events come neither before it nor more than `AHEAD_MS` after it. */
async function* atTheirTime(embedded: Embedded, events: Iterable<InputEvent>): AsyncGenerator<InputEvent> {
  for (const event of events) {
    if (event.atMs - embedded.nowMs() > AHEAD_MS) await embedded.moveClock(event.atMs - 2_000)
    yield event
  }
}

async function reviewAndUpload(embedded: Embedded, devices: readonly Device[], options: CycleOptions) {
  await embedded.moveClock(embedded.nowMs() + REVIEW_MS + HOUR_MS)
  await waitForVaultKey(devices)
  let batches = 0
  let sealedBytes = 0
  for (const [i, device] of devices.entries()) {
    const report = await device.upload()
    const kept = report.stopped ?? report.kept[0]?.code ?? null
    if (kept !== null) throw new FairtraceError(kept, 'a demonstration device could not upload')
    batches += report.uploaded
    sealedBytes += report.bytes
    options.onStep?.('Upload, after the review', i + 1, devices.length)
  }
  return { batches, sealedBytes }
}

/** After a jump of the clock the vault makes the key of the new day first. */
async function waitForVaultKey(devices: readonly Device[]): Promise<void> {
  const deadline = Date.now() + DRAIN_MS_MAX
  while (devices[0] !== undefined && (await devices[0].programme()).vaultKey === null) {
    if (Date.now() > deadline) throw new FairtraceError('KEY_UNAVAILABLE', 'the vault made no key for the day')
    await sleep(100)
  }
}

async function waitUntilStored(embedded: Embedded, batches: number, options: CycleOptions): Promise<number> {
  const database = openDatabase(embedded.databaseUrl('builder'), 1)
  const deadline = Date.now() + DRAIN_MS_MAX
  try {
    for (;;) {
      const { count } = await database.db
        .selectFrom('vault.chunks')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      options.onStep?.('Into the vault', Number(count), batches)
      if (Number(count) === batches) break
      if (Date.now() > deadline)
        throw new FairtraceError('ROLE_FAILED', `${count} of ${batches} batches reached the vault`)
      await sleep(100)
    }
    const { segments } = await database.db
      .selectFrom('vault.segments')
      .select((eb) => eb.fn.countAll<number>().as('segments'))
      .executeTakeFirstOrThrow()
    return Number(segments)
  } finally {
    await database.close()
  }
}

function accountOf(people: People, role: People['accounts'][number]['role']): People['accounts'][number] {
  const account = people.accounts.find((candidate) => candidate.role === role)
  if (account === undefined) throw new FairtraceError('INTERNAL', 'the demonstration has no such account')
  return account
}

class StepTimer {
  readonly seconds: Record<string, number> = {}

  async run<T>(step: string, work: () => Promise<T>): Promise<T> {
    const startMs = performance.now()
    try {
      return await work()
    } finally {
      this.seconds[step] = Math.round((performance.now() - startMs) / 10) / 100
    }
  }
}
