/**
 * `fairtrace consent`: what a participant can do about their own consent, from the folder of their device. Each is one call of
 * the portal's API, the same that the portal's own page makes.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { type Category, canonicalJson, FairtraceError, TASK_OUTCOMES, type TaskOutcome } from '@fairtrace/core'
import { type ConsentStatus, type Device, type OwnAccess, openDevice } from '@fairtrace/device'
import { charterPolicy, trustPolicy, type VerifiedOpening, verifyOpening } from '@fairtrace/verify'
import { Command } from 'commander'
import { z } from 'zod'
import { ownDataCsv, readOwnData } from '../access/own-data.ts'
import { chosen } from '../choices.ts'
import { readErasure, saysErasure, writeErasure } from '../consent/erasure.ts'
import { momentMs, say, saysAccess, saysConsent, saysHistory } from '../consent/sentences.ts'
import { PortalSession } from '../demo/portal-session.ts'
import { printJson, progress, runCommand, wholeNumber } from '../terminal.ts'

interface Options {
  readonly device: string
  readonly json?: boolean
}
interface GiveOptions extends Options {
  readonly notice: string
  readonly categories?: string
  readonly apps?: string
}
interface TaskOptions extends Options {
  readonly none?: boolean
  readonly outcome?: string
}

export function consentCommand(): Command {
  const command = new Command('consent').description('Shows and changes your own consent, from your device.')
  const add = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .requiredOption('--device <dir>', 'folder of the device, as `fairtrace replay` has made it')
      .option('--json', 'print JSON')

  add('show', 'Says what you decided, what holds now, and the notice.').action((options: Options) =>
    withDevice(options, show),
  )
  add('give', 'Says yes to the notice that you read, or changes your choices.')
    .requiredOption('--notice <version>', 'version of the notice that you read; `fairtrace consent show` has it')
    .option('--categories <list>', 'categories that you allow, separated by commas; all if left out')
    .option('--apps <list>', 'apps that you allow, separated by commas; all if left out')
    .action((options: GiveOptions) => withDevice(options, give))
  add('pause', 'Stops all recording until you resume.').action((options: Options) => withDevice(options, pause(true)))
  add('resume', 'Ends your pause.').action((options: Options) => withDevice(options, pause(false)))
  add(
    'withdraw',
    'Withdraws, at once: nothing is recorded, what waits is deleted, what is stored becomes unreadable.',
  ).action((options: Options) => withDevice(options, withdraw))
  add('history', 'Lists your decisions, or shows everything as it was at a moment.')
    .option('--at <time>', 'a moment, such as 2026-05-04T12:00:00Z')
    .action((options: Options & { at?: string }) => withDevice(options, history))
  add('receipt', 'Prints a signed receipt, the last one if no version is given.')
    .argument('[version]', 'number of the decision')
    .option('--out <file>', 'write it to a file')
    .action((version: string | undefined, options: Options & { out?: string }) =>
      withDevice(options, (device) => receipt(device, version, options)),
    )
  add(
    'accesses',
    'Lists who opened what is stored about you, why and by whose approval, and verifies each in the ledger.',
  )
    .option('--out <folder>', 'write the proofs there, for anybody to verify')
    .action((options: Options & { out?: string }) => withDevice(options, accesses))
  add('notices', 'Lists what you were told of incidents.').action((options: Options) => withDevice(options, notices))
  add('erasure', 'Says how far your withdrawal has reached, and verifies what proves each step.')
    .option('--out <folder>', 'write the signed receipt and the proofs there')
    .action((options: Options & { out?: string }) => withDevice(options, erasure))
  add('export', 'Writes everything that is stored about you to a file; your passkey opens it, in a browser.')
    .requiredOption('--out <file>', 'where to write it; .csv for a table, else JSON')
    .action((options: Options & { out: string }) => withDevice(options, exportOwn))
  add('task', 'Chooses a task to show, or says how the chosen one ended.')
    .argument('[task]', 'id of a task of the charter')
    .option('--none', 'work without a task from here on')
    .option('--outcome <outcome>', `how the chosen task ended: ${TASK_OUTCOMES.join(' or ')}`)
    .action((task: string | undefined, options: TaskOptions) =>
      withDevice(options, (device) => chooseTask(device, task, options)),
    )
  return command
}

function withDevice<O extends Options>(options: O, work: (device: Device, options: O) => Promise<void>): Promise<void> {
  return runCommand(options, async () => {
    const device = await openDevice(options.device, { clock: { nowMs: () => Date.now() } })
    try {
      await work(device, options)
    } finally {
      await device.close()
    }
  })
}

async function show(device: Device, { json }: Options): Promise<void> {
  const status = await device.consentStatus()
  const { charter } = await device.programme()
  const { version, text } = charter.notice
  const task = device.chosenTask?.task ?? null
  if (json) return printJson({ ...status, notice: { version, text }, task })
  say(text, '')
  say(`This is notice ${version}. ${saysConsent(status, Date.now()).join(' ')}`)
  say(task === null ? 'No task is chosen.' : `The chosen task is ${task}.`)
}

async function give(device: Device, { notice, categories, apps, json }: GiveOptions): Promise<void> {
  const { version } = await device.consentStatus()
  const { capture } = (await device.programme()).charter
  const receipt = await device.consent({
    noticeVersion: wholeNumber('--notice', notice, 1, Number.MAX_SAFE_INTEGER),
    categories: chosen<Category>(categories, capture.categories),
    apps: chosen(
      apps,
      capture.apps.map(({ id }) => id),
    ),
    version,
  })
  if (json) return printJson({ receipt })
  say('You said yes. Keep this receipt:', receipt)
}

async function exportOwn(device: Device, { out, json }: Options & { out: string }): Promise<void> {
  const { membership } = device
  if (membership === null) throw new FairtraceError('DEVICE_UNKNOWN', 'this device has not joined a programme')
  const bar = progress('Reading', 1)
  try {
    const data = await readOwnData(PortalSession.participant(membership.serverUrl, membership.session), 'export', {
      onConfirm: (page, key) =>
        process.stderr.write(
          `Open this page, sign in and confirm with your passkey. It shows the key ${key}.\n${page}\n`,
        ),
      onProgress: (share) => bar.update(share),
    })
    await writeFile(out, out.endsWith('.csv') ? ownDataCsv(data) : `${JSON.stringify(data, null, 2)}\n`, {
      mode: 0o600,
    })
    const actions = data.recordings.reduce((sum, recording) => sum + recording.actions.length, 0)
    if (json) return printJson({ file: out, actions, ledgerIndex: data.ledgerIndex })
    say(`Wrote ${actions} actions. This opening is entry ${data.ledgerIndex} of the ledger.`)
  } finally {
    bar.stop()
  }
}

async function erasure(device: Device, { json, out }: Options & { readonly out?: string }): Promise<void> {
  const { membership } = device
  if (membership === null) throw new FairtraceError('DEVICE_UNKNOWN', 'this device has not joined a programme')
  const portal = PortalSession.participant(membership.serverUrl, membership.session)
  const found = await readErasure(portal, (await device.programme()).charter)
  if (out !== undefined && found !== null) await writeErasure(found, out)
  if (json) return printJson(found)
  if (found === null) return say('You never withdrew.')
  say(found.isComplete ? 'Your erasure is complete.' : 'Your erasure is not complete yet.', ...saysErasure(found))
}

function pause(isPaused: boolean) {
  return async (device: Device, { json }: Options): Promise<void> => {
    await device.setPaused(isPaused)
    if (json) return printJson({ isPaused })
    say(
      isPaused
        ? 'Paused. Nothing of yours is recorded until you resume; nobody is told.'
        : 'Resumed. What you chose before holds again.',
    )
  }
}

async function withdraw(device: Device, { json }: Options): Promise<void> {
  const receipt = await device.withdraw()
  if (json) return printJson({ receipt })
  say(
    'You withdrew. What waited here is deleted, and the keys to what is stored are destroyed within a minute.',
    `Keep this receipt:\n${receipt}`,
  )
}

async function history(device: Device, { at, json }: Options & { readonly at?: string }): Promise<void> {
  const status = await device.consentStatus(at === undefined ? null : momentMs(at))
  if (json) return printJson(status)
  say(...saysHistory(status))
  if (at !== undefined) say(...saysConsent(status, momentMs(at)))
}

async function receipt(
  device: Device,
  version: string | undefined,
  { json, out }: Options & { readonly out?: string },
): Promise<void> {
  const found = receiptOf(await device.consentStatus(), version)
  if (out !== undefined) await writeFile(out, `${found}\n`, { mode: 0o600 })
  if (json) return printJson({ receipt: found })
  if (out === undefined) process.stdout.write(`${found}\n`)
  else say('Written. `fairtrace verify receipt FILE --charter CHARTER` checks it without asking anybody.')
}

function receiptOf({ history }: ConsentStatus, version: string | undefined): string {
  const found =
    version === undefined
      ? history.findLast((event) => event.receipt !== null)
      : history.find((event) => event.version === wholeNumber('the version', version, 1, Number.MAX_SAFE_INTEGER))
  if (!found?.receipt) throw new FairtraceError('NOT_FOUND', 'you have no such receipt')
  return found.receipt
}

/** @throws `LEDGER_INVALID` if the ledger doesn't bear out what the portal says */
async function accesses(device: Device, { json, out }: Options & { readonly out?: string }): Promise<void> {
  const listed = await device.accesses()
  const trust = trustPolicy(charterPolicy((await device.programme()).charter))
  if (out !== undefined) await mkdir(out, { recursive: true, mode: 0o700 })
  const verified: (OwnAccess & { readonly size: number; readonly witnesses: readonly string[] })[] = []
  for (const access of listed) {
    const proof = await device.accessProof(access.index)
    const { size, witnesses } = requireBorneOut(access, verifyOpening(proof, trust))
    verified.push({ ...access, size, witnesses })
    if (out !== undefined) await writeFile(join(out, `access-${access.index}.tlog-proof`), proof, { mode: 0o600 })
  }
  if (json) return printJson({ accesses: verified })
  say(
    verified.length === 0
      ? 'Nobody opened anything of yours.'
      : 'Each of these stands in the ledger, as verified here:',
  )
  for (const access of verified) say(`  ${saysAccess(access)}`)
}

