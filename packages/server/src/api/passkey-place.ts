/** Where passkeys of this portal belong, and whether an answer says that it was made there. */
import { isIP } from 'node:net'
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { isLoopback } from '../runtime/sign-in-settings.ts'

export interface PasskeyPlace {
  /** The portal's name, to which browsers bind a passkey. */
  readonly rpId: string
  /** The one origin whose pages may use it. */
  readonly origin: string
}

/** A browser binds passkeys to names alone, so on this machine itself it is `localhost`, not 127.0.0.1. */
export function passkeyPlace(portalAddress: string): PasskeyPlace {
  const url = new URL(portalAddress)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && isLoopback(host)) url.hostname = 'localhost'
  return { rpId: url.hostname, origin: url.origin }
}

const clientDataSchema = z.object({
  type: z.string(),
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.boolean().optional(),
})

/**
 * Checks what the browser says of an answer, before any key is looked up: for what, to which challenge, from which page.
 * @param clientDataJSON base64url
 * @param expected `challenge` is null if there is none for this session and purpose any more
 * @throws `PASSKEY_INVALID`, `PASSKEY_CHALLENGE_OVER`, `PASSKEY_ORIGIN_WRONG`
 */
export function requireClientData(
  clientDataJSON: string,
  expected: { readonly type: string; readonly challenge: string | null; readonly origin: string },
): void {
  const { type, challenge, origin, crossOrigin } = parseClientData(clientDataJSON)
  if (type !== expected.type) throw new FairtraceError('PASSKEY_INVALID', 'the answer was made for something else')
  if (expected.challenge === null || challenge !== expected.challenge) {
    throw new FairtraceError('PASSKEY_CHALLENGE_OVER', 'the challenge is not the present one, or was answered already')
  }
  // A page of ours inside a frame of somebody else's counts as theirs.
  if (origin !== expected.origin || crossOrigin === true) {
    throw new FairtraceError('PASSKEY_ORIGIN_WRONG', 'the answer was made on another page')
  }
}

function parseClientData(text: string): z.infer<typeof clientDataSchema> {
  try {
    return clientDataSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch (cause) {
    throw new FairtraceError('PASSKEY_INVALID', 'the answer can’t be read', { cause })
  }
}
