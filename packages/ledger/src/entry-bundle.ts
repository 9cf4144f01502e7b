/** Entry bundles of C2SP tlog-tiles: each entry after its length as u16be. */
import { FairtraceError } from '@fairtrace/core'

export function encodeEntryBundle(entries: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    if (entry.length > 0xffff) throw new FairtraceError('LEDGER_INVALID', `an entry of ${entry.length} bytes`)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(entry.length)
    parts.push(length, entry)
  }
  return Buffer.concat(parts)
}
