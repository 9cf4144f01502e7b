/** Batches as drills make them: sealed to the real key of the day, for a person and a device that don't exist. */
import { FairtraceError } from '@fairtrace/core'
import {
  aDevice,
  type ForgedBatchSettings,
  forgeBatch,
  forgePermit,
  type TestBatch,
} from '@fairtrace/testing/simulator'
import { z } from 'zod'
import type { Ground } from './ground.ts'

const programmeSchema = z.object({
  nowMs: z.number(),
  vaultKey: z.object({ keyId: z.string(), publicKey: z.string() }).nullable(),
})
const refusalSchema = z.object({ error: z.object({ code: z.string() }) })

export interface Uploader {
  readonly nowMs: number
  batch(change?: Partial<ForgedBatchSettings>): TestBatch
  permit(batch: string, change?: Parameters<typeof forgePermit>[2]): string
}

/** With the issuer's stolen key, so that all is right but what a drill makes wrong. */
export async function openUploader(ground: Ground): Promise<Uploader> {
  const { programme, runtime } = ground
  const answer = await fetch(new URL('/api/programme', runtime.portalUrl))
  const { vaultKey, nowMs } = programmeSchema.parse(await answer.json())
  if (vaultKey === null) throw new FairtraceError('KEY_UNAVAILABLE', 'the vault has no key for today')
  const issuer = ground.stolenKey('portal')
  const device = aDevice()
  return {
    nowMs,
    batch: (change) =>
      forgeBatch({
        charter: programme.charter,
        device,
        vaultKey: { keyId: vaultKey.keyId, publicKey: Buffer.from(vaultKey.publicKey, 'base64url') },
        sequence: 1,
        atMs: nowMs,
        epoch: programme.epoch,
        leaseSigner: issuer,
        ...change,
      }),
    permit: (batch, change) =>
      forgePermit(batch, nowMs - 1_000, { programme: programme.id, epoch: programme.epoch, ...change }, issuer),
  }
}

/** @returns null if intake took it, else the code of its refusal */
export async function send(
  { runtime, plants, run }: Ground,
  { id, bytes }: TestBatch,
  permit: string,
): Promise<string | null> {
  for (const table of ['inbox.batches', 'vault.quarantine']) {
    const column = table === 'inbox.batches' ? 'id' : 'batch_id'
    plants.add(run, { kind: 'sql', statement: `delete from ${table} where ${column} = $1`, values: [id] })
  }
  const response = await fetch(new URL('/batches', runtime.intakeUrl ?? ''), {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', authorization: `Bearer ${permit}` },
    body: new Uint8Array(bytes),
  })
  if (response.ok) return null
  return (
    refusalSchema.safeParse(await response.json().catch(() => null)).data?.error.code ?? `status ${response.status}`
  )
}

/** Under which code the vault put a batch into quarantine; null if it did not in time. */
export function quarantined({ sql, until }: Ground, batch: string): Promise<string | null> {
  return until(async () => {
    const { rows } = await sql.query('select code from vault.quarantine where batch_id = $1', [batch])
    return rows[0] === undefined ? null : String(rows[0].code)
  }, 5_000)
}
