import { writeFile } from 'node:fs/promises'
import { FairtraceError } from '@fairtrace/core'
import {
  type AssuranceCase,
  assuranceCaseSchema,
  PROMISE_CLAIMS,
  STANDING_WORDS,
} from '@fairtrace/server/assurance/case'
import { assuranceMarkdown } from '@fairtrace/server/assurance/markdown'
import { assessmentResults } from '@fairtrace/server/assurance/oscal'
import { Command } from 'commander'
import { type StaffPlace, staffSession } from '../access/staff-session.ts'
import { printJson, runCommand } from '../terminal.ts'

interface Options extends StaffPlace {
  readonly oscal?: string
  readonly markdown?: string
  readonly json?: boolean
}

/** `fairtrace assurance`: the case that the safeguards work, with the evidence that there is now. */
export function assuranceCommand(): Command {
  const command = new Command('assurance').description('Shows and exports the case that the safeguards work.')
  const add = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .option('--data <dir>', 'data directory of a demonstration on this machine')
      .option('--server <url>', 'address of the portal')
      .option('--session <token>', 'session of somebody who is signed in there')
      .option('--json', 'print JSON')
  add('show', 'Lists every safeguard with its newest evidence.').action((options: Options) =>
    runCommand(options, async () => show(options, await read(options))),
  )
  add('export', 'Writes the case to files.')
    .option('--oscal <file>', 'as OSCAL assessment results, for the tools of auditors')
    .option('--markdown <file>', 'as a text for people')
    .action((options: Options) => runCommand(options, () => write(options)))
  return command
}

async function read(options: Options): Promise<AssuranceCase> {
  return (await staffSession(options, 'data-protection')).get('/api/assurance', assuranceCaseSchema)
}

function show(options: Options, shown: AssuranceCase): void {
  if (options.json) {
    printJson(shown)
    return
  }
  let promise = 0
  for (const safeguard of shown.safeguards.toSorted((a, b) => a.promise - b.promise)) {
    if (safeguard.promise !== promise) {
      promise = safeguard.promise
      console.log(`\n${promise}. ${PROMISE_CLAIMS[promise] ?? ''}`)
    }
    const { state, statement, newest } = safeguard
    const when = newest === null ? '' : `, ${new Date(newest.evidence.endedAtMs).toISOString().slice(0, 16)}`
    console.log(`   ${statement}\n      ${STANDING_WORDS[state]}${when}`)
  }
}

async function write(options: Options): Promise<void> {
  const { oscal, markdown } = options
  if (oscal === undefined && markdown === undefined)
    throw new FairtraceError('USAGE', 'give --oscal, --markdown or both')
  const shown = await read(options)
  if (oscal !== undefined) await writeFile(oscal, `${JSON.stringify(assessmentResults(shown), null, 2)}\n`)
  if (markdown !== undefined) await writeFile(markdown, assuranceMarkdown(shown))
  const files = [oscal, markdown].filter((file) => file !== undefined)
  if (options.json) printJson({ files, safeguards: shown.safeguards.length })
  else console.log(`Written: ${files.join(', ')}.`)
}
