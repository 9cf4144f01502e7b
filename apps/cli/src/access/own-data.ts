/**
 * What is stored about oneself, read on one's own machine: the portal sends ciphertext and keys sealed to a key pair that lives as
 * long as this command. The person's passkey, in a browser, is what opens it.
 */

import { createSecretKey } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { inflateRawSync } from 'node:zlib'
import { type Action, BATCH_BODY_BYTES_MAX, ERRORS, type ErrorCode, FairtraceError } from '@fairtrace/core'
import { describeAction } from '@fairtrace/device'
import { generateX25519, hpkeOpen, type X25519KeyPair } from '@fairtrace/server/vault/hpke'
import { CONTENT_KEY_INFO } from '@fairtrace/server/vault/opening'
import { type ChunkFacts, chunkAad, chunkFactsSchema, openChunk } from '@fairtrace/server/vault/segment'
import { z } from 'zod'
import type { PortalSession } from '../demo/portal-session.ts'

const POLL_MS = 500
const CONFIRM_MS_MAX = 10 * 60_000

const requestSchema = z.object({ request: z.object({ id: z.string(), recipientKey: z.string() }), page: z.string() })
const openingSchema = z.object({
  state: z.enum(['requested', 'opened', 'refused']),
  code: z.string().nullable(),
  ledgerIndex: z.number().nullable(),
  keys: z.array(z.object({ contentKeyId: z.string(), enc: z.string(), sealed: z.string() })).nullable(),
})
const chunksSchema = z.object({ chunks: z.array(chunkFactsSchema) })

/** One stored part of a recording. */
interface OwnRecording {
  readonly recording: string
  readonly part: number
  readonly task: string | null
  readonly outcome: string | null
  readonly charter: string
  readonly actions: readonly Action[]
}

export interface OwnData {
  /** Entry of the ledger that this opening is. */
  readonly ledgerIndex: number
  readonly recordings: readonly OwnRecording[]
}

export interface OwnDataSteps {
  /** The person opens `page` in a browser and confirms; it shows the same beginning of the key. */
  onConfirm(page: string, key: string): void
  /** From 0 to 1. */
  onProgress(share: number): void
}

/**
 * @throws `PASSKEY_UNKNOWN`, `PASSKEY_WAITS`, `PASSKEY_INVALID` as the keeper said; `KEY_UNAVAILABLE` if nobody confirms in time;
 *   `SEGMENT_CORRUPT`
 */
export async function readOwnData(
  portal: PortalSession,
  what: 'view' | 'export',
  { onConfirm, onProgress }: OwnDataSteps,
): Promise<OwnData> {
  const box = generateX25519()
  const recipientKey = box.publicKeyRaw.toString('base64url')
  const { request, page } = await portal.post('/api/me/data/requests', { what, recipientKey }, requestSchema)
  onConfirm(page, recipientKey.slice(0, 8))
  const { keys, ledgerIndex } = await confirmed(portal, request.id)
  const contentKeys = new Map(keys.map((key) => [key.contentKeyId, openKey(box, key)]))
  const { chunks } = await portal.get('/api/me/chunks', chunksSchema)
  const recordings: OwnRecording[] = []
  for (const [i, facts] of chunks.entries()) {
    const key = contentKeys.get(facts.contentKeyId)
    // Stored after the keys were opened: the next time shows it.
    if (key !== undefined) {
      const bytes = await portal.bytes(`/api/me/chunks/${facts.batchId}`)
      recordings.push(toRecording(facts, openChunk(chunkAad(facts), createSecretKey(key), bytes)))
    }
    onProgress((i + 1) / chunks.length)
  }
  return { ledgerIndex, recordings }
}

/** One line an action: recording, part, task, what happened. RFC 4180. */
export function ownDataCsv({ recordings }: OwnData): string {
  const field = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  const lines = recordings.flatMap(({ recording, part, task, outcome, actions }) =>
    actions.map((action) =>
      [recording, String(part), task ?? '', outcome ?? '', action.kind, describeAction(action)].map(field).join(','),
    ),
  )
  return `${['recording,part,task,outcome,kind,sentence', ...lines].join('\r\n')}\r\n`
}

async function confirmed(portal: PortalSession, id: string) {
  const until = performance.now() + CONFIRM_MS_MAX
  while (performance.now() < until) {
    const opening = await portal.get(`/api/me/data/openings/${id}`, openingSchema).catch(notThereYet)
    if (opening?.state === 'opened' && opening.keys !== null && opening.ledgerIndex !== null) {
      return { keys: opening.keys, ledgerIndex: opening.ledgerIndex }
    }
    if (opening?.state === 'refused')
      throw new FairtraceError(codeOf(opening.code), `your data was not opened: ${opening.code}`)
    await sleep(POLL_MS)
  }
  throw new FairtraceError('KEY_UNAVAILABLE', 'nobody confirmed with a passkey within ten minutes')
}

function notThereYet(error: unknown): null {
  if (error instanceof FairtraceError && error.code === 'NOT_FOUND') return null
  throw error
}

function openKey(
  box: X25519KeyPair,
  { contentKeyId, enc, sealed }: { contentKeyId: string; enc: string; sealed: string },
) {
  try {
    return hpkeOpen({
      ...box,
      enc: Buffer.from(enc, 'base64url'),
      info: CONTENT_KEY_INFO,
      aad: Buffer.from(contentKeyId),
      ciphertext: Buffer.from(sealed, 'base64url'),
    })
  } catch (cause) {
    // Fails closed: an answer that is partly wrong is wrong.
    throw new FairtraceError('KEY_UNAVAILABLE', 'a key of your data does not open', { cause })
  }
}

function toRecording(facts: ChunkFacts, deflated: Uint8Array): OwnRecording {
  const json = inflateRawSync(deflated, { maxOutputLength: BATCH_BODY_BYTES_MAX }).toString('utf8')
  const { recording, part, task, outcome, charterHash: charter } = facts
  return { recording, part, task, outcome, charter, actions: JSON.parse(json) }
}

function codeOf(code: string | null): ErrorCode {
  return code !== null && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'KEY_UNAVAILABLE'
}
