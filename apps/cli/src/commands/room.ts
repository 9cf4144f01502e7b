import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import process from 'node:process'
import { ERRORS, type ErrorCode, FairtraceError } from '@fairtrace/core'
import { DataDir } from '@fairtrace/server'
import { Command } from 'commander'
import { z } from 'zod'
import { staffSession } from '../access/staff-session.ts'
import { dataOption } from '../data-dir.ts'
import { demonstrationGrant } from '../room/demonstration-grant.ts'
import { releaseIdOf } from '../room/release-id.ts'
import { type Run, runSchema, waitForRun } from '../room/wait-for-run.ts'
import { printJson, runCommand } from '../terminal.ts'

interface Options {
  readonly data: string
  readonly server?: string
  readonly session?: string
  readonly json?: boolean
}
interface RunOptions extends Options {
  readonly release: string
  readonly grant: string
  readonly code?: string
  readonly output?: string
  readonly epsilon?: string
  readonly cpu?: string
  readonly memory?: string
  readonly hours?: string
}

const filesSchema = z.object({ files: z.array(z.object({ path: z.string(), content: z.base64() })) })
const grantSchema = z.object({
  grant: z.object({ scope: z.object({ kind: z.string(), release: z.string().optional() }) }),
})

/** `fairtrace room grant|run|list|show|review|output`. */
export function roomCommand(): Command {
  const command = new Command('room').description(
    'Runs programs on a release, in a room that nothing leaves unreviewed.',
  )
  const add = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .addOption(dataOption())
      .option('--server <url>', 'address of the portal, in place of a data directory here')
      .option('--session <token>', 'session of whoever is signed in there')
      .option('--json', 'print JSON')

  add('grant', 'In a demonstration: asks for a release and has its two software approvers approve it.')
    .requiredOption('--release <release>', 'name or id of the release')
    .action((options: Options & { release: string }) =>
      runCommand(options, async () => {
        const dir = new DataDir(options.data)
        const grant = await demonstrationGrant(dir, await releaseIdOf(dir, options.release))
        if (options.json) printJson({ grant })
        else say(grant)
      }),
    )
  add('run', 'Runs a program on a release and waits until it has ended. Its output then waits for review.')
    .requiredOption('--release <release>', 'name or id of the release')
    .requiredOption('--grant <grant>', 'a live grant of yours for it')
    .option('--code <folder>', 'files of the program, at /code in the room')
    .option('--output <file>', 'JSON list of what it may put out: [{"path","type","bytesMax"}]')
    .option('--epsilon <epsilon>', 'privacy to spend of each person; with fairtrace-train alone')
    .option('--cpu <cores>', 'cores')
    .option('--memory <gib>', 'memory in GiB')
    .option('--hours <hours>', 'time')
    .argument('<command...>', 'after --: the program and what it takes; `fairtrace-train` is the room’s own')
    .action((program: string[], options: RunOptions) => runCommand(options, () => runProgram(program, options)))
  add('list', 'Lists runs, newest first.').action((options: Options) =>
    runCommand(options, async () => {
      const portal = await staffSession(options, 'data-protection')
      const { runs } = await portal.get('/api/room/runs', z.object({ runs: z.array(runSchema) }))
      if (options.json) return printJson({ runs })
      for (const run of runs) say(sentence(run))
      if (runs.length === 0) say('Nothing has run yet.')
    }),
  )
  add('show', 'Shows one run.')
    .argument('<run>', 'id of the run')
    .action((id: string, options: Options) =>
      runCommand(options, async () => {
        const portal = await staffSession(options, 'data-protection')
        const run = await portal.get(`/api/room/runs/${encodeURIComponent(id)}`, runSchema)
        if (options.json) return printJson(run)
        say(sentence(run))
        for (const { path, bytes } of run.output?.files ?? []) say(`  ${path}, ${bytes} bytes`)
      }),
    )
  add('review', 'As data protection: shows what a run wrote, lets it out, or destroys it.')
    .argument('<run>', 'id of the run')
    .option('--approve', 'let it out of the room')
    .option('--refuse', 'destroy it')
    .option('--reason <sentence>', 'why; goes into the ledger')
    .action((id: string, options: Options & { approve?: boolean; refuse?: boolean; reason?: string }) =>
      runCommand(options, () => review(id, options)),
    )
  add('output', 'Fetches what a run wrote, once it is approved.')
    .argument('<run>', 'id of the run')
    .requiredOption('--out <folder>', 'folder to write to')
    .action((id: string, options: Options & { out: string }) =>
      runCommand(options, async () => {
        const portal = await staffSession(options, 'researcher')
        const { files } = await portal.get(`/api/room/runs/${encodeURIComponent(id)}/output`, filesSchema)
        const out = resolve(options.out)
        for (const { path, content } of files) {
          await mkdir(dirname(join(out, path)), { recursive: true })
          await writeFile(join(out, path), Buffer.from(content, 'base64'))
        }
        if (options.json) printJson({ out, files: files.map(({ path }) => path) })
        else say(`${files.map(({ path }) => path).join(', ')} written to ${out}`)
      }),
    )
  return command
}

