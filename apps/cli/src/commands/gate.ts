/** `fairtrace gate`: how the gate stands, the statement that four people sign, their signatures, and opening it. */
import { FairtraceError, gateStatementHash, gateStatementSchema } from '@fairtrace/core'
import { Command } from 'commander'
import { z } from 'zod'
import { type StaffPlace, staffSession } from '../access/staff-session.ts'
import { readKeyFile } from '../charter/key-file.ts'
import { say } from '../consent/sentences.ts'
import { signGateStatement } from '../gate/sign-gate.ts'
import { printJson, runCommand } from '../terminal.ts'

interface Options extends StaffPlace {
  readonly json?: boolean
}

const statementSchema = z.object({
  hash: z.string(),
  statement: gateStatementSchema,
  signed: z.array(z.string()),
  missing: z.array(z.string()),
})
const statusSchema = z.object({
  state: z.string(),
  epoch: z.int(),
  open: z.boolean(),
  asks: z.string(),
  missing: z.array(z.object({ reason: z.string(), what: z.string().nullable(), sentence: z.string() })),
  statement: statementSchema.nullable(),
})
const openedSchema = z.object({ state: z.string(), epoch: z.int() }).loose()

export function gateCommand(): Command {
  const command = new Command('gate').description('Shows the gate, has its statement signed, and opens it.')
  const add = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .option('--data <dir>', 'data directory of a demonstration on this machine')
      .option('--server <url>', 'address of the portal')
      .option('--session <token>', 'session of somebody who is signed in there')
      .option('--json', 'print JSON')
  add('status', 'Says whether the gate would open now, and everything that is missing.').action((options: Options) =>
    runCommand(options, () => status(options)),
  )
  add('statement', 'Draws up what the four are asked to sign, of what stands now. An older one is void then.').action(
    (options: Options) => runCommand(options, () => statement(options)),
  )
  add('sign', 'Signs the statement that waits, as one of the quorum.')
    .requiredOption('--key <file>', 'the key, {"name", "seed"} in JSON')
    .action((options: Options & { key: string }) => runCommand(options, () => signFile(options)))
  add('open', 'Opens the gate, if everything stands (programme owner).').action((options: Options) =>
    runCommand(options, () => open(options)),
  )
  return command
}

async function status(options: Options): Promise<void> {
  const portal = await staffSession(options, 'data-protection')
  const found = await portal.get('/api/gate', statusSchema)
  if (options.json) return printJson(found)
  say(`The programme is ${found.state}, epoch ${found.epoch}. ${found.open ? 'Nothing is missing.' : 'Missing:'}`)
  for (const { sentence, what } of found.missing) say(`  ${what === null ? sentence : `${sentence}: ${what}`}`)
}

async function statement(options: Options): Promise<void> {
  const portal = await staffSession(options, 'data-protection')
  const drawn = await portal.post('/api/gate/statements', {}, statementSchema)
  if (options.json) return printJson(drawn)
  say(`Statement ${drawn.hash} waits for: ${drawn.missing.join(', ')}.`)
}

/** The hash is worked out here, from the statement that is shown: nobody signs a hash that they can't read. */
async function signFile(options: Options & { readonly key: string }): Promise<void> {
  const { name, seed } = await readKeyFile(options.key)
  const portal = await staffSession(options, 'data-protection')
  const { statement: waiting } = await portal.get('/api/gate', statusSchema)
  if (waiting === null) throw new FairtraceError('GATE_STATEMENT_VOID', 'no statement waits for signatures')
  const hash = gateStatementHash(waiting.statement)
  const signature = signGateStatement(hash, name, seed)
  const after = await portal.post('/api/gate/signatures', { hash, ...signature }, statementSchema)
  if (options.json) return printJson({ statement: waiting.statement, hash, ...signature, missing: after.missing })
  const { epoch, opens, incidents, evidence, builds } = waiting.statement
  say(
    `${name} has signed: epoch ${epoch} to ${opens}, ${incidents.length} incidents, ${evidence.length} pieces of evidence, builds ${builds.join(', ')}.`,
  )
  say(after.missing.length === 0 ? 'All four have signed.' : `It waits for: ${after.missing.join(', ')}.`)
}

async function open(options: Options): Promise<void> {
  const portal = await staffSession(options, 'programme-owner')
  const opened = await portal.post('/api/gate/open', {}, openedSchema)
  if (options.json) return printJson(opened)
  say(`The programme is ${opened.state}, epoch ${opened.epoch}.`)
}
