/**
 * `fairtrace vault check`: has the vault compare everything that is stored with what it wrote.
 *
 * The work is the vault's, with the rights that it has anyway; this asks for it and shows how far it is. Ended early, the check goes
 * on, and the next call shows it.
 */
import { randomUUID } from 'node:crypto'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { ERRORS, type ErrorCode, FairtraceError } from '@fairtrace/core'
import { DataDir } from '@fairtrace/server'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { Command } from 'commander'
import { z } from 'zod'
import { dataOption } from '../data-dir.ts'
import { printJson, progress, runCommand, wholeNumber } from '../terminal.ts'

interface Options {
  readonly data: string
  readonly rate: string
  readonly json?: boolean
}

const MIB = 1024 * 1024
const POLL_MS = 300
/** The vault looks for requests each second; without a sign of it for so long it isn't there. */
const SILENT_MS_MAX = 30_000

const findingsSchema = z.array(z.object({ kind: z.string(), what: z.string(), batch: z.string().optional() }))
type Findings = z.infer<typeof findingsSchema>

const SENTENCES: Readonly<Record<string, string>> = {
  'object-damaged': 'an object is missing or not what was written',
  'object-unnamed': 'an object lies in the store that the index does not name',
  'chunk-damaged': 'a chunk does not open as what its row says',
  'index-changed': 'rows of the index are not what the vault wrote',
  'index-rolled-back': 'segments are gone from the index, or came back to it',
}

export function vaultCommand(): Command {
  const command = new Command('vault').description('Looks after what is stored.')
  command
    .command('check')
    .description('Compares everything stored with what the vault wrote. What is found is an exposure.')
    .addOption(dataOption())
    .option('--rate <MiB>', 'how much the vault reads in a second at most', '200')
    .option('--json', 'print the findings as JSON')
    .action((options: Options) => runCommand(options, () => check(options)))
  return command
}

async function check(options: Options): Promise<void> {
  const bytesPerSecond = wholeNumber('--rate', options.rate, 1, 100_000) * MIB
  const database = openDatabase(new DataDir(options.data).runtime().databaseUrls.portal ?? '', 2)
  try {
    const id = (await unfinished(database)) ?? (await request(database, bytesPerSecond))
    const { bytes, findings } = await follow(database, id)
    if (options.json) printJson({ check: id, bytes, findings })
    else print(bytes, findings)
    if (findings.length > 0) process.exitCode = ERRORS.SEGMENT_CORRUPT.exit
  } finally {
    await database.close()
  }
}

/** One that was asked for before and is not done: shown instead of asking again. */
async function unfinished({ db }: OpenDatabase): Promise<string | null> {
  const row = await db
    .selectFrom('vault.checks')
    .select('id')
    .where('state', 'in', ['requested', 'running'])
    .executeTakeFirst()
  return row?.id ?? null
}

async function request({ db, pool }: OpenDatabase, bytesPerSecond: number): Promise<string> {
  const id = randomUUID()
  await db.insertInto('vault.checks').values({ id, bytes_per_second: bytesPerSecond }).execute()
  await pool.query('notify fairtrace_check_requests')
  return id
}

/** @throws `ROLE_FAILED` if the vault isn't there; else the code with which it gave up */
async function follow(
  { db }: OpenDatabase,
  id: string,
): Promise<{ readonly bytes: number; readonly findings: Findings }> {
  let bar: ReturnType<typeof progress> | null = null
  let last = ''
  let lastAt = performance.now()
  try {
    for (;;) {
      const row = await db.selectFrom('vault.checks').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
      if (row.state === 'done') return { bytes: row.done, findings: findingsSchema.parse(row.findings) }
      if (row.state === 'failed') throw new FairtraceError(codeOf(row.code), 'the vault could not finish the check')
      if (row.state === 'running') bar ??= progress('Checking', row.total)
      bar?.update(row.done)
      const now = `${row.state} ${row.done}`
      if (now !== last) lastAt = performance.now()
      last = now
      if (row.state === 'requested' && performance.now() - lastAt > SILENT_MS_MAX) {
        throw new FairtraceError('ROLE_FAILED', 'the vault does not take up the check')
      }
      await sleep(POLL_MS)
    }
  } finally {
    bar?.stop()
  }
}

function print(bytes: number, findings: Findings): void {
  process.stdout.write(`Checked ${(bytes / MIB).toFixed(1)} MiB.\n`)
  if (findings.length === 0) process.stdout.write('Everything is as the vault wrote it.\n')
  for (const { kind, what, batch } of findings) {
    const where = [what, batch === undefined ? '' : `batch ${batch}`].filter((part) => part !== '').join(', ')
    process.stdout.write(`${SENTENCES[kind] ?? kind}${where === '' ? '' : `: ${where}`}\n`)
  }
  if (findings.length > 0) process.stdout.write(`${ERRORS.SEGMENT_CORRUPT.advice}\n`)
}

function codeOf(code: string | null): ErrorCode {
  return code !== null && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'ROLE_FAILED'
}
