/**
 * `fairtrace witness`: anybody's own eye on a log. It remembers what the log has signed, cosigns what follows from that, and raises
 * an alarm, with evidence that others can check, over everything that doesn't.
 */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairtraceError, isFairtraceError, parseCharter } from '@fairtrace/core'
import {
  charterPolicy,
  createCosigner,
  createWitness,
  type Evidence,
  formatPolicy,
  formatVerifierKey,
  LOG_KEY_TYPE,
  parsePolicy,
  parseVerifierKey,
  type VerifierKey,
  type Witness,
} from '@fairtrace/verify'
import { Command } from 'commander'
import { runCommand, wholeNumber } from '../terminal.ts'
import { ledgerAddress } from '../verify/sources.ts'
import { type Look, lookAtLog } from '../witness/look-at-log.ts'
import { serveWitness } from '../witness/serve-witness.ts'
import { openWitnessFolder, type WitnessFolder } from '../witness/witness-folder.ts'

/** How often every entry and tile is computed again, besides the first time. */
const WHOLE_MS = 3_600_000

interface Options {
  readonly dir: string
  readonly name: string
  readonly log?: string
  readonly charter?: string
  readonly policy?: string
  readonly poll?: string
  readonly every: string
  readonly once?: boolean
  readonly listen?: string
  readonly json?: boolean
}

export function witnessCommand(): Command {
  const command = new Command('witness')
    .description(
      'Watches a ledger and cosigns it; keeps evidence if it ever shows two histories, goes back, or keeps back.',
    )
    .option('--dir <folder>', 'folder of the witness: its key, what it has seen, and evidence', 'witness')
    .option('--name <name>', 'name of the witness, a URL without its scheme', 'witness.example')
    .option('--log <vkey>', 'verifier key of the log, of a line `log` in a policy')
    .option('--charter <file>', 'charter that you trust; it names the log')
    .option('--policy <file>', 'policy that you trust; it names the logs')
    .option('--poll <url>', 'address of the log, such as http://127.0.0.1:7400/ledger, looked at from time to time')
    .option('--every <seconds>', 'time between two looks', '60')
    .option('--once', 'one look, then end')
    .option('--listen <host:port>', 'answer /add-checkpoint here, for a log that asks its witnesses')
    .option('--json', 'print JSON, one document a line')
    .action((options: Options) => runCommand(options, () => witness(options)))
  command
    .command('policy')
    .description('Prints the policy that a charter stands for, as C2SP tlog-policy writes it.')
    .argument('<charter>', 'charter that you trust')
    .action((file: string) =>
      runCommand({}, async () => {
        process.stdout.write(formatPolicy(charterPolicy(parseCharter(await readFile(file, 'utf8'), basename(file)))))
      }),
    )
  return command
}

async function witness(options: Options): Promise<void> {
  const logs = await logsOf(options)
  if (options.poll === undefined && options.listen === undefined) {
    throw new FairtraceError('USAGE', 'give --poll, --listen, or both')
  }
  const [log] = logs
  if (options.poll !== undefined && (log === undefined || logs.length > 1)) {
    throw new FairtraceError('USAGE', '--poll looks at one log; name one')
  }
  const folder = await openWitnessFolder(options.dir)
  try {
    const cosigner = createCosigner(options.name, folder.seed)
    say(options, {
      witness: formatVerifierKey(cosigner.key),
      key: Buffer.from(cosigner.key.publicKey).toString('base64url'),
      logs: logs.map(({ name }) => name),
    })
    const asked = witnessOf(options, logs, folder)
    const served = options.listen === undefined ? null : await serve(options, options.listen, asked, logs, folder)
    const stopping = stopSignal()
    try {
      if (options.poll !== undefined && log !== undefined)
        await watch(options, options.poll, log, asked, folder, stopping)
      else await new Promise<void>((resolve) => stopping.addEventListener('abort', () => resolve()))
    } finally {
      await served?.stop()
    }
  } finally {
    folder.close()
  }
}

function witnessOf(options: Options, logs: readonly VerifierKey[], folder: WitnessFolder): Witness {
  return createWitness({
    name: options.name,
    seed: folder.seed,
    logs: new Map(logs.map((key) => [key.name, formatVerifierKey(key)])),
    storage: folder.storage,
    clock: Date.now,
    onConflict: async ({ origin, seen, offered }) => {
      const found = 'the log signed two roots for one size'
      await alarm(options, folder, { v: 1, kind: 'split-view', origin, seen, offered, found, atMs: Date.now() })
    },
  })
}

