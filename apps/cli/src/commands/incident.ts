/** `fairtrace incident`: the records of lockdowns, what people add to them, notices, and exports. */
import { readFile, writeFile } from 'node:fs/promises'
import { FairtraceError, incidentCauseSchema } from '@fairtrace/core'
import { Command } from 'commander'
import { z } from 'zod'
import { type StaffPlace, staffSession } from '../access/staff-session.ts'
import { say } from '../consent/sentences.ts'
import { printJson, runCommand } from '../terminal.ts'

interface Options extends StaffPlace {
  readonly json?: boolean
}

const listSchema = z.object({
  incidents: z.array(
    z.object({
      id: z.string(),
      epoch: z.int(),
      openedAtMs: z.int(),
      isRehearsal: z.boolean(),
      hasRootCause: z.boolean(),
      noticesSentAtMs: z.int().nullable(),
    }),
  ),
})
const shownSchema = z.object({ report: z.record(z.string(), z.unknown()), notice: z.string() })
const FORMATS = ['markdown', 'html', 'dpv'] as const

export function incidentCommand(): Command {
  const command = new Command('incident').description('Shows incidents, records their cause, sends notices, exports.')
  const add = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .option('--data <dir>', 'data directory of a demonstration on this machine')
      .option('--server <url>', 'address of the portal')
      .option('--session <token>', 'session of somebody who is signed in there')
      .option('--json', 'print JSON')
  add('list', 'Lists incidents and rehearsals, newest first.').action((options: Options) =>
    runCommand(options, () => list(options)),
  )
  add('show', 'Prints one incident as it stands now.')
    .argument('<id>', 'of the incident; `latest` for the newest')
    .action((id: string, options: Options) => runCommand(options, () => show(id, options)))
  add('cause', 'Records root cause, safeguards, actions and owners (data protection).')
    .argument('<id>', 'of the incident; `latest` for the newest')
    .requiredOption('--file <file>', '{"text", "safeguards", "actions": [{"what", "owner", "dueOn"}]} in JSON')
    .action((id: string, options: Options & { file: string }) => runCommand(options, () => cause(id, options)))
  add('notify', 'Drafts the notices to everybody concerned; with --send approves them and lets them go.')
    .argument('<id>', 'of the incident; `latest` for the newest')
    .option('--send', 'send them')
    .action((id: string, options: Options & { send?: boolean }) => runCommand(options, () => notify(id, options)))
  add('export', 'Writes an incident to a file: Markdown, HTML that prints, or a breach record in DPV terms.')
    .argument('<id>', 'of the incident; `latest` for the newest')
    .requiredOption('--out <file>', 'where to')
    .option('--format <format>', FORMATS.join(', '), 'markdown')
    .action((id: string, options: Options & { out: string; format: string }) =>
      runCommand(options, () => exportTo(id, options)),
    )
  return command
}

async function list(options: Options): Promise<void> {
  const portal = await staffSession(options, 'data-protection')
  const found = await portal.get('/api/incidents', listSchema)
  if (options.json) return printJson(found)
  if (found.incidents.length === 0) say('Nothing was ever locked.')
  for (const { id, epoch, openedAtMs, isRehearsal, hasRootCause } of found.incidents) {
    const what = isRehearsal ? 'rehearsal' : `incident, ${hasRootCause ? 'root cause on record' : 'no root cause yet'}`
    say(`${id}  epoch ${epoch}  ${new Date(openedAtMs).toISOString()}  ${what}`)
  }
}

async function show(id: string, options: Options): Promise<void> {
  const portal = await staffSession(options, 'data-protection')
  const path = `/api/incidents/${await idOf(portal, id)}`
  if (options.json) return printJson(await portal.get(path, shownSchema))
  process.stdout.write(Buffer.from(await portal.bytes(`${path}/export?format=markdown`)))
}

async function cause(id: string, options: Options & { readonly file: string }): Promise<void> {
  const portal = await staffSession(options, 'data-protection')
  const parsed = incidentCauseSchema.safeParse(await readJson(options.file))
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'file'}: ${message}`)
    throw new FairtraceError('BODY_INVALID', faults.join('; '))
  }
  const path = `/api/incidents/${await idOf(portal, id)}/cause`
  const { ledgerIndex } = await portal.post(path, parsed.data, z.object({ ledgerIndex: z.int() }))
  if (options.json) return printJson({ ledgerIndex })
  say(`Recorded, and entered in the ledger as ${ledgerIndex}.`)
}

async function notify(id: string, options: Options & { readonly send?: boolean }): Promise<void> {
  const portal = await staffSession(options, 'data-protection')
  const path = `/api/incidents/${await idOf(portal, id)}/notices`
  const { notice } = await portal.post(path, {}, z.object({ notice: z.string() }))
  if (options.send) await portal.post(`${path}/send`, {}, z.object({}))
  if (options.json) return printJson({ notice, isSent: options.send === true })
  say(notice, '', options.send ? 'Sent: everybody concerned sees it in the portal.' : 'A draft: --send lets it go.')
}

async function exportTo(
  id: string,
  options: Options & { readonly out: string; readonly format: string },
): Promise<void> {
  const format = FORMATS.find((known) => known === options.format)
  if (format === undefined) throw new FairtraceError('USAGE', `a format is one of: ${FORMATS.join(', ')}`)
  const portal = await staffSession(options, 'data-protection')
  const bytes = await portal.bytes(`/api/incidents/${await idOf(portal, id)}/export?format=${format}`)
  await writeFile(options.out, bytes, { mode: 0o600 })
  if (options.json) return printJson({ written: options.out, bytes: bytes.length })
  say(`Wrote ${options.out}.`)
}

async function idOf(portal: Awaited<ReturnType<typeof staffSession>>, id: string): Promise<string> {
  if (id !== 'latest') return encodeURIComponent(id)
  const [newest] = (await portal.get('/api/incidents', listSchema)).incidents
  if (newest === undefined) throw new FairtraceError('NOT_FOUND', 'nothing was ever locked')
  return newest.id
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new FairtraceError('INPUT_UNREADABLE', 'the file is not JSON', { cause })
  }
}
