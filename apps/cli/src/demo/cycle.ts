/**
 * The whole life of a programme in a minute: charter, people who are asked and wait out the reflection period, some days
 * of work, the review, a grant with two approvals, a release.
 *
 * It uses what everybody uses: the portal's HTTP, real devices with their outboxes, the builder. Only the clock is special: it
 * starts in the past, is moved forward between the steps, and ends in the present. Nothing is shortened.
 */

import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { InputEvent } from '@fairtrace/core'
import { FairtraceError } from '@fairtrace/core'
import { type Device, openDevice, openReplay } from '@fairtrace/device'
import type { DataDir, Embedded } from '@fairtrace/server'
import { honeyId } from '@fairtrace/server/sentinel/honey/honey-ids'
import { openDatabase } from '@fairtrace/server/store/database'
import { createParticipant, SIMULATED_TASKS } from '@fairtrace/testing/simulator'
import { z } from 'zod'
import { openHoneyDevice } from '../honey/honey-device.ts'
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
/** Synthetic people that only the scanner knows from the others; in no figure of the demonstration. */
export const HONEY = 2
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

/** Somebody who was invited. */
interface Guest {
  readonly session: string
  /** Which of the simulated people, or which honey participant. */
  readonly index: number
  readonly isHoney: boolean
}
type Worker = Omit<Guest, 'session'> & { readonly device: Device }

