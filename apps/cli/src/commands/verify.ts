import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { type Charter, charterSchema, FairtraceError, parseCharter } from '@fairtrace/core'
import { parsePolicy } from '@fairtrace/verify'
import { Command } from 'commander'
import { z } from 'zod'
import { printJson, runCommand } from '../terminal.ts'
import { get, isFile, ledgerAddress, ledgerFolder } from '../verify/sources.ts'
import {
  evidence,
  grant,
  ledger,
  policy,
  proof,
  receipt,
  release,
  type Say,
  type Trust,
  type Verified,
} from '../verify/verifications.ts'

/** A receipt or a proof is a few kilobytes; anything larger is something else. */
const DOCUMENT_BYTES_MAX = 256 * 1024

interface Options {
  readonly json?: boolean
  readonly key?: string
  readonly charter?: string
  readonly policy?: string
  readonly seen?: string
  readonly entry?: string
}

/** `fairtrace verify PATH`: offline, with what lies there and a key that you trust. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'Verifies what you were handed: a release folder, a receipt, a ledger (folder or address), a proof, a grant, evidence or a policy.',
    )
    .argument('<path>', 'folder, file, or address of a ledger such as http://127.0.0.1:7400/ledger')
    .argument('[file]', 'after the word receipt: the file of a consent receipt')
    .option('--key <key>', 'public key that must have signed, base64url')
    .option('--charter <file>', 'charter that you trust; its keys must have signed')
    .option('--policy <file>', 'logs and witnesses that you trust, as C2SP tlog-policy writes them')
    .option('--seen <file>', 'earlier checkpoint: the ledger must begin with what it covered')
    .option('--entry <json>', 'the entry that a proof is about, one line of JSON')
    .option('--json', 'print JSON')
    .action((path: string, file: string | undefined, options: Options) =>
      runCommand(options, () => verify(path, file ?? null, options)),
    )
}

async function verify(path: string, file: string | null, options: Options): Promise<void> {
  const says: string[] = []
  const say: Say = (sentence) => {
    says.push(sentence)
    if (!options.json) process.stdout.write(`ok  ${sentence}\n`)
  }
  const charter = options.charter === undefined ? null : await readCharter(options.charter)
  const policyText = options.policy === undefined ? null : await readFile(options.policy, 'utf8')
  const trust = { key: options.key ?? null, charter, policy: policyText === null ? null : parsePolicy(policyText) }
  const { kind, facts } =
    file === null ? await recognise(path, options, trust, say) : await named(path, file, trust, say)
  if (options.json) printJson({ verified: true, kind, ...facts, says })
  else process.stdout.write(`Verified: ${kind}.\n`)
}

/** `verify receipt FILE`: what the caller says it is, it must be. */
async function named(kind: string, file: string, trust: Trust, say: Say): Promise<Verified> {
  if (kind !== 'receipt') throw new FairtraceError('USAGE', 'give one path, or the word receipt and a file')
  if ((await stat(file)).size > DOCUMENT_BYTES_MAX) throw unknownKind()
  return receipt(await readFile(file, 'utf8'), trust, say)
}

async function recognise(path: string, options: Options, trust: Trust, say: Say): Promise<Verified> {
  const seen = options.seen ?? null
  if (/^https?:\/\//.test(path)) {
    const url = path.replace(/\/+$/, '')
    return ledger(
      ledgerAddress(url),
      seen,
      trust.key || trust.charter || trust.policy ? trust : await statedTrust(url, say),
      say,
    )
  }
  const absolute = resolve(path)
  if ((await stat(absolute)).isDirectory()) {
    if (await isFile(join(absolute, 'manifest.json'))) return release(absolute, trust, say)
    if (await isFile(join(absolute, 'checkpoint'))) return ledger(ledgerFolder(absolute), seen, trust, say)
    throw new FairtraceError('VERIFY_UNKNOWN_KIND', 'the folder holds neither a manifest.json nor a checkpoint')
  }
  // One file of a release says nothing alone: the whole folder is verified.
  const isPartOfRelease = basename(absolute) === 'manifest.json' || basename(absolute) === 'manifest.jws'
  if (isPartOfRelease) return release(dirname(absolute), trust, say)
  if ((await stat(absolute)).size > DOCUMENT_BYTES_MAX) throw unknownKind()
  const text = await readFile(absolute, 'utf8')
  if (text.startsWith('c2sp.org/tlog-proof@')) return proof(text, options.entry ?? null, trust, say)
  if (/^[\w-]+\.[\w-]+\.[\w-]+\s*$/.test(text) || /\.(?:jws|jwt)$/.test(absolute)) return receipt(text, trust, say)
  if (/^\{\s*"grant"\s*:\s*\{/.test(text)) return grant(text, trust, say)
  if (/^\{\s*"v"\s*:\s*1,\s*"kind"/.test(text)) return evidence(text, trust, say)
  if (/^(?:[ \t]*(?:#.*)?\n)*[ \t]*(?:log|witness|group|quorum)[ \t]/.test(text)) return policy(text, say)
  throw unknownKind()
}

const programmeSchema = z.object({
  charter: z.object({ programme: charterSchema.shape.programme, keys: charterSchema.shape.keys }),
})

/** The key as the server itself states it: enough to find damage, not enough against a server that lies. */
async function statedTrust(url: string, say: Say): Promise<Trust> {
  const bytes = await get(`${url.replace(/\/ledger$/, '')}/api/programme`)
  const keys = statedKeys(bytes)
  if (keys === null) throw new FairtraceError('USAGE', 'the server states no key; give --key or --charter')
  say(`The key is the one that the server states itself; to rely on it, compare it with your charter: ${keys.ledger}.`)
  return { key: keys.ledger, charter: null, policy: null }
}

function statedKeys(bytes: Uint8Array | null): Charter['keys'] | null {
  try {
    return programmeSchema.parse(JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array(0)))).charter.keys
  } catch {
    // Not the portal's answer: nothing is verified with a key from it.
    return null
  }
}

async function readCharter(file: string): Promise<Charter> {
  return parseCharter(await readFile(file, 'utf8'), basename(file))
}

function unknownKind(): FairtraceError {
  return new FairtraceError(
    'VERIFY_UNKNOWN_KIND',
    'this is no release, receipt, ledger, proof, grant, evidence or policy',
  )
}
