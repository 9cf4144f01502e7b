/**
 * The word that ends a lockdown: the issuer's signature, given by the portal when the gate has opened. Who writes an end into the
 * database without that key has ended nothing: every process goes on treating the programme as locked.
 */
import { sign } from 'node:crypto'
import { canonicalJson } from '@fairtrace/core'
import { z } from 'zod'
import { type Signer, verifyEd25519 } from './jws.ts'

const CONTEXT = 'fairtrace/lockdown-end/v1\n'

const wordSchema = z.strictObject({ body: z.string().max(4_096), signature: z.string().max(128) })
const bodySchema = z.strictObject({
  programme: z.string(),
  /** Number of the newest lockdown that it ends, and all before. */
  upTo: z.int().min(0),
  /** Of what runs from then on. */
  epoch: z.int().min(1),
  state: z.enum(['running', 'paused', 'approved', 'draft']),
  /** Why, as the ledger knows it: an opening of the gate, or a drill. */
  ground: z.string().max(200),
  atMs: z.int(),
})
export type LockdownEnd = z.infer<typeof bodySchema>

export function signLockdownEnd(
  end: LockdownEnd,
  issuer: Signer,
): { readonly body: string; readonly signature: string } {
  const body = canonicalJson(bodySchema.parse(end))
  return { body, signature: sign(null, Buffer.from(CONTEXT + body), issuer.privateKey).toString('base64url') }
}

/** Whether this is the issuer's word that this lockdown is over. */
export function isLockdownEnd(
  word: unknown,
  lockdown: { readonly programme: string; readonly number: number; readonly epoch: number },
  issuer: string,
): boolean {
  const parsed = wordSchema.safeParse(word)
  if (!parsed.success) return false
  const { body, signature } = parsed.data
  try {
    if (!verifyEd25519(Buffer.from(CONTEXT + body), signature, issuer)) return false
    const end = bodySchema.parse(JSON.parse(body))
    return end.programme === lockdown.programme && end.upTo >= lockdown.number && end.epoch > lockdown.epoch
  } catch {
    // Fails closed: what can't be read ends nothing.
    return false
  }
}