/** What the portal shows has to be what the entry commits to: who, why, and by whose approval. */
function requireBorneOut(access: OwnAccess, opened: VerifiedOpening | null): VerifiedOpening {
  const { grant, approvers } = (opened?.detail ?? {}) as {
    grant?: { requester?: { name?: unknown }; purpose?: unknown; reason?: unknown }
    approvers?: unknown
  }
  const said = [access.who, access.purpose, access.reason, access.approvers]
  const logged = [grant?.requester?.name ?? null, grant?.purpose ?? null, grant?.reason ?? null, approvers ?? []]
  if (opened === null || opened.index !== access.index || canonicalJson(said) !== canonicalJson(logged)) {
    throw new FairtraceError('LEDGER_INVALID', `entry ${access.index} does not say what the portal shows`)
  }
  return opened
}

const noticesSchema = z.object({
  notices: z.array(z.object({ incident: z.string(), sentAtMs: z.number(), text: z.string() })),
})

async function notices(device: Device, { json }: Options): Promise<void> {
  const { membership } = device
  if (membership === null) throw new FairtraceError('DEVICE_UNKNOWN', 'this device has not joined a programme')
  const portal = PortalSession.participant(membership.serverUrl, membership.session)
  const told = await portal.get('/api/me/notices', noticesSchema)
  if (json) return printJson(told)
  if (told.notices.length === 0) say('You were told of no incident.')
  for (const { sentAtMs, text } of told.notices) say(`Notice of ${new Date(sentAtMs).toISOString()}`, '', text, '')
}

