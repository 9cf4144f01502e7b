/**
 * Activation: the keeper's word that it saw both approvals, and when. A grant's time runs from here.
 *
 * The keeper reads its own clock, so neither a portal nor a vault whose clock was moved makes a grant last longer.
 */
import { z } from 'zod'
import { canonicalJson } from '../canonical-json.ts'
import { digestPattern, programmeIdPattern } from '../ids.ts'

const ACTIVATION_CONTEXT = 'fairtrace/grant-active/v1\n'

const statement = {
  programme: z.string().regex(programmeIdPattern),
  /** `grantHash` of the grant. */
  grant: z.string().regex(digestPattern),
  activeFromMs: z.int().min(0),
  /** Exclusive. */
  endsAtMs: z.int().min(0),
}

export const activationSchema = z.strictObject({
  ...statement,
  /** Ed25519 by the charter's `keys.keeper` over ACTIVATION_CONTEXT ‖ canonical JSON of the other fields, base64url. */
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
})
export type Activation = z.infer<typeof activationSchema>

/** The bytes that the keeper signs. */
export function activationMessage({
  programme,
  grant,
  activeFromMs,
  endsAtMs,
}: Omit<Activation, 'signature'>): Uint8Array {
  return new TextEncoder().encode(ACTIVATION_CONTEXT + canonicalJson({ programme, grant, activeFromMs, endsAtMs }))
}
