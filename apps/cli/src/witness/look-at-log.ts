/**
 * One look at a log: is it still the one that was seen before? The adversary is the log itself, which may show different
 * people different histories, go back behind what it signed, or keep back what it signed.
 */

import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import { consistencyProof, headRoot, type ReadTile, tilePath } from '@fairtrace/ledger'
import {
  type CheckpointTrust,
  type Evidence,
  isConsistent,
  openNote,
  parseCheckpointText,
  type ReadLedger,
  requireLogSignature,
  rootsOfPath,
  type VerifiedCheckpoint,
  type VerifierKey,
  verifyLedger,
  type Witness,
  type WitnessStorage,
} from '@fairtrace/verify'

export interface LookInput {
  readonly read: ReadLedger
  readonly log: VerifierKey
  readonly storage: WitnessStorage
  /** Cosigns what holds, and remembers it: the same that answers over HTTP, so that neither undoes what the other saw. */
  readonly witness: Pick<Witness, 'addCheckpoint'>
  readonly clock: () => number
  /** Whether every entry and tile is computed again too, which costs as much as the log is long. */
  readonly isWhole: boolean
}

export type Look =
  | { readonly state: 'unchanged' | 'grown'; readonly size: number; readonly before: number }
  | { readonly state: 'caught'; readonly evidence: Evidence }

/** @throws `LEDGER_INVALID` if what it shows isn't signed by the log; `SERVER_UNREACHABLE`, `INPUT_UNREADABLE` if it shows nothing */
export async function lookAtLog(input: LookInput): Promise<Look> {
  const { log, storage } = input
  const bytes = await input.read('/checkpoint')
  if (bytes === null) throw new FairtraceError('INPUT_UNREADABLE', 'there is no checkpoint')
  const offered = new TextDecoder().decode(bytes)
  const opened = openNote(offered)
  requireLogSignature(opened, log)
  const checkpoint = parseCheckpointText(opened.text)
  if (checkpoint.origin !== log.name) throw new FairtraceError('LEDGER_INVALID', 'the checkpoint is of another log')
  const seen = await storage.read(log.name)
  const compared =
    seen === null ? [] : await compare(input, { ...seen, origin: log.name }, seen.note, checkpoint, offered)
  const evidence = isProof(compared) ? (input.isWhole ? await audit(input, checkpoint, offered) : null) : compared
  if (evidence !== null) return { state: 'caught', evidence }
  const { size } = checkpoint
  if (seen?.size === size) return { state: 'unchanged', size, before: size }
  const lines = isProof(compared) ? compared.map((hash) => Buffer.from(hash).toString('base64')) : []
  const own = opened.signatures.filter(({ name }) => name === log.name).map(({ line }) => `${line}\n`)
  const body = [`old ${seen?.size ?? 0}`, ...lines, '', `${opened.text}\n${own.join('')}`].join('\n')
  const answer = await input.witness.addCheckpoint(body)
  // Another one may have asked meanwhile; then the next look compares with what it showed.
  if (answer.status === 409) return { state: 'unchanged', size, before: seen?.size ?? 0 }
  if (answer.status !== 200) throw new FairtraceError('LEDGER_INVALID', answer.body.trim())
  return { state: 'grown', size, before: seen?.size ?? 0 }
}

function isProof(compared: readonly Uint8Array[] | Evidence): compared is readonly Uint8Array[] {
  return Array.isArray(compared)
}

/** @returns the consistency proof if the offered tree begins with the one that was seen */
async function compare(
  { read, log, clock }: LookInput,
  seen: VerifiedCheckpoint,
  seenNote: string,
  offered: VerifiedCheckpoint,
  note: string,
): Promise<readonly Uint8Array[] | Evidence> {
  const about = { v: 1 as const, origin: log.name, seen: seenNote, offered: note, atMs: clock() }
  if (offered.size < seen.size) {
    return { ...about, kind: 'rollback', found: `the log offered ${offered.size} entries after ${seen.size}` }
  }
  if (offered.size === seen.size) {
    if (Buffer.from(offered.root).equals(seen.root)) return []
    return { ...about, kind: 'split-view', found: `the log signed two roots for ${seen.size} entries` }
  }
  const withheld = (found: string): Evidence => ({ ...about, kind: 'withheld', seen: null, found })
  const tile: ReadTile = async (level, index, width) => {
    const data = await read(tilePath(level, index, width))
    return data?.length === 32 * width ? data : null
  }
  try {
    const path = await consistencyProof(seen.size, offered.size, tile)
    const claim = { oldSize: seen.size, oldRoot: seen.root, newSize: offered.size, newRoot: offered.root, path }
    if (isConsistent(claim)) return path
    if (seen.size === 0) return withheld('the empty log had another root')
    const isPowerOfTwo = (BigInt(seen.size) & (BigInt(seen.size) - 1n)) === 0n
    const whole = isPowerOfTwo ? [await headRoot(seen.size, offered.size, tile), ...path] : path
    const roots = rootsOfPath(seen.size, offered.size, whole)
    if (roots === null || !Buffer.from(roots.newRoot).equals(offered.root)) {
      return withheld('the tiles do not hash to the signed root')
    }
    const lines = whole.map((hash) => hash.toString('base64'))
    return {
      ...about,
      kind: 'inconsistent',
      path: lines,
      found: `the tree of ${offered.size} entries does not begin with the ${seen.size} seen before`,
    }
  } catch (error) {
    if (!(isFairtraceError(error) && error.code === 'LEDGER_INVALID')) throw error
    return withheld(error.message)
  }
}

/** Every entry, every tile. */
async function audit(input: LookInput, checkpoint: VerifiedCheckpoint, note: string): Promise<Evidence | null> {
  // What was fetched is judged, not what the log would show now.
  const read: ReadLedger = async (path) => (path === '/checkpoint' ? Buffer.from(note) : input.read(path))
  const trust: CheckpointTrust = () => ({ ...checkpoint, cosignatures: [] })
  try {
    await verifyLedger(read, { trust })
    return null
  } catch (error) {
    if (!(isFairtraceError(error) && error.code === 'LEDGER_INVALID')) throw error
    const about = { v: 1 as const, origin: input.log.name, seen: null, offered: note, atMs: input.clock() }
    return { ...about, kind: 'withheld', found: error.message }
  }
}