async function chooseTask(
  device: Device,
  task: string | undefined,
  { none, outcome, json }: TaskOptions,
): Promise<void> {
  if ([task !== undefined, none === true, outcome !== undefined].filter(Boolean).length > 1) {
    throw new FairtraceError('USAGE', 'give a task, --none or --outcome')
  }
  if (outcome !== undefined) {
    const marked = await device.finishTask(parseOutcome(outcome))
    if (json) return printJson({ task: null, outcome, recording: marked })
    return say(marked === null ? 'The task is over; no recording of it waits here.' : `Marked: ${outcome}.`)
  }
  if (task !== undefined || none) await device.chooseTask(task ?? null)
  const { tasks } = (await device.programme()).charter.capture
  const now = device.chosenTask?.task ?? null
  if (json) return printJson({ task: now, tasks })
  say(now === null ? 'No task is chosen. The charter has:' : `The chosen task is ${now}. The charter has:`)
  for (const { id, instruction } of tasks) say(`  ${id}: ${instruction}`)
}

/** @throws `USAGE` */
export function parseOutcome(text: string): TaskOutcome {
  const outcome = TASK_OUTCOMES.find((known) => known === text)
  if (outcome === undefined) throw new FairtraceError('USAGE', `an outcome is ${TASK_OUTCOMES.join(' or ')}`)
  return outcome
}
