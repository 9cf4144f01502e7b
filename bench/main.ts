/**
 * `npm run bench [-- NAME… --json FILE]`: runs every benchmark, or those named, and prints one row for each.
 *
 * Figures are reported, never judged: the exit code is 0 whatever they say. 2: the arguments are wrong. 1: the JSON
 * can't be written.
 */
import { open, writeFile } from 'node:fs/promises'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { tableOf } from './report.ts'
import { runBenchmarks } from './run.ts'
import { findBenchmarks, selectBenchmarks } from './select.ts'

const HELP = `Usage: npm run bench [-- NAME… --json FILE]

  NAME         a benchmark, or the start of its name up to a dot: "shield" runs every shield.*
  --json FILE  also write the rows as a JSON array
  --list       print the names and stop
  --help       print this and stop
`

process.exit(await main(process.argv.slice(2)))

async function main(args: readonly string[]): Promise<number> {
  const options = parse(args)
  if ('wrong' in options) return refuse(`${options.wrong}\n\n${HELP}`)
  if (options.help) {
    process.stdout.write(HELP)
    return 0
  }
  const all = await findBenchmarks(import.meta.dirname)
  const list = all.map((benchmark) => `  ${benchmark.name}`).join('\n')
  if (options.list) {
    process.stdout.write(`${list}\n`)
    return 0
  }
  const selection = selectBenchmarks(all, options.names)
  if ('unknown' in selection)
    return refuse(`no benchmark is called ${selection.unknown.join(', ')}; these are:\n${list}`)

  // Asked before the first run: minutes of measuring must not end in a path that can't be written.
  if (options.json !== null && !(await isWritable(options.json))) return unwritable(options.json)
  const rows = await runBenchmarks(selection.chosen, say)
  process.stdout.write(`${tableOf(rows)}\n`)
  if (options.json === null) return 0
  try {
    await writeFile(options.json, `${JSON.stringify(rows, null, 2)}\n`)
    return 0
  } catch {
    // Why is the system's business; that the figures are on the screen only is the reader's.
    return unwritable(options.json)
  }
}

interface Options {
  readonly names: readonly string[]
  readonly json: string | null
  readonly list: boolean
  readonly help: boolean
}

function parse(args: readonly string[]): Options | { readonly wrong: string } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.json === '') return { wrong: '--json needs the path of a file' }
    return { names: positionals, json: values.json ?? null, list: values.list, help: values.help }
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) }
  }
}

/** On a terminal a benchmark has one line, which its end replaces; elsewhere each line stands. */
function say(line: string, done: boolean): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${line}${done ? '\n' : ' …'}`)
  else process.stderr.write(`${line}${done ? '' : ' …'}\n`)
}

async function isWritable(file: string): Promise<boolean> {
  try {
    await (await open(file, 'a')).close()
    return true
  } catch {
    // The caller says so and stops.
    return false
  }
}

function refuse(message: string): number {
  process.stderr.write(`bench: ${message}\n`)
  return 2
}

function unwritable(file: string): number {
  process.stderr.write(`bench: ${file} can't be written\n`)
  return 1
}
