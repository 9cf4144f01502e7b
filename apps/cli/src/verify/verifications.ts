/** One function for each kind of thing that can be verified; each says what it checked, in sentences. */
import { readFile } from 'node:fs/promises'
import { type Charter, charterHash, FairtraceError, ledgerOrigin } from '@fairtrace/core'
import {
  type ReadLedger,
  type ReleaseCheck,
  verifyInclusion,
  verifyLedger,
  verifyReceipt,
  verifyRelease,
} from '@fairtrace/verify'
import { type Progress, progress } from '../terminal.ts'
import { releaseFolder } from './sources.ts'

/** Where trust begins: what the caller brings, because it can't come from the thing itself. */
export interface Trust {
  /** Raw Ed25519 public key, base64url, or null. */
  readonly key: string | null
  readonly charter: Charter | null
}

export interface Verified {
  readonly kind: 'release' | 'receipt' | 'ledger' | 'proof'
  readonly facts: Readonly<Record<string, string | number | null>>
}

/** Told of each thing that was checked, as soon as it was. */
export type Say = (sentence: string) => void

export async function release(folder: string, trust: Trust, say: Say): Promise<Verified> {
  const expected = trust.charter === null ? null : charterHash(trust.charter)
  const bar = lazyProgress('shards')
  const passed: ReleaseCheck[] = []
  try {
    const { id, manifest, charter, ledger } = await verifyRelease(releaseFolder(folder), {
      charter: expected,
      onProgress: bar.update,
      onChecked: (check) => passed.push(check),
    })
    if (trust.key !== null && trust.key !== charter.keys.builder) {
      throw new FairtraceError('SIGNATURE_INVALID', 'the release was signed with another key than the given one')
    }
    say(
      expected === null
        ? `The charter in the folder is valid; compare its hash with one that you trust: ${manifest.charter}.`
        : 'The charter in the folder is the given one.',
    )
    say(`The manifest of “${manifest.name}” is signed by the builder that the charter names.`)
    say(`All ${manifest.shards.length} listed files are there, unchanged, and no others.`)
    if (ledger === null) say('The folder holds no ledger proof; nothing was checked against the ledger.')
    else say(`The ledger ${ledger.origin} has the release as entry ${ledger.index} of ${ledger.size}.`)
    return {
      kind: 'release',
      facts: {
        release: id,
        charter: manifest.charter,
        files: manifest.shards.length,
        ledgerIndex: ledger?.index ?? null,
      },
    }
  } catch (error) {
    for (const check of passed) say(`The ${check} passed.`)
    throw error
  } finally {
    bar.stop()
  }
}

export function receipt(jws: string, trust: Trust, say: Say): Verified {
  const key = trust.charter?.keys.issuer ?? required(trust.key, 'the issuer')
  const { programme, state, consentVersion, noticeVersion, atMs, charter } = verifyReceipt(jws, key, trust.charter)
  const at = new Date(atMs).toISOString()
  say(`The receipt is signed by the issuer: consent ${state} to notice ${noticeVersion} of ${programme}, ${at}.`)
  const isCompared = trust.charter !== null && charterHash(trust.charter) === charter
  say(
    isCompared
      ? 'The ISO/IEC TS 27560 record in it says what the receipt and the given charter say, word for word.'
      : `The ISO/IEC TS 27560 record in it says what the receipt says; give the charter ${charter} to compare its words.`,
  )
  return { kind: 'receipt', facts: { programme, state, consentVersion, noticeVersion, at } }
}

export async function ledger(read: ReadLedger, seenFile: string | null, trust: Trust, say: Say): Promise<Verified> {
  const seen = seenFile === null ? [] : [await readFile(seenFile, 'utf8')]
  const bar = lazyProgress('entries')
  try {
    const { origin, size, root, types } = await verifyLedger(read, {
      key: trust.charter?.keys.ledger ?? required(trust.key, 'the ledger'),
      origin: trust.charter === null ? null : ledgerOrigin(trust.charter.programme),
      seen,
      onProgress: bar.update,
    })
    say(`The checkpoint of ${origin} is signed by its key.`)
    say(`All ${size} entries and every tile hash to the signed root.`)
    if (seen.length > 0) say('The log begins with everything that the earlier checkpoint covered.')
    return {
      kind: 'ledger',
      facts: { origin, size, root: Buffer.from(root).toString('base64'), ...Object.fromEntries(types) },
    }
  } finally {
    bar.stop()
  }
}

export function proof(text: string, entry: string | null, trust: Trust, say: Say): Verified {
  if (entry === null) throw new FairtraceError('USAGE', 'give the entry that the proof is about with --entry')
  const key = trust.charter?.keys.ledger ?? required(trust.key, 'the ledger')
  const origin = trust.charter === null ? null : ledgerOrigin(trust.charter.programme)
  const included = verifyInclusion(entry, text, key, origin)
  say(`The ledger ${included.origin} has the entry at ${included.index} of ${included.size}.`)
  return { kind: 'proof', facts: { ...included } }
}

/** A bar whose total is known only once the work has begun. */
function lazyProgress(label: string): { update(done: number, total: number): void; stop(): void } {
  let bar: Progress | undefined
  return {
    update: (done, total) => {
      bar ??= progress(label, total)
      bar.update(done)
    },
    stop: () => bar?.stop(),
  }
}

function required(key: string | null, whose: string): string {
  if (key === null)
    throw new FairtraceError('USAGE', `give the key of ${whose} with --key, or the charter with --charter`)
  return key
}
