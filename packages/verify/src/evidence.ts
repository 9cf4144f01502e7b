/**
 * Evidence that a log misbehaved, for whoever was not there. JSON:
 *
 * ```json
 * {"v":1,"kind":"inconsistent","origin":"fairtrace/orders","seen":"<checkpoint>","offered":"<checkpoint>","path":["<base64>"],"atMs":…}
 * ```
 * - `split-view`: the log signed two roots for one size. Proof, for everybody.
 * - `inconsistent`: the log signed a tree that doesn't begin with one that it signed before. `path` are the hashes of RFC 9162,
 *   section 2.1.4, the first of them always included: they fold to the newer root, and not to the older one. Proof, for everybody.
 * - `rollback`: after `seen` the log offered the smaller `offered`. Both are signed; the order is the finder's word.
 * - `withheld`: the log's files don't bear out `offered`: missing, short, or of other entries. What was served is the finder's word.
 */
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { parseCheckpointText, type VerifiedCheckpoint } from './checkpoint.ts'
import { fromBase64, isSame } from './encoding.ts'
import { rootsOfPath } from './merkle-proof.ts'
import { openNote, requireLogSignature } from './note.ts'
import type { VerifierKey } from './verifier-key.ts'

export const EVIDENCE_KINDS = ['split-view', 'inconsistent', 'rollback', 'withheld'] as const

export const evidenceSchema = z.strictObject({
  v: z.literal(1),
  kind: z.enum(EVIDENCE_KINDS),
  origin: z.string().min(1).max(255),
  /** Signed by the log, seen first; null where a single checkpoint can't be borne out. */
  seen: z
    .string()
    .max(64 * 1024)
    .nullable(),
  offered: z.string().max(64 * 1024),
  path: z.array(z.string()).max(64).optional(),
  /** What the finder saw, in a sentence without content. */
  found: z.string().max(500),
  /** By the finder's clock. */
  atMs: z.int().min(0),
})
export type Evidence = z.infer<typeof evidenceSchema>

export interface VerifiedEvidence {
  readonly kind: Evidence['kind']
  readonly origin: string
  readonly seenSize: number | null
  readonly offeredSize: number
  /** Whether it convicts the log without anybody's word. */
  readonly isProof: boolean
}

/**
 * @param log the log's key; the evidence is about nobody else
 * @throws `LEDGER_INVALID` if it shows nothing: then whoever handed it over is wrong, or lies
 */
export function verifyEvidence(evidence: Evidence, log: VerifierKey): VerifiedEvidence {
  if (evidence.origin !== log.name) throw invalid('the evidence is about another log')
  const offered = signed(evidence.offered, log)
  const seen = evidence.seen === null ? null : signed(evidence.seen, log)
  const path = (evidence.path ?? []).map((line) => fromBase64(line) ?? new Uint8Array(0))
  if (!shows(evidence.kind, seen, offered, path)) throw invalid(`it shows no ${evidence.kind}`)
  const isProof = evidence.kind === 'split-view' || evidence.kind === 'inconsistent'
  return { kind: evidence.kind, origin: log.name, seenSize: seen?.size ?? null, offeredSize: offered.size, isProof }
}

function shows(
  kind: Evidence['kind'],
  seen: VerifiedCheckpoint | null,
  offered: VerifiedCheckpoint,
  path: readonly Uint8Array[],
): boolean {
  if (kind === 'withheld') return seen === null
  if (seen === null) return false
  if (kind === 'split-view') return seen.size === offered.size && !isSame(seen.root, offered.root)
  if (kind === 'rollback') return offered.size < seen.size
  if (!(0 < seen.size && seen.size < offered.size)) return false
  const roots = rootsOfPath(seen.size, offered.size, path)
  return roots !== null && isSame(roots.newRoot, offered.root) && !isSame(roots.oldRoot, seen.root)
}

function signed(note: string, log: VerifierKey): VerifiedCheckpoint {
  const opened = openNote(note)
  requireLogSignature(opened, log)
  const checkpoint = parseCheckpointText(opened.text)
  if (checkpoint.origin !== log.name) throw invalid('a checkpoint is of another log')
  return checkpoint
}

function invalid(message: string): FairtraceError {
  return new FairtraceError('LEDGER_INVALID', `the evidence is none: ${message}`)
}
