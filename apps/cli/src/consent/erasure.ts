/** How far a withdrawal has reached: as the portal says it, held to the issuer's signature and to the ledger. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Charter, canonicalJson, ERASURE_STEPS, FairtraceError } from '@fairtrace/core'
import { charterPolicy, trustPolicy, verifyErasureReceipt, verifyOpening } from '@fairtrace/verify'
import { z } from 'zod'
import type { PortalSession } from '../demo/portal-session.ts'

const stepSchema = z.object({
  what: z.enum(ERASURE_STEPS),
  id: z.string().nullable(),
  state: z.enum(['pending', 'done']),
  how: z.string(),
  ledgerIndex: z.int().nullable(),
  proof: z.string().nullable(),
})
const retrainingSchema = z.object({ model: z.string(), release: z.string(), copies: z.int(), plan: z.string() })
const answerSchema = z.object({
  erasure: z
    .object({ isComplete: z.boolean(), steps: z.array(stepSchema), retraining: z.array(retrainingSchema) })
    .nullable(),
  receipt: z.string().nullable(),
})

export interface Erasure extends NonNullable<z.infer<typeof answerSchema>['erasure']> {
  readonly receipt: string
}

/**
 * @returns null for who never withdrew
 * @throws `SIGNATURE_INVALID`, `LEDGER_INVALID` if receipt or ledger don't bear out what the portal says
 */
export async function readErasure(portal: PortalSession, charter: Charter): Promise<Erasure | null> {
  const { erasure, receipt } = await portal.get('/api/me/erasure', answerSchema)
  if (erasure === null || receipt === null) return null
  const signed = verifyErasureReceipt(receipt, charter.keys.issuer)
  const said = erasure.steps.map(({ what, id, state, ledgerIndex: entry }) => ({ what, id, state, entry }))
  if (signed.isComplete !== erasure.isComplete || canonicalJson(signed.steps) !== canonicalJson(said))
    throw new FairtraceError('SIGNATURE_INVALID', 'the receipt says something else than the portal')
  const trust = trustPolicy(charterPolicy(charter))
  for (const { what, state, ledgerIndex, proof } of erasure.steps) {
    if (what !== 'entry' || state !== 'done') continue
    if (verifyOpening(proof ?? '', trust)?.index !== ledgerIndex)
      throw new FairtraceError('LEDGER_INVALID', `entry ${ledgerIndex} is not proven`)
  }
  return { ...erasure, receipt }
}

export async function writeErasure({ receipt, steps }: Erasure, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(join(folder, 'erasure.jwt'), `${receipt}\n`, { mode: 0o600 })
  for (const { proof, ledgerIndex } of steps) {
    if (proof !== null) await writeFile(join(folder, `erasure-${ledgerIndex}.tlog-proof`), proof, { mode: 0o600 })
  }
}

export function saysErasure({ steps, retraining }: Erasure): string[] {
  return [
    ...steps.map(({ id, state, how, ledgerIndex }) => {
      const entry = ledgerIndex === null ? '' : ` (entry ${ledgerIndex}, verified here)`
      return `  ${state === 'done' ? 'done   ' : 'pending'} ${how}${id === null ? '' : ` [${id}]`}${entry}`
    }),
    ...retraining.map(
      ({ model, copies, plan }) => `  model ${model}: ${plan} It was handed out ${copies} times before.`,
    ),
  ]
}
