/**
 * What an erasure has reached, signed for the person: compact JWS (RFC 7515), EdDSA by the programme's issuer key.
 *
 * ```
 * header  {"alg":"EdDSA","typ":"ft-erasure-receipt+jwt"}
 * payload {"v":1,"programme":"orders","pseudonym":"…","isComplete":false,"steps":[{"what":"keeper","id":null,"state":"done","entry":null}],"atMs":…}
 * ```
 * `isComplete` only when every step is done; `entry` is a step's place in the ledger, whose proof the person has beside it.
 */
import { z } from 'zod'
import { id128Pattern, programmeIdPattern } from './ids.ts'

export const ERASURE_RECEIPT_TYP = 'ft-erasure-receipt+jwt'
export const ERASURE_STEPS = ['recordings', 'keeper', 'releases', 'release', 'output', 'model', 'entry'] as const

export const erasureReceiptSchema = z
  .strictObject({
    v: z.literal(1),
    programme: z.string().regex(programmeIdPattern),
    pseudonym: z.string().regex(id128Pattern),
    isComplete: z.boolean(),
    steps: z.array(
      z.strictObject({
        what: z.enum(ERASURE_STEPS),
        /** Of a release, an output or a model. */
        id: z.string().nullable(),
        state: z.enum(['pending', 'done']),
        entry: z.int().min(0).nullable(),
      }),
    ),
    atMs: z.int(),
  })
  .refine(({ isComplete, steps }) => isComplete === steps.every(({ state }) => state === 'done'))
export type ErasureReceipt = z.infer<typeof erasureReceiptSchema>