/** @param embedded a fresh demonstration whose clock stands `DEMO_CLOCK_START_MS` in the past */
export async function runCycle(embedded: Embedded, dir: DataDir, options: CycleOptions): Promise<CycleReport> {
  const timer = new StepTimer()
  const people = createPeople()
  writePeople(dir, people)
  writeDemoKeys(dir, people)
  const workers: Worker[] = []
  try {
    const owner = await timer.run('charter', () => startProgramme(embedded, dir, people))
    const guests = await timer.run('invite', () => inviteAndWait(embedded, owner, options, people, dir))
    await timer.run('consent', async () => workers.push(...(await consentAndEnrol(embedded, dir, guests, options))))
    const worked = await timer.run('capture', () => workSomeDays(embedded, workers, options))
    const devices = workers.filter(({ isHoney }) => !isHoney).map(({ device }) => device)
    const replayed = await timer.run('replay', () => replayRecordings(devices, options))
    const sent = await timer.run('upload', () => reviewAndUpload(embedded, workers, options))
    const segments = await timer.run('vault', () =>
      waitUntilStored(embedded, sent.batches + sent.honeyBatches, options),
    )
    const release = await timer.run('release', () => buildDemoRelease(embedded, dir, options.onStep))
    await timer.run('present', async () => {
      await embedded.moveClock(Date.now())
      await waitForVaultKey(devices)
    })
    const inputEvents = worked.inputEvents + replayed.inputEvents
    const actions = worked.actions + replayed.actions
    const { batches, sealedBytes } = sent
    return { inputEvents, actions, batches, sealedBytes, segments, release, seconds: timer.seconds }
  } finally {
    for (const { device } of workers) await device.close()
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
): Promise<readonly Guest[]> {
  const { codes } = await owner.post(
    '/api/invitations',
    { count: options.participants + HONEY + SILENT },
    z.object({ codes: z.array(z.string()) }),
  )
  const guests: Guest[] = []
  for (const [i, { index, isHoney }] of guestList(options.participants).entries()) {
    const pseudonym = isHoney ? { pseudonym: honeyId(honeyKeyOf(dir), 'pseudonym', index) } : {}
    const { session } = await PortalSession.anonymous(embedded.portalUrl).post(
      '/api/join',
      { code: codes[i] ?? '', ...pseudonym },
      z.object({ session: z.string() }),
    )
    guests.push({ session, index, isHoney })
    options.onStep?.('Inviting people', i + 1, options.participants + HONEY)
  }
  const sessions = guests.filter(({ isHoney }) => !isHoney).map(({ session }) => session)
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
  return guests
}

async function consentAndEnrol(
  embedded: Embedded,
  dir: DataDir,
  guests: readonly Guest[],
  options: CycleOptions,
): Promise<Worker[]> {
  const clock = { nowMs: () => embedded.nowMs() }
  const workers: Worker[] = []
  for (const [i, { session, index, isHoney }] of guests.entries()) {
    const folder = dir.path('demo/devices', `p${String(i + 1).padStart(2, '0')}`)
    const settings = { clock, serverUrl: embedded.portalUrl }
    let recordings = 0
    const honey = () => ({ honeyKey: honeyKeyOf(dir), person: index, nextRecording: () => recordings++ })
    const device = isHoney ? await openHoneyDevice(folder, honey(), settings) : await openDevice(folder, settings)
    workers.push({ device, index, isHoney })
    await device.enrol(embedded.portalUrl, session)
    const { capture, notice } = (await device.programme()).charter
    const apps = capture.apps.map(({ id }) => id)
    await device.consent({ noticeVersion: notice.version, categories: capture.categories, apps })
    options.onStep?.('Consent, after the reflection period', i + 1, guests.length)
  }
  return workers
}

async function workSomeDays(embedded: Embedded, workers: readonly Worker[], options: CycleOptions) {
  let inputEvents = 0
  let actions = 0
  const total = WORK_DAYS * workers.length
  for (let day = 0; day < WORK_DAYS; day++) {
    if (day > 0) await embedded.moveClock(embedded.nowMs() + 12 * HOUR_MS)
    for (const [i, { device, index, isHoney }] of workers.entries()) {
      // Some stretches belong to a task that the person chose to show, some to nothing in particular.
      const task = SIMULATED_TASKS[(i + day) % (SIMULATED_TASKS.length + 1)]?.id ?? null
      const startAtMs = embedded.nowMs() + 1_000
      const events = createParticipant(SEED, isHoney ? 1_000 + index : index).session(task, startAtMs, {
        actionsAbout: ACTIONS_PER_SESSION,
      })
      const report = await device.capture(atTheirTime(embedded, events), {
        task,
        // Most tasks get done; now and then somebody gives up.
        outcome: task === null ? null : (i + day) % 5 === 0 ? 'not-done' : 'done',
      })
      if (report.stopped !== null) throw new FairtraceError(report.stopped, 'a demonstration device stopped capturing')
      options.onStep?.('People at work', day * workers.length + i + 1, total)
      if (isHoney) continue
      inputEvents += report.inputEvents
      actions += Object.values(report.actions).reduce((sum, count) => sum + count, 0)
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

async function reviewAndUpload(embedded: Embedded, workers: readonly Worker[], options: CycleOptions) {
  await embedded.moveClock(embedded.nowMs() + REVIEW_MS + HOUR_MS)
  await waitForVaultKey(workers.map(({ device }) => device))
  let batches = 0
  let sealedBytes = 0
  let honeyBatches = 0
  for (const [i, { device, isHoney }] of workers.entries()) {
    const report = await device.upload()
    const kept = report.stopped ?? report.kept[0]?.code ?? null
    if (kept !== null) throw new FairtraceError(kept, 'a demonstration device could not upload')
    if (isHoney) honeyBatches += report.uploaded
    else {
      batches += report.uploaded
      sealedBytes += report.bytes
    }
    options.onStep?.('Upload, after the review', i + 1, workers.length)
  }
  return { batches, sealedBytes, honeyBatches }
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

/** In no order that tells who is who. */
function guestList(participants: number): readonly Omit<Guest, 'session'>[] {
  const guests = Array.from({ length: participants }, (_, index) => ({ index, isHoney: false }))
  for (let index = 0; index < HONEY; index++) guests.splice(randomInt(guests.length + 1), 0, { index, isHoney: true })
  return guests
}

function honeyKeyOf(dir: DataDir): string {
  const { honeyKey } = dir.secrets('scanner')
  if (honeyKey === undefined) throw new FairtraceError('KEY_UNAVAILABLE', 'the scanner has no honey key')
  return honeyKey
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
