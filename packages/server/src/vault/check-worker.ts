/** A checking thread: opens and checks batches, and encrypts what is kept. See `check-messages.ts`. */
import { parentPort } from 'node:worker_threads'
import { deflateRawSync } from 'node:zlib'
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import { type CheckContext, charterTerms, checkBatch, type VerifiedBatch, VerifiedLeases } from './check-batch.ts'
import type {
  BatchFacts,
  CheckAnswer,
  CheckTerms,
  FromChecker,
  Kept,
  SealedSegment,
  ToChecker,
} from './check-messages.ts'
import { ContentKeys, type SealedContentKey } from './content-keys.ts'
import { type Period, sealUnderPeriod } from './periods.ts'
import { type ChunkFacts, chunkAad, packSegment, sealChunk } from './segment.ts'
import { chunkTerm, digestBytes, sum } from './segment-index.ts'

const port = parentPort
if (port === null) throw new FairtraceError('INTERNAL', 'runs as a thread of the vault alone')

// Node finds out what kind of key it was handed by throwing and catching, several times for each batch, and a stack trace
// is most of what that costs. Nobody reads one here: only codes leave this thread.
Error.stackTraceLimit = 0

/**
 * Chunks of a few kilobytes gain little from zlib's default window and level, and setting these up is most of the work;
 * so is a larger output buffer, one for each batch.
 */
function deflated(json: string): Buffer {
  return deflateRawSync(json, { level: 3, windowBits: 14, memLevel: 6, chunkSize: Math.max(2_048, json.length >> 2) })
}

interface OpenedBatch {
  readonly facts: BatchFacts
  /** Raw DEFLATE of the actions' JSON. */
  readonly actions: Buffer
}

/** By period: a content key belongs to the day on which it was made. */
const contentKeys = new Map<string, ContentKeys>()
let terms: CheckTerms | null = null
const opened = new Map<number, readonly (OpenedBatch | null)[]>()
let context: CheckContext | null = null

port.on('message', (message: ToChecker) => {
  switch (message.type) {
    case 'terms':
      setTerms(message.terms)
      return
    case 'drop':
      opened.delete(message.job)
      return
    case 'confirm':
      for (const keys of contentKeys.values()) keys.confirm(message.stored)
      return
    case 'forget':
      for (const keys of contentKeys.values()) keys.forget(message.pseudonyms)
      return
    case 'check':
      answer(message.job, () => ({
        type: 'checked',
        job: message.job,
        answers: check(message.job, new Uint8Array(message.bytes), message.lengths),
      }))
      return
    case 'seal':
      answer(message.job, () => ({
        type: 'sealed',
        job: message.job,
        segment: seal(message.job, message.segmentId, message.kept),
      }))
  }
})

function answer(job: number, work: () => FromChecker): void {
  let message: FromChecker
  try {
    message = work()
  } catch (error) {
    // Fails closed: the job's batches stay in the inbox. The code alone goes out; a message could hold content.
    opened.delete(job)
    message = { type: 'failed', job, code: isFairtraceError(error) ? error.code : 'INTERNAL' }
  }
  port?.postMessage(message, message.type === 'sealed' ? [message.segment.bytes.buffer] : [])
}

function check(job: number, bytes: Uint8Array, lengths: readonly number[]): CheckAnswer[] {
  if (context === null) throw new FairtraceError('KEY_UNAVAILABLE', 'a job came before the terms')
  const kept: (OpenedBatch | null)[] = []
  const answers: CheckAnswer[] = []
  let offset = 0
  for (const length of lengths) {
    const checked = checkBatch(bytes.subarray(offset, offset + length), context)
    offset += length
    if (checked.ok) {
      const facts = factsOf(checked.batch)
      kept.push({ facts, actions: deflated(JSON.stringify(checked.batch.body.actions)) })
      answers.push({ ok: true, facts })
    } else {
      kept.push(null)
      answers.push(checked)
    }
  }
  opened.set(job, kept)
  return answers
}

function seal(job: number, segmentId: string, kept: readonly Kept[]): SealedSegment {
  if (terms === null) throw new FairtraceError('KEY_UNAVAILABLE', 'a job came before the terms')
  const { indexKey } = terms
  const batches = opened.get(job)
  opened.delete(job)
  const unstored = new Map<string, SealedContentKey & { readonly period: string }>()
  const facts: ChunkFacts[] = []
  const chunks = kept.map(({ index, batchId, participant }) => {
    const batch = batches?.[index]
    if (!batch) throw new FairtraceError('INTERNAL', 'the job holds no such batch')
    const period = requirePeriod(batch.facts.charterHash)
    const contentKey = keysOf(period).keyFor(batch.facts.pseudonym, participant)
    const { record } = contentKey
    if (!contentKey.isStored && !unstored.has(record.id)) {
      const sealed = sealUnderPeriod(period, record.id, record.sealed)
      unstored.set(record.id, { ...record, sealed, period: period.id })
    }
    const chunk = { ...batch.facts, batchId, contentKeyId: record.id }
    facts.push(chunk)
    return sealChunk(chunkAad(chunk), contentKey.key, batch.actions)
  })
  const { bytes, places, sha256 } = packSegment(segmentId, chunks)
  const rowTerms = places.flatMap((place, i) => {
    const chunk = facts[i]
    return chunk === undefined ? [] : [chunkTerm(indexKey, segmentId, place, chunk)]
  })
  return {
    // A copy of its own, because its buffer is handed over: a small one from Node's pool would take others with it.
    bytes: new Uint8Array(bytes),
    sha256,
    digest: digestBytes(sum(rowTerms)),
    places,
    contentKeyIds: facts.map(({ contentKeyId }) => contentKeyId),
    contentKeys: [...unstored.values()],
  }
}

function setTerms(next: CheckTerms): void {
  terms = next
  context = contextOf(next)
  const known = new Set(next.periods.map(([, { id }]) => id))
  for (const id of contentKeys.keys()) if (!known.has(id)) contentKeys.delete(id)
}

/** @throws `KEY_UNAVAILABLE` */
function requirePeriod(charterHash: string): Period {
  const found = terms?.periods.find(([hash]) => hash === charterHash)
  if (found === undefined) throw new FairtraceError('KEY_UNAVAILABLE', 'no period for these terms')
  return found[1]
}

function keysOf({ id }: Period): ContentKeys {
  const keys = contentKeys.get(id) ?? new ContentKeys()
  contentKeys.set(id, keys)
  return keys
}

function contextOf(terms: CheckTerms): CheckContext {
  return {
    programme: terms.programme,
    epoch: terms.epoch,
    issuer: terms.issuer,
    leases: context?.issuer.equals(terms.issuer) ? context.leases : new VerifiedLeases(),
    charters: new Map(terms.charters.map(([hash, charter]) => [hash, charterTerms(charter)])),
    dayKeys: new Map(terms.dayKeys.map((key) => [key.keyId, key])),
  }
}

function factsOf({ lease, body }: VerifiedBatch): BatchFacts {
  return {
    pseudonym: lease.pseudonym,
    device: lease.device,
    sequence: body.sequence,
    recording: body.recording,
    part: body.part,
    last: body.last,
    task: body.task,
    outcome: body.outcome,
    charterHash: lease.charter,
    consentVersion: lease.consentVersion,
    actions: body.actions.length,
  }
}
