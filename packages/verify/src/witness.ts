/**
 * A witness as C2SP tlog-witness describes it: it cosigns a checkpoint only if the log has grown from what this witness has
 * cosigned before. Pure: storage and clock are handed in; `fairtrace witness`, the keeper and others put HTTP around it.
 *
 * ```
 * old 20852014
 * PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
 *
 * example.com/behind-the-sofa
 * 20852163
 * CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 * — example.com/behind-the-sofa Az3grlgt…
 * ```
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { parseCheckpointText, parseSize, type VerifiedCheckpoint } from './checkpoint.ts'
import { createCosigner } from './cosignature.ts'
import { fromBase64, isSame } from './encoding.ts'
import { isConsistent } from './merkle-proof.ts'
import { NOTE_CHARACTERS_MAX, type OpenedNote, openNote, requireLogSignature } from './note.ts'
import { parseVerifierKey, type VerifierKey } from './verifier-key.ts'

const PROOF_LINES_MAX = 63

/** What a witness remembers of a log: the largest tree that it cosigned. */
export interface WitnessState {
  readonly size: number
  readonly root: Uint8Array
  /** The checkpoint with the log's signature and this witness's own: half of a proof, should the log ever say otherwise. */
  readonly note: string
}

/** Durable: `write` returns once the state would survive a power cut, or the witness could cosign two histories. */
export interface WitnessStorage {
  read(origin: string): Promise<WitnessState | null>
  write(origin: string, state: WitnessState): Promise<void>
}

/** Two checkpoints that the log itself signed and that can't both be true. */
export interface WitnessConflict {
  readonly origin: string
  readonly seen: string
  readonly offered: string
}

export interface WitnessSettings {
  readonly name: string
  /** Ed25519, base64url, used for nothing else. */
  readonly seed: string
  /** By origin, the log's verifier key of type 0x01, whose name is the origin. */
  readonly logs: ReadonlyMap<string, string>
  readonly storage: WitnessStorage
  /** Unix milliseconds. */
  readonly clock: () => number
  /** Told of two signed roots for one size, before the refusal is answered. */
  readonly onConflict?: (conflict: WitnessConflict) => void | Promise<void>
}

/** 409 answers with the size that the witness has, `text/x.tlog.size`; the others with a sentence. */
export type WitnessAnswer =
  | { readonly status: 200; readonly cosignatures: string }
  | { readonly status: 400 | 403 | 404 | 409 | 422; readonly body: string }

export interface Witness {
  /** For logs and for the policy of whoever trusts this witness. */
  readonly key: VerifierKey
  /** @param body of a `POST /add-checkpoint` */
  addCheckpoint(body: string): Promise<WitnessAnswer>
}

/** @throws `KEY_UNAVAILABLE` or `USAGE` if a key is none */
export function createWitness(settings: WitnessSettings): Witness {
  const cosigner = createCosigner(settings.name, settings.seed)
  const logs = new Map([...settings.logs].map(([origin, vkey]) => [origin, parseVerifierKey(vkey)]))
  // One request at a time: between reading a size and writing the next, nobody else may write, or a log could roll back.
  let last: Promise<unknown> = Promise.resolve()
  return {
    key: cosigner.key,
    addCheckpoint(body) {
      const answer = last.then(() => decide(body))
      // Whoever asked hears of the failure; the next request starts afresh.
      last = answer.catch(() => undefined)
      return answer
    },
  }

  async function decide(body: string): Promise<WitnessAnswer> {
    const request = parseRequest(body)
    if (request === null) return refuse(400, 'this is no add-checkpoint request')
    const { oldSize, proof, note, checkpoint } = request
    const { origin } = checkpoint
    const key = logs.get(origin)
    if (key === undefined) return refuse(404, 'unknown log')
    if (key.name !== origin || !isSignedByLog(note, key)) return refuse(403, 'not signed by the log')
    if (oldSize > checkpoint.size) return refuse(400, 'the old size is beyond the checkpoint')
    const state = await settings.storage.read(origin)
    if (oldSize !== (state?.size ?? 0)) return { status: 409, body: `${state?.size ?? 0}\n` }
    if (state !== null && state.size === checkpoint.size && !isSame(state.root, checkpoint.root)) {
      await settings.onConflict?.({ origin, seen: state.note, offered: request.signed })
      return refuse(422, 'the log signed another root for this size')
    }
    const problem = problemOf(state, checkpoint, proof)
    if (problem !== null) return refuse(422, problem)
    const cosignatures = cosigner.cosign(note.text, settings.clock())
    const lines = note.signatures.filter(({ name }) => name === origin).map(({ line }) => `${line}\n`)
    await settings.storage.write(origin, {
      size: checkpoint.size,
      root: checkpoint.root,
      note: `${note.text}\n${lines.join('')}${cosignatures}`,
    })
    return { status: 200, cosignatures }
  }
}

interface Request {
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
  readonly note: OpenedNote
  readonly checkpoint: VerifiedCheckpoint
  /** The note as it came. */
  readonly signed: string
}

function parseRequest(body: string): Request | null {
  if (body.length > NOTE_CHARACTERS_MAX) return null
  const end = body.indexOf('\n\n')
  const [head, ...lines] = body.slice(0, Math.max(0, end)).split('\n')
  const oldSize = parseSize(/^old (\S+)$/.exec(head ?? '')?.[1] ?? '')
  const proof = lines.map((line) => fromBase64(line) ?? new Uint8Array(0))
  if (oldSize === null || proof.length > PROOF_LINES_MAX || proof.some((hash) => hash.length !== 32)) return null
  try {
    const signed = body.slice(end + 2)
    const note = openNote(signed)
    return { oldSize, proof, note, checkpoint: parseCheckpointText(note.text), signed }
  } catch {
    // Fails closed: what is no checkpoint is not cosigned.
    return null
  }
}

function isSignedByLog(note: OpenedNote, key: VerifierKey): boolean {
  try {
    requireLogSignature(note, key)
    return true
  } catch {
    // Fails closed: refused as forged.
    return false
  }
}

function problemOf(
  state: WitnessState | null,
  checkpoint: VerifiedCheckpoint,
  path: readonly Uint8Array[],
): string | null {
  const empty = sha256(new Uint8Array(0))
  if (checkpoint.size === 0 && !isSame(checkpoint.root, empty)) return 'an empty log has another root'
  const old = state ?? { size: 0, root: empty }
  const claim = { oldSize: old.size, oldRoot: old.root, newSize: checkpoint.size, newRoot: checkpoint.root, path }
  return isConsistent(claim) ? null : 'the consistency proof does not verify'
}

function refuse(status: 400 | 403 | 404 | 422, body: string): WitnessAnswer {
  return { status, body: `${body}\n` }
}
