/** `fairtrace lockdown`: locks everything, says what a lockdown reached, and hands in what two people say of an exposure. */
import { sign } from 'node:crypto'
import { FairtraceError } from '@fairtrace/core'
import { DataDir } from '@fairtrace/server'
import { DATABASE_NAME } from '@fairtrace/server/embedded/bootstrap'
import { lockdownReport, newestLockdown } from '@fairtrace/server/lockdown/report'
import { verdictMessage } from '@fairtrace/server/lockdown/verdict'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { lockProgramme } from '@fairtrace/server/runtime/lockdown'
import { readProgramme } from '@fairtrace/server/runtime/programme'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { databaseRoleName } from '@fairtrace/server/store/schema'
import { Command } from 'commander'
import { z } from 'zod'
import { type StaffPlace, staffSession } from '../access/staff-session.ts'
import { readKeyFile } from '../charter/key-file.ts'
import { say } from '../consent/sentences.ts'
import { printJson, runCommand } from '../terminal.ts'

interface Options extends StaffPlace {
  readonly reason?: string
  readonly status?: boolean
  readonly json?: boolean
}
interface VerdictOptions extends StaffPlace {
  readonly exposure: string
  readonly kind: string
  readonly subject: string
  readonly reason: string
  readonly mended?: boolean
  readonly key: readonly string[]
  readonly json?: boolean
}

const statusSchema = z.object({
  state: z.string(),
  epoch: z.int(),
  report: z
    .object({
      epoch: z.int(),
      acknowledged: z.array(z.object({ point: z.string(), afterMs: z.int() }).loose()),
      missing: z.array(z.object({ point: z.string() }).loose()),
      devicesConnected: z.int().nullable(),
    })
    .loose()
    .nullable(),
})
type Status = z.infer<typeof statusSchema>

/** How long who locked waits to say who has stopped. */
const ANSWERS_MS = 5_000

export function lockdownCommand(): Command {
  const command = new Command('lockdown')
    .description('Locks everything at once: nothing is captured, nothing opens. Only the gate lets it run again.')
    .option('--reason <text>', 'why, in a sentence for everybody; no names')
    .option('--status', 'lock nothing; say who has stopped for the newest lockdown, and who has not')
    .option('--data <dir>', 'data directory on this machine; needs no portal, so it works while that hangs')
    .option('--server <url>', 'address of the portal')
    .option('--session <token>', 'session of data protection or a worker representative')
    .option('--json', 'print JSON')
    .action((options: Options) => runCommand(options, () => lockdown(options)))
  command
    .command('false-alarm')
    .description('Closes an exposure by the signatures of data protection and a worker representative.')
    .requiredOption('--exposure <id>', 'which one')
    .requiredOption('--kind <kind>', 'what it is, as it is shown')
    .requiredOption('--subject <text>', 'what is exposed, as it is shown')
    .requiredOption('--reason <text>', 'why it is none, for everybody who reads the incident')
    .option('--mended', 'it was none that anything looks at again, and it is mended')
    .requiredOption('--key <file...>', 'keys of both, {"name", "seed"} in JSON')
    .option('--data <dir>', 'data directory of a demonstration on this machine')
    .option('--server <url>', 'address of the portal')
    .option('--session <token>', 'session of data protection or a worker representative')
    .option('--json', 'print JSON')
    .action((_given: unknown, self: Command) => {
      const options = self.optsWithGlobals<VerdictOptions>()
      return runCommand(options, () => falseAlarm(options))
    })
  return command
}

async function lockdown(options: Options): Promise<void> {
  const found = options.data === undefined ? await overPortal(options) : await inDatabase(options.data, options)
  if (options.json) return printJson(found)
  say(`The programme is ${found.state}, epoch ${found.epoch}.`)
  if (found.report === null) return say('Nothing was ever locked.')
  for (const { point, afterMs } of found.report.acknowledged) say(`  ${point} stopped after ${afterMs} ms`)
  for (const { point } of found.report.missing) say(`  ${point} has not said that it stopped`)
  if (found.report.devicesConnected !== null) say(`  ${found.report.devicesConnected} devices were told to stop`)
}

async function overPortal(options: Options): Promise<Status> {
  const portal = await staffSession(options, 'data-protection')
  const look = () => portal.get('/api/lockdown', statusSchema)
  if (options.status) return await look()
  await portal.post('/api/lockdown', { reason: options.reason ?? '' }, z.object({ epoch: z.int() }))
  return await untilAnswered(look)
}

/** Whoever has the data directory may always lock. No process of ours but the database has to answer. */
async function inDatabase(data: string, options: Options): Promise<Status> {
  const dir = new DataDir(data)
  const { databasePassword } = dir.secrets('sentinel')
  const place = `127.0.0.1:${dir.runtime().postgresPort}/${DATABASE_NAME}`
  const database = openDatabase(`postgres://${databaseRoleName('sentinel')}:${databasePassword}@${place}`, 2)
  try {
    if (!options.status) {
      const reason = options.reason ?? 'Locked on the machine itself.'
      const { rows } = await database.pool.query('select 1 from install.programme')
      if (rows.length === 0) throw new FairtraceError('NOT_FOUND', 'there is no programme yet')
      await lockProgramme(database, reason, { by: 'operator' })
    }
    return await (options.status ? statusOf(database) : untilAnswered(() => statusOf(database)))
  } finally {
    await database.close()
  }
}

async function statusOf(database: OpenDatabase): Promise<Status> {
  const programme = await readProgramme(database, null)
  if (programme === null) throw new FairtraceError('NOT_FOUND', 'there is no programme yet')
  const newest = await newestLockdown(database)
  const report = newest === null ? null : await lockdownReport(database, newest)
  return statusSchema.parse({ state: programme.state, epoch: programme.epoch, report })
}

async function untilAnswered(look: () => Promise<Status>): Promise<Status> {
  const until = performance.now() + ANSWERS_MS
  for (;;) {
    const found = await look()
    if (found.report?.missing.length === 0 || performance.now() > until) return found
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** What is signed is put together here, from what the two of them typed in: nobody signs what they have not read. */
async function falseAlarm(options: VerdictOptions): Promise<void> {
  const portal = await staffSession(options, 'data-protection')
  const { programme } = await portal.get('/api/programme', z.object({ programme: z.string() }).loose())
  const judged = { id: options.exposure, kind: options.kind, subject: options.subject }
  const verdict = options.mended ? ('mended' as const) : ('false-alarm' as const)
  const message = verdictMessage(programme, judged, { verdict, reason: options.reason })
  const signatures = await Promise.all(
    options.key.map(async (file) => {
      const { name, seed } = await readKeyFile(file)
      return { name, signature: sign(null, message, signerFromSeed(seed).privateKey).toString('base64url') }
    }),
  )
  const body = { verdict, reason: options.reason, signatures }
  await portal.post(`/api/exposures/${options.exposure}/verdict`, body, z.object({ done: z.literal(true) }))
  if (options.json) return printJson({ exposure: options.exposure, verdict })
  say(`The exposure is ${verdict === 'mended' ? 'closed' : 'closed as a false alarm'}.`)
}