async function runProgram(command: readonly string[], options: RunOptions): Promise<void> {
  const portal = await staffSession(options, 'researcher')
  const release = await releaseIdOf(options.server === undefined ? new DataDir(options.data) : null, options.release)
  const { grant } = await portal.get(`/api/grants/${encodeURIComponent(options.grant)}`, grantSchema)
  if (grant.scope.release !== release) throw new FairtraceError('GRANT_INVALID', 'the grant is for something else')
  const body = {
    grant: options.grant,
    command,
    ...(options.code === undefined ? {} : { code: await filesIn(options.code) }),
    ...(options.output === undefined ? {} : { output: JSON.parse(await readFile(options.output, 'utf8')) }),
    ...numeric('epsilon', options.epsilon),
    ...numeric('cpus', options.cpu),
    ...numeric('memoryGib', options.memory),
    ...numeric('hours', options.hours),
  }
  const asked = await portal.post('/api/room/runs', body, runSchema)
  const run = await waitForRun(portal, asked.id)
  if (options.json) printJson(run)
  else {
    say(sentence(run))
    if (run.state === 'in-review') say('Data protection reviews what it wrote before anybody sees it.')
  }
  if (run.state !== 'in-review')
    throw new FairtraceError(codeOf(run.code), run.message ?? 'the run did not end by itself')
}

async function review(
  id: string,
  options: Options & { approve?: boolean; refuse?: boolean; reason?: string },
): Promise<void> {
  const portal = await staffSession(options, 'data-protection')
  const path = `/api/room/runs/${encodeURIComponent(id)}`
  if (options.approve === options.refuse) {
    const { files } = await portal.get(`${path}/output`, filesSchema)
    if (options.json) return printJson({ files })
    for (const file of files) say(`── ${file.path}\n${Buffer.from(file.content, 'base64').toString('utf8')}`)
    return
  }
  if (options.reason === undefined) throw new FairtraceError('USAGE', 'say why with --reason')
  const body = { allow: options.approve === true, reason: options.reason }
  const run = await portal.post(`${path}/review`, body, runSchema)
  if (options.json) printJson(run)
  else say(sentence(run))
}

async function filesIn(folder: string): Promise<{ path: string; content: string }[]> {
  const root = resolve(folder)
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return await Promise.all(
    files.map(async (file) => ({
      path: relative(root, file).split(sep).join('/'),
      content: (await readFile(file)).toString('base64'),
    })),
  )
}

function numeric(name: string, text: string | undefined): Readonly<Record<string, number>> {
  if (text === undefined) return {}
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new FairtraceError('USAGE', `${name}: a number above 0`)
  return { [name]: value }
}

function sentence({ id, requester, command, epsilon, state, message, output }: Run): string {
  const budget = epsilon === null ? '' : `, ε ${epsilon}`
  const ended = output === null ? (message === null ? '' : `: ${message}`) : `, exit code ${output.exitCode}`
  return `${id} ${state}${ended} (${requester}: ${command.join(' ')}${budget})`
}

function codeOf(code: string | null): ErrorCode {
  return code !== null && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'ROOM_PROGRAM_FAILED'
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
