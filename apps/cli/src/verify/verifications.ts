/** One function for each kind of thing that can be verified; each says what it checked, in sentences. */
import { readFile } from 'node:fs/promises'
import { type Charter, canonicalJson, charterHash, FairtraceError, ledgerOrigin } from '@fairtrace/core'
import {
  type CheckpointTrust,
  charterPolicy,
  type Evidence,
  evidenceSchema,
  LOG_KEY_TYPE,
  parsePolicy,
  publicKeyOf,
  type ReadLedger,
  type ReleaseCheck,
  trustLog,
  trustPolicy,
  type VerifierKey,
  verifierKey,
  verifyEvidence,
  verifyGrant,
  verifyInclusion,
  verifyLedger,
  verifyOpening,
  verifyReceipt,
  verifyRelease,
  type WitnessPolicy,
} from '@fairtrace/verify'
import { type Progress, progress } from '../terminal.ts'
import { releaseFolder } from './sources.ts'

/** Where trust begins: what the caller brings, because it can't come from the thing itself. */
export interface Trust {
  /** Raw Ed25519 public key, base64url, or null. */
  readonly key: string | null
  readonly charter: Charter | null
  /** Which logs and witnesses count; null: the charter's, or the key alone. */
  readonly policy: WitnessPolicy | null
}

export interface Verified {
  readonly kind: 'release' | 'receipt' | 'ledger' | 'proof' | 'evidence' | 'policy' | 'grant'
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
    const files = manifest.shards.length + manifest.documents.length
    say(`All ${files} listed files are there, unchanged, and no others; no key was needed.`)
    if (ledger === null) say('The folder holds no ledger proof; nothing was checked against the ledger.')
    else say(`The ledger ${ledger.origin} has the release as entry ${ledger.index} of ${ledger.size}.`)
    return {
      kind: 'release',
      facts: {
        release: id,
        charter: manifest.charter,
        files,
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
    const { origin, size, root, types, cosignatures } = await verifyLedger(read, {
      trust: ledgerTrust(trust),
      // What was kept may be older than the witnesses.
      trustSeen: logAlone(trust),
      seen,
      onProgress: bar.update,
    })
    say(`The checkpoint of ${origin} is signed by its key.`)
    sayWitnesses(
      cosignatures.map(({ witness }) => witness),
      trust,
      say,
    )
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
  const judged = ledgerTrust(trust)
  const opened = entry === null ? verifyOpening(text, judged) : null
  if (opened === null && entry === null) {
    throw new FairtraceError('USAGE', 'the proof carries no opening; give the entry that it is about with --entry')
  }
  const { origin, index, size, witnesses } = opened ?? verifyInclusion(entry ?? '', text, judged)
  say(`The ledger ${origin} has the entry at ${index} of ${size}.`)
  sayWitnesses(witnesses, trust, say)
  if (opened === null) return { kind: 'proof', facts: { origin, index, size } }
  say(`The entry commits to exactly this: ${opened.type} ${canonicalJson(opened.detail)}`)
  return { kind: 'proof', facts: { origin, index, size, type: opened.type, detail: canonicalJson(opened.detail) } }
}

/** A grant with its approvals, which only the charter can vouch for. */
export function grant(text: string, trust: Trust, say: Say): Verified {
  if (trust.charter === null) throw new FairtraceError('USAGE', 'give the charter whose approvers count with --charter')
  const { grant: granted, hash, active } = verifyGrant(JSON.parse(text), trust.charter)
  say(`Two people of the charter, in two roles, approved exactly this grant to ${granted.requester.name}: ${hash}.`)
  say(`It is for ${granted.purpose}: ${granted.reason}`)
  say(
    active === null
      ? 'The keeper has not activated it: it opens nothing.'
      : `The keeper activated it from ${new Date(active.fromMs).toISOString()} to ${new Date(active.endsAtMs).toISOString()}.`,
  )
  return {
    kind: 'grant',
    facts: { grant: hash, who: granted.requester.name, purpose: granted.purpose, endsAtMs: active?.endsAtMs ?? null },
  }
}

/** What a witness kept when it caught a log. */
export function evidence(text: string, trust: Trust, say: Say): Verified {
  const parsed = evidenceSchema.safeParse(JSON.parse(text))
  if (!parsed.success) throw new FairtraceError('LEDGER_INVALID', 'the evidence has fields that it should not have')
  const { kind, origin, seenSize, offeredSize, isProof } = verifyEvidence(
    parsed.data,
    logKey(trust, parsed.data.origin),
  )
  say(`The log ${origin} signed every checkpoint in it.`)
  say(EVIDENCE[kind](seenSize ?? 0, offeredSize))
  say(
    isProof
      ? 'The log convicts itself: nobody’s word is needed.'
      : `Signatures alone don’t show that: when it was served is the word of whoever found it, at ${new Date(parsed.data.atMs).toISOString()}.`,
  )
  return { kind: 'evidence', facts: { misbehaviour: kind, origin, seenSize, offeredSize, isProof: String(isProof) } }
}

const EVIDENCE: Readonly<Record<Evidence['kind'], (seen: number, offered: number) => string>> = {
  'split-view': (seen) => `It signed two different histories of ${seen} entries.`,
  inconsistent: (seen, offered) =>
    `Its tree of ${offered} entries does not begin with the ${seen} that it signed before.`,
  rollback: (seen, offered) => `It offered ${offered} entries after it had signed ${seen}.`,
  withheld: (_seen, offered) => `It signed ${offered} entries that its files don’t bear out.`,
}

/** A policy file says nothing about anything else; it is shown, so that a reader can compare it. */
export function policy(text: string, say: Say): Verified {
  const { logs, witnesses, groups, quorum } = parsePolicy(text)
  for (const { key } of logs) say(`It trusts the log ${key.name}.`)
  for (const { key } of witnesses) say(`It knows the witness ${key.name}.`)
  say(quorum === null ? 'It asks for no cosignature.' : `It asks for ${quorum}.`)
  return { kind: 'policy', facts: { logs: logs.length, witnesses: witnesses.length, groups: groups.length, quorum } }
}

function ledgerTrust(trust: Trust): CheckpointTrust {
  if (trust.policy !== null) return trustPolicy(trust.policy)
  return trust.charter === null ? logAlone(trust) : trustPolicy(charterPolicy(trust.charter))
}

function logAlone({ key, charter, policy: given }: Trust): CheckpointTrust {
  if (given !== null) return trustPolicy({ ...given, quorum: null })
  if (charter !== null) return trustLog(charter.keys.ledger, ledgerOrigin(charter.programme))
  return trustLog(required(key, 'the ledger'), null)
}

function logKey(trust: Trust, origin: string): VerifierKey {
  const { logs } = trust.policy ?? (trust.charter === null ? { logs: [] } : charterPolicy(trust.charter))
  const known = logs.find(({ key }) => key.name === origin)
  return known?.key ?? verifierKey(origin, LOG_KEY_TYPE, publicKeyOf(required(trust.key, 'the ledger')))
}

function sayWitnesses(witnesses: readonly string[], trust: Trust, say: Say): void {
  const isAsked = trust.policy !== null || trust.charter?.ledger !== undefined
  if (witnesses.length > 0) say(`Its checkpoint is cosigned by ${witnesses.join(', ')}.`)
  else if (!isAsked) say('No witness was asked for: that everybody sees the same log is its word alone.')
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
