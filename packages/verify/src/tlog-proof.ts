/** Reads C2SP tlog-proof files. */
import { FairtraceError } from '@fairtrace/core'
import { fromBase64 } from './encoding.ts'

/** A tree of 2^53 entries has paths of 53 hashes. */
const PATH_MAX = 64

export interface TlogProof {
  readonly index: number
  readonly path: readonly Uint8Array[]
  /** The signed note, still to be verified. */
  readonly checkpoint: string
  /** Not authenticated. Null if there is none. */
  readonly extra: Uint8Array | null
}

/** @throws `LEDGER_INVALID` */
export function parseTlogProof(text: string): TlogProof {
  const end = text.indexOf('\n\n')
  const [version, ...lines] = text.slice(0, Math.max(0, end)).split('\n')
  if (version !== 'c2sp.org/tlog-proof@v1') throw invalid('this is no c2sp.org/tlog-proof@v1')
  const extra = lines[0]?.startsWith('extra ') ? fromBase64(lines.shift()?.slice('extra '.length) ?? '') : undefined
  if (extra === null) throw invalid('the extra data of the proof is no base64')
  const match = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '')
  if (match === null || !Number.isSafeInteger(Number(match[1]))) throw invalid('the proof has no index')
  if (lines.length > PATH_MAX) throw invalid(`a proof of ${lines.length} hashes`)
  const path = lines.map((line) => fromBase64(line) ?? new Uint8Array(0))
  if (path.some((hash) => hash.length !== 32)) throw invalid('a line of the proof is no hash')
  return { index: Number(match[1]), path, checkpoint: text.slice(end + 2), extra: extra ?? null }
}

function invalid(message: string): FairtraceError {
  return new FairtraceError('LEDGER_INVALID', message)
}
