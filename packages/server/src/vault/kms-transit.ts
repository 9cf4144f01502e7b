/**
 * Key management in the transit engine of HashiCorp Vault or OpenBao, over its HTTP API: one transit key for each generation,
 * `aes256-gcm96`, never exportable, the context as associated data. Deleting a transit key deletes all of its versions at once.
 *
 * The token needs, on `<mount>/keys/fairtrace-*` create, update, delete; on `<mount>/encrypt|decrypt/fairtrace-*` update; and
 * nothing else.
 */
import { readFileSync } from 'node:fs'
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { doesNotOpen, KMS_MS_MAX, type Kms, kmsUnavailable } from './kms.ts'

export interface TransitSettings {
  /** Such as `https://vault.example:8200`. */
  readonly address: string
  /** Where the engine is mounted. */
  readonly mount: string
  readonly namespace?: string | undefined
  /** Read anew for each request: an agent may renew it. */
  readonly tokenFile: string
}

const ANSWER_CHARS_MAX = 65_536
const namePattern = /^[a-z0-9-]{1,64}$/
const encryptedSchema = z.object({ data: z.object({ ciphertext: z.string().regex(/^vault:v\d+:[A-Za-z0-9+/=]+$/) }) })
const decryptedSchema = z.object({ data: z.object({ plaintext: z.base64() }) })

/** @param msMax how long a request may take; shorter in tests alone */
export function openTransitKms(settings: TransitSettings, msMax = KMS_MS_MAX): Kms {
  const base = `${settings.address.replace(/\/$/, '')}/v1/${settings.mount.replace(/^\/|\/$/g, '')}`
  return {
    kind: 'transit',
    async createKey(name) {
      await call('POST', `keys/${named(name)}`, {
        type: 'aes256-gcm96',
        exportable: false,
        allow_plaintext_backup: false,
      })
      return name
    },
    async wrap(name, context, secret) {
      const plaintext = Buffer.from(secret).toString('base64')
      const answer = await call('POST', `encrypt/${named(name)}`, { plaintext, associated_data: base64(context) })
      const parsed = encryptedSchema.safeParse(answer.body)
      if (!parsed.success) throw kmsUnavailable('the key management answered something else')
      return Buffer.from(parsed.data.data.ciphertext)
    },
    async unwrap(name, context, wrapped) {
      const ciphertext = Buffer.from(wrapped).toString('utf8')
      const answer = await call(
        'POST',
        `decrypt/${named(name)}`,
        { ciphertext, associated_data: base64(context) },
        // Its answer for a key that is gone, for another context and for damaged bytes.
        [400],
      )
      if (answer.status === 400) throw doesNotOpen()
      const parsed = decryptedSchema.safeParse(answer.body)
      if (!parsed.success) throw kmsUnavailable('the key management answered something else')
      return Buffer.from(parsed.data.data.plaintext, 'base64')
    },
    async destroyKey(name) {
      // A key that is there must be freed for deletion first; one that isn't there answers 400 or 404.
      const freed = await call('POST', `keys/${named(name)}/config`, { deletion_allowed: true }, [400, 404])
      if (freed.status === 200 || freed.status === 204) await call('DELETE', `keys/${named(name)}`, undefined)
      else await requireGone(name)
      return { revocableUntilMs: null }
    },
    close: () => undefined,
  }

  /** That freeing failed doesn't say that the key is gone: asked for by name, so that no refusal counts as destruction. */
  async function requireGone(name: string): Promise<void> {
    const { status } = await call('GET', `keys/${named(name)}`, undefined, [404])
    if (status !== 404) throw kmsUnavailable('the key management keeps a key that was to be destroyed')
  }

  async function call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body: unknown,
    expected: readonly number[] = [],
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    const headers: Record<string, string> = { 'x-vault-token': token(), 'x-vault-request': 'true' }
    if (settings.namespace !== undefined) headers['x-vault-namespace'] = settings.namespace
    if (body !== undefined) headers['content-type'] = 'application/json'
    const { status, text } = await send(`${base}/${path}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      // A redirect could carry the token to somebody else.
      redirect: 'error',
      signal: AbortSignal.timeout(msMax),
    })
    if (status !== 200 && status !== 204 && !expected.includes(status)) {
      throw kmsUnavailable(`the key management refused with status ${status}`)
    }
    return { status, body: parsed(text) }
  }

  function token(): string {
    try {
      return readFileSync(settings.tokenFile, 'utf8').trim()
    } catch (cause) {
      throw kmsUnavailable("the key management's token can't be read", cause)
    }
  }
}

async function send(url: string, init: RequestInit): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(url, init)
    const text = await response.text()
    if (text.length > ANSWER_CHARS_MAX) throw new RangeError('too long')
    return { status: response.status, text }
  } catch (cause) {
    // Fails closed: no answer in time, or none that could be read.
    throw kmsUnavailable('the key management does not answer', cause)
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text)
  } catch {
    // Not JSON: whoever expects a field finds none, and says so.
    return null
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** Goes into a path: nothing but what we made ourselves may stand there. */
function named(name: string): string {
  if (!namePattern.test(name)) throw new FairtraceError('KEY_UNAVAILABLE', 'the name of a transit key is malformed')
  return name
}
