/** The keeper's door, with the stolen key of the vault. */
import { randomBytes } from 'node:crypto'
import { FairtraceError, KEEPER_REQUEST_TYP, type KeeperCall } from '@fairtrace/core'
import { signJws } from '@fairtrace/server/runtime/jws'
import { z } from 'zod'
import type { Ground } from './ground.ts'

const answerSchema = z.object({ result: z.unknown().optional(), refused: z.object({ code: z.string() }).optional() })
const unsignedSchema = z.object({ error: z.object({ code: z.string() }) })

/** A token that the keeper takes for the vault's. */
export function stolenRequest(ground: Ground, call: KeeperCall): string {
  const payload = { nonce: randomBytes(16).toString('base64url'), atMs: Date.now(), call }
  return signJws(KEEPER_REQUEST_TYP, payload, ground.stolenKey('vault'))
}

/** @returns the code under which the keeper refuses, or null and what it gave */
export async function askKeeper(
  ground: Ground,
  token: string,
): Promise<{ readonly code: string | null; readonly result: unknown }> {
  const response = await fetch(new URL('/v1', keeperUrl(ground)), { method: 'POST', body: token })
  const text = await response.text()
  if (!response.ok) {
    const refusal = unsignedSchema.safeParse(JSON.parse(text)).data
    return { code: refusal?.error.code ?? `status ${response.status}`, result: null }
  }
  const { result, refused } = answerSchema.parse(
    JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()),
  )
  return { code: refused?.code ?? null, result: result ?? null }
}

/** @returns the status of its answer, as C2SP's witness protocol has it */
export async function showCheckpoint(
  ground: Ground,
  body: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(new URL('/add-checkpoint', keeperUrl(ground)), { method: 'POST', body })
  return { status: response.status, body: await response.text() }
}

/** A demonstration's own; anybody else's keeper is not ours to attack without asking. */
function keeperUrl({ runtime }: Ground): string {
  if (!runtime.keeperUrl)
    throw new FairtraceError('KEEPER_MISSING', 'this installation has no keeper that can be drilled')
  return runtime.keeperUrl
}
