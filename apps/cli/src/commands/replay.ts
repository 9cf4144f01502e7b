/**
 * `fairtrace replay`: captures a recording as if it happened now, on a device with its own folder, and uploads what is due.
 *
 * The way is the participant's own: join with an invitation, read the notice, wait for the reflection period, consent,
 * capture, review. No option shortens the waiting; `--release-now` only ends the review, as a participant may.
 */
import { stat } from 'node:fs/promises'
import process from 'node:process'
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import {
  type CaptureReport,
  DEVICE_BUILD,
  type Device,
  openDevice,
  openReplay,
  REPLAY_FORMATS,
  type ReplayFormat,
  type ReplayReport,
  type SentReport,
} from '@fairtrace/device'
import { Command, Option } from 'commander'
import { chosen } from '../choices.ts'
import { printJson, progress, runCommand } from '../terminal.ts'
import { parseOutcome } from './consent.ts'

interface Options {
  readonly device: string
  readonly format?: ReplayFormat
  readonly server?: string
  readonly join?: string
  readonly consent?: boolean
  readonly categories?: string
  readonly apps?: string
  readonly build: string
  readonly app?: string
  readonly task?: string
  readonly outcome?: string
  readonly window?: string
  readonly scrollDirection: '1' | '-1'
  readonly person?: string
  readonly session?: string
  readonly releaseNow?: boolean
  readonly json?: boolean
}

/** What happened, as `--json` prints it. Parts that were not asked for are null. */
interface Outcome {
  joined: { noticeVersion: number; notice: string; reflectionEndsAt: string } | null
  receipt: string | null
  device: string | null
  read: ReplayReport | null
  captured: CaptureReport | null
  released: number
  waiting: readonly { recording: string; actions: number; heldUntil: string | null }[]
  uploaded: SentReport | null
}

export function replayCommand(): Command {
  return new Command('replay')
    .description('Captures a recording on an enrolled device as if it happened now, and uploads what is due.')
    .argument('[recording]', 'a file, plain or gzip; - for standard input')
    .requiredOption('--device <dir>', 'folder of the device; made if it is not there')
    .addOption(new Option('--format <format>', 'how it was recorded').choices([...REPLAY_FORMATS]))
    .option('--server <url>', 'where Fairtrace runs; needed once, at joining')
    .option('--join <code>', 'take this invitation and show the notice')
    .option('--consent', 'give consent to the notice that was shown, for what --categories and --apps say')
    .option(
      '--categories <list>',
      'categories that you allow, separated by commas; every one of the charter if left out',
    )
    .option('--apps <list>', 'apps that you allow, separated by commas; every one of the charter if left out')
    .option('--build <digest>', 'build that the device declares', DEVICE_BUILD)
    .option('--app <id>', 'the app that it was recorded in, as the charter lists it')
    .option('--task <id>', "the charter's task that it shows; the one chosen with `fairtrace consent task` if left out")
    .option('--outcome <outcome>', 'whether that task was done at its end: done or not-done')
    .option('--window <width>x<height>', 'size of what was recorded, in pixels')
    .addOption(
      new Option('--scroll-direction <direction>', '-1 for natural scrolling').choices(['1', '-1']).default('1'),
    )
    .option('--person <id>', 'only this person of a CSV of many')
    .option('--session <id>', 'only this session or section of a CSV')
    .option('--release-now', 'end the review of what this run captured, and let it leave')
    .option('--json', 'print what happened as JSON')
    .action((path: string | undefined, options: Options) => runCommand(options, () => replay(path, options)))
}

