/**
 * Verifies a whole log from its entries: nothing that the log says about itself is believed until it was computed again.
 *
 * Streaming: one bundle at a time, and for each level of the tree one tile, whatever the size of the log.
 */
import { FairtraceError, ledgerEntrySchema } from '@fairtrace/core'
import type { VerifiedCheckpoint } from './checkpoint.ts'
import { isSame, utf8 } from './encoding.ts'
import { GrowingTree, TILE_WIDTH } from './growing-tree.ts'
import { leafHash } from './merkle-proof.ts'
import type { CheckpointTrust, WitnessedCheckpoint } from './policy.ts'

/** @param path as in C2SP tlog-tiles, beginning with a slash @returns null if there is no such file */
export type ReadLedger = (path: string) => Promise<Uint8Array | null>

export interface LedgerOptions {
  /** How the newest checkpoint is judged: `trustLog` or `trustPolicy`. */
  readonly trust: CheckpointTrust
  /** How earlier ones are: they may be older than the witnesses. */
  readonly trustSeen?: CheckpointTrust
  /** Checkpoints seen before, as signed notes: the log has to begin with each of them. */
  readonly seen?: readonly string[]
  readonly onProgress?: (entries: number, size: number) => void
}

export interface VerifiedLedger extends WitnessedCheckpoint {
  /** How many entries of each type. */
  readonly types: ReadonlyMap<string, number>
  /** The checkpoint, to be kept and given as `seen` the next time. */
  readonly note: string
}

/** @throws `LEDGER_INVALID` at the first thing that isn't so, `INPUT_UNREADABLE` if there is no checkpoint */
export async function verifyLedger(read: ReadLedger, options: LedgerOptions): Promise<VerifiedLedger> {
  const note = utf8((await read('/checkpoint')) ?? new Uint8Array(0))
  if (!note) throw new FairtraceError('INPUT_UNREADABLE', 'there is no checkpoint')
  const checkpoint = options.trust(note)
  const seen = (options.seen ?? []).map((earlier) => (options.trustSeen ?? options.trust)(earlier))
  if (seen.some(({ origin }) => origin !== checkpoint.origin)) throw invalid('what was seen before is of another log')
  for (const { size } of seen) {
    // The adversary is the log itself: going back behind what it has signed would hide entries.
    if (size > checkpoint.size) throw invalid(`the log was rolled back from ${size} to ${checkpoint.size} entries`)
  }
  const tree = new GrowingTree()
  const types = new Map<string, number>()
  requireSeen(tree, seen)
  while (tree.size < checkpoint.size) {
    const width = Math.min(TILE_WIDTH, checkpoint.size - tree.size)
    for (const entry of await readBundle(read, tree.size / TILE_WIDTH, width)) {
      const type = typeOf(entry, tree.size)
      types.set(type, (types.get(type) ?? 0) + 1)
      for (const tile of tree.append(leafHash(entry))) await requireTile(read, tile)
      requireSeen(tree, seen)
    }
    options.onProgress?.(tree.size, checkpoint.size)
  }
  for (const tile of tree.partialTiles()) await requireTile(read, tile)
  if (!isSame(tree.root(), checkpoint.root)) throw invalid('the entries do not hash to the root of the checkpoint')
  return { ...checkpoint, types, note }
}

function requireSeen(tree: GrowingTree, seen: readonly VerifiedCheckpoint[]): void {
  for (const { size, root } of seen) {
    if (size === tree.size && !isSame(root, tree.root())) {
      throw invalid(`the log is not the one whose checkpoint of ${size} entries was seen before`)
    }
  }
}

async function readBundle(read: ReadLedger, index: number, width: number): Promise<Uint8Array[]> {
  const path = resourcePath('entries', index, width)
  const bytes = await read(path)
  if (bytes === null) throw invalid(`${path} is missing`)
  const entries: Uint8Array[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  while (at + 2 <= bytes.length && entries.length < width) {
    const end = at + 2 + view.getUint16(at)
    if (end > bytes.length) break
    entries.push(bytes.subarray(at + 2, end))
    at = end
  }
  if (at !== bytes.length || entries.length !== width) throw invalid(`${path} does not hold ${width} entries`)
  return entries
}

/** An entry is a type and a commitment; whatever else would be in it has no place in a log that is never erased. */
function typeOf(entry: Uint8Array, index: number): string {
  try {
    return ledgerEntrySchema.parse(JSON.parse(utf8(entry) ?? '')).type
  } catch (cause) {
    throw new FairtraceError('LEDGER_INVALID', `entry ${index} is no ledger entry`, { cause })
  }
}

async function requireTile(read: ReadLedger, tile: { level: number; index: number; data: Uint8Array }): Promise<void> {
  const path = resourcePath(String(tile.level), tile.index, tile.data.length / 32)
  const stored = await read(path)
  if (stored === null) throw invalid(`${path} is missing`)
  if (!isSame(stored, tile.data)) throw invalid(`${path} is not what its entries hash to`)
}

/** `x001/x234/067`, and `.p/W` if it isn't full. */
function resourcePath(kind: string, index: number, width: number): string {
  const groups = index.toLocaleString('en-US', { minimumIntegerDigits: 3 }).split(',')
  const padded = groups.map((group, i) => (i < groups.length - 1 ? 'x' : '') + group.padStart(3, '0'))
  return `/tile/${kind}/${padded.join('/')}${width === TILE_WIDTH ? '' : `.p/${width}`}`
}

function invalid(message: string): FairtraceError {
  return new FairtraceError('LEDGER_INVALID', message)
}