async function serve(
  options: Options,
  listen: string,
  asked: Witness,
  logs: readonly VerifierKey[],
  folder: WitnessFolder,
) {
  const origins = logs.map(({ name }) => name)
  const served = await serveWitness(asked, folder.storage, origins, listenOf(listen))
  say(options, { listening: served.address })
  return served
}

/** @throws `LEDGER_MISBEHAVED` as soon as the log is caught */
async function watch(
  options: Options,
  url: string,
  log: VerifierKey,
  asked: Witness,
  folder: WitnessFolder,
  stopping: AbortSignal,
): Promise<void> {
  const everyMs = 1_000 * wholeNumber('--every', options.every, 1, 86_400)
  const read = ledgerAddress(url.replace(/\/+$/, ''))
  let wholeAtMs = Number.NEGATIVE_INFINITY
  while (!stopping.aborted) {
    const isWhole = performance.now() - wholeAtMs >= WHOLE_MS
    try {
      const look = await lookAtLog({ read, log, storage: folder.storage, witness: asked, clock: Date.now, isWhole })
      if (isWhole) wholeAtMs = performance.now()
      await report(options, folder, look)
    } catch (error) {
      if (options.once || !isPassing(error)) throw error
      say(options, { looked: false, code: error.code, message: error.message })
    }
    if (options.once) return
    await sleep(everyMs, undefined, { signal: stopping }).catch(() => undefined)
  }
}

async function report(options: Options, folder: WitnessFolder, look: Look): Promise<void> {
  if (look.state !== 'caught') {
    say(options, { looked: true, state: look.state, size: look.size, before: look.before })
    return
  }
  const file = await alarm(options, folder, look.evidence)
  throw new FairtraceError('LEDGER_MISBEHAVED', `${look.evidence.kind}: ${look.evidence.found}; evidence in ${file}`)
}

async function alarm(options: Options, folder: WitnessFolder, evidence: Evidence): Promise<string> {
  const file = await folder.keep(evidence)
  process.stderr.write(`ALARM: ${evidence.origin}: ${evidence.found}. Evidence: ${file}\n`)
  if (options.json)
    say(options, { alarm: evidence.kind, origin: evidence.origin, found: evidence.found, evidence: file })
  return file
}

/** A log that can't be reached is no log that lies; it is looked at again. */
function isPassing(error: unknown): error is FairtraceError {
  const codes: readonly string[] = ['SERVER_UNREACHABLE', 'SERVER_REFUSED', 'INPUT_UNREADABLE']
  return isFairtraceError(error) && codes.includes(error.code)
}

async function logsOf({ log, charter, policy }: Options): Promise<readonly VerifierKey[]> {
  const given = [log, charter, policy].filter((option) => option !== undefined)
  if (given.length !== 1) throw new FairtraceError('USAGE', 'say which log, with one of --log, --charter and --policy')
  if (log !== undefined) {
    const key = parseVerifierKey(log)
    if (key.type !== LOG_KEY_TYPE) throw new FairtraceError('USAGE', 'this is the key of a witness, not of a log')
    return [key]
  }
  const read =
    charter !== undefined
      ? charterPolicy(parseCharter(await readFile(charter, 'utf8'), basename(charter)))
      : parsePolicy(await readFile(policy ?? '', 'utf8'))
  if (read.logs.length === 0) throw new FairtraceError('USAGE', 'the policy names no log')
  return read.logs.map(({ key }) => key)
}

function listenOf(text: string): { host: string; port: number } {
  const match = /^(?:(\[[0-9a-f:]+\]|[^:]+):)?(\d{1,5})$/.exec(text)
  if (match === null) throw new FairtraceError('USAGE', '--listen takes host:port, such as 127.0.0.1:7500')
  return {
    host: (match[1] ?? '127.0.0.1').replace(/^\[|\]$/g, ''),
    port: wholeNumber('--listen', match[2] ?? '', 0, 65_535),
  }
}

function stopSignal(): AbortSignal {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
  return stopping.signal
}

function say(options: Options, facts: Readonly<Record<string, unknown>>): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify(facts)}\n`)
    return
  }
  const words = Object.entries(facts).map(([name, value]) => `${name} ${String(value)}`)
  process.stdout.write(`${words.join(' · ')}\n`)
}