async function replay(path: string | undefined, options: Options): Promise<void> {
  if (path !== undefined && options.format === undefined) throw new FairtraceError('USAGE', '--format is missing')
  if (path === undefined && options.join === undefined && !options.consent && !options.releaseNow) {
    throw new FairtraceError('USAGE', 'name a recording, or --join, --consent or --release-now')
  }
  const device = await openDevice(options.device, {
    clock: { nowMs: () => Date.now() },
    ...(options.server === undefined ? {} : { serverUrl: options.server }),
  })
  const outcome: Outcome = {
    joined: null,
    receipt: null,
    device: null,
    read: null,
    captured: null,
    released: 0,
    waiting: [],
    uploaded: null,
  }
  try {
    await prepare(device, options, outcome)
    const before = new Set((await device.outbox.list()).map(({ id }) => id))
    if (path !== undefined && options.format !== undefined)
      await capture(device, path, options.format, options, outcome)
    await letLeave(device, before, path === undefined, options, outcome)
    await fetchConcerns(device)
  } finally {
    await device.close()
  }
  if (options.json) printJson(outcome)
  else printOutcome(outcome)
  finish(outcome, options)
}

async function prepare(device: Device, options: Options, outcome: Outcome): Promise<void> {
  if (options.join !== undefined) {
    if (options.server === undefined) throw new FairtraceError('USAGE', '--join needs --server')
    const { notice, reflectionEndsAtMs } = await device.join(options.server, options.join)
    const reflectionEndsAt = new Date(reflectionEndsAtMs).toISOString()
    outcome.joined = { noticeVersion: notice.version, notice: notice.text, reflectionEndsAt }
  }
  if (options.consent) {
    const noticeVersion = device.membership?.noticeVersion ?? null
    if (noticeVersion === null) throw new FairtraceError('CONSENT_REQUIRED', 'no notice was shown on this device yet')
    const { capture: offered } = (await device.programme()).charter
    outcome.receipt = await device.consent({
      noticeVersion,
      categories: chosen(options.categories, offered.categories),
      apps: chosen(
        options.apps,
        offered.apps.map(({ id }) => id),
      ),
    })
  }
  // A device is enrolled as soon as it is about to be used; before consent it gets no lease.
  if (device.id === null && device.membership !== null && !outcome.joined) {
    await device.enrol(device.membership.serverUrl, device.membership.session, options.build)
  }
  outcome.device = device.id
}

async function capture(
  device: Device,
  path: string,
  format: ReplayFormat,
  options: Options,
  outcome: Outcome,
): Promise<void> {
  if (outcome.joined !== null) {
    throw new FairtraceError('REFLECTION_NOT_OVER', `nothing is captured before ${outcome.joined.reflectionEndsAt}`)
  }
  const bar = progress('replay', path === '-' ? 0 : (await stat(path)).size)
  const window = parseWindow(options.window)
  const recording = openReplay(path, format, {
    scrollDirection: options.scrollDirection === '-1' ? -1 : 1,
    ...(options.app === undefined ? {} : { app: options.app }),
    ...(window === null ? {} : { window }),
    ...(options.person === undefined ? {} : { person: options.person }),
    ...(options.session === undefined ? {} : { session: options.session }),
    betweenChunks: (bytes) => bar.update(bytes),
  })
  try {
    outcome.captured = await device.capture(recording.events, {
      ...(options.task === undefined ? {} : { task: options.task }),
      ...(options.outcome === undefined ? {} : { outcome: parseOutcome(options.outcome) }),
      replayed: true,
    })
    outcome.read = recording.report()
  } finally {
    bar.stop()
  }
}

/** @param all release everything that is held, where no recording was named; else what this run captured */
async function letLeave(
  device: Device,
  before: ReadonlySet<string>,
  all: boolean,
  options: Options,
  outcome: Outcome,
): Promise<void> {
  if (device.id === null) return
  if (options.releaseNow) {
    const captured = (await device.outbox.list()).map(({ id }) => id).filter((id) => !before.has(id))
    outcome.released = await device.releaseEarly(all ? undefined : captured)
  }
  outcome.uploaded = await device.upload()
  outcome.waiting = (await device.outbox.list()).map(({ id, actionCount, endedAtMs, reviewMs }) => ({
    recording: id,
    actions: actionCount,
    heldUntil: endedAtMs === null ? null : new Date(endedAtMs + reviewMs).toISOString(),
  }))
}

/** With every run, whatever the person thinks of concerns: so having their tokens says nothing. */
async function fetchConcerns(device: Device): Promise<void> {
  if (device.membership === null) return
  try {
    await device.concerns().sync()
  } catch (cause) {
    if (!isFairtraceError(cause) || !CONCERNS_LATER.has(cause.code)) throw cause
    // The recording is taken care of; list and tokens come with the next run.
  }
}

const CONCERNS_LATER: ReadonlySet<string> = new Set(['SERVER_UNREACHABLE', 'SERVER_REFUSED', 'NOT_FOUND'])

function printOutcome({ joined, receipt, device, read, captured, released, waiting, uploaded }: Outcome): void {
  const say = (line: string) => process.stdout.write(`${line}\n`)
  if (joined !== null) {
    say(`${joined.notice}\n`)
    say(
      `You have joined and decided nothing yet. Nothing is captured, and you can choose from ${joined.reflectionEndsAt}.`,
    )
  }
  if (receipt !== null) say(`You gave consent. Keep this receipt:\n${receipt}`)
  if (device !== null) say(`This device is ${device}.`)
  if (read !== null) say(`Read ${plural(read.lines, 'line')}, ${plural(read.inputEvents, 'event')}.`)
  if (captured !== null) printCaptured(captured, say)
  for (const { reason, count } of read?.problems ?? []) say(`  not understood, ${reason}: ${count}`)
  if (released > 0) say(`You let ${plural(released, 'recording')} go before the review period ended.`)
  for (const { recording, actions, heldUntil } of waiting) {
    say(`Recording ${recording}, ${plural(actions, 'action')}: stays here until ${heldUntil ?? 'it ends'}.`)
  }
  if (uploaded !== null) {
    say(`Uploaded ${plural(uploaded.uploaded, 'batch', 'batches')}, ${uploaded.bytes} bytes.`)
    if (uploaded.narrowedAway > 0) say(`  deleted, no longer allowed by the charter: ${uploaded.narrowedAway} actions`)
    for (const { batch, code } of uploaded.kept) say(`  kept: ${batch} (${code})`)
  }
}

function printCaptured({ actions, denied, dropped, recordings, stopped }: CaptureReport, say: (line: string) => void) {
  const kinds = Object.entries(actions).filter(([, count]) => count > 0)
  const total = kinds.reduce((sum, [, count]) => sum + count, 0)
  say(`Captured ${plural(total, 'action')} in ${plural(recordings, 'recording')}.`)
  if (kinds.length > 0) say(`  ${kinds.map(([kind, count]) => `${count} ${kind}`).join(', ')}`)
  for (const [reason, count] of Object.entries(denied)) if (count > 0) say(`  ${DENIED[reason] ?? reason}: ${count}`)
  for (const [reason, count] of Object.entries(dropped))
    if (count > 0) say(`  dropped by the shield, ${reason}: ${count}`)
  if (stopped !== null) say(`Capture stopped: ${stopped}.`)
}

const DENIED: Readonly<Record<string, string>> = {
  'no-lease': 'dropped, there was no lease',
  'lease-over': 'dropped, the lease was over',
  category: 'dropped, you did not allow this category',
  app: 'dropped, this app is not listed or not allowed by you',
}

/** Everything was told already: only the exit status is left, and the advice for a reader. */
function finish({ captured, uploaded, read }: Outcome, options: Options): void {
  const code = captured?.stopped ?? uploaded?.stopped ?? uploaded?.kept[0]?.code ?? null
  const error =
    code !== null
      ? new FairtraceError(code, 'not everything was done')
      : read !== null && read.end !== 'whole'
        ? new FairtraceError('INPUT_TRUNCATED', `the recording is ${read.end} after line ${read.lines}`)
        : null
  if (error === null) return
  if (!options.json) throw error
  process.exitCode = error.exitCode
}

function parseWindow(text: string | undefined): { readonly width: number; readonly height: number } | null {
  if (text === undefined) return null
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text)
  const [width, height] = [Number(match?.[1]), Number(match?.[2])]
  if (!(width > 0 && height > 0)) throw new FairtraceError('USAGE', 'write a window as 1366x768')
  return { width, height }
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
