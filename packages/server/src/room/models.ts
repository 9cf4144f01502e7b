/** Registers the model of every approved run: what it was made from, by what, what it cost, and who may have its weights. */
import { z } from 'zod'
import { roomOutputKey } from '../builder/box-key.ts'
import { appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'
import { FileObjects } from '../store/objects.ts'
import { codeDigest, OWN_TRAINER, runRequestSchema } from './run-request.ts'
import { openOutput, outputObject } from './sealed-output.ts'

const MODEL_FILE = 'model.json'
const METRICS_FILE = 'metrics.json'
export const MODEL_RETRAINED_ENTRY = 'model.retrained'
export const MODEL_RETIRED_ENTRY = 'model.retired'
const shardsSchema = z.object({ shards: z.array(z.string().max(256)).max(4_096) })
const METRICS_KEPT = 16_384
const outputSchema = z.object({ files: z.array(z.object({ path: z.string(), sha256: z.string() })) })

export interface ModelCard {
  readonly code: string
  readonly command: readonly string[]
  /** SHA-256 of the weights, base64url. */
  readonly weights: string
  /** What the program says of itself; only of the room's own trainer is it known to be so. */
  readonly metrics: unknown
  readonly isOwnTrainer: boolean
  /** Per person, of this run; null without a budget. */
  readonly epsilon: number | null
  readonly delta: number | null
  /** Who may have the weights: the release's audience, or anybody where a budget bounds what they say of each person. */
  readonly audience: 'release' | 'unbounded'
  /** The model whose place it takes. */
  readonly retrains: string | null
  /** Which shards of the release it read, as the program says; null if it doesn't. */
  readonly shards: readonly string[] | null
}

export async function registerModels(
  database: OpenDatabase,
  objectsDir: string,
  seed: string,
  nowMs: number,
): Promise<void> {
  // A model that a budget bounds says next to nothing of any one person; the others are trained anew.
  await database.pool.query(
    `update room.models m set state = 'to-retrain' where state = 'current' and card ->> 'audience' = 'release'
     and exists (select from vault.release_closings c where c.release = m.release)`,
  )
  const { rows } = await database.pool.query<{
    id: string
    release: string
    request: unknown
    output: unknown
    epsilon: number | null
    delta: number | null
  }>(
    `select r.id, r.release, r.request, r.output, b.epsilon, b.delta from room.runs r
     left join room.budget b on b.run = r.id
     where r.state = 'approved' and not exists (select from room.models m where m.run = r.id)`,
  )
  for (const row of rows) {
    const weights = outputSchema.safeParse(row.output).data?.files.find(({ path }) => path === MODEL_FILE)
    const request = runRequestSchema.safeParse(row.request)
    // A run may put out something else than a model.
    if (weights === undefined || !request.success) continue
    const { wish } = request.data
    const isOwnTrainer = wish.command[0] === OWN_TRAINER && wish.code.length === 0
    const files = openOutput(
      roomOutputKey(seed, row.id),
      row.id,
      await new FileObjects(objectsDir).get(outputObject(row.id)),
    )
    const metrics = metricsIn(files.find(({ path }) => path === METRICS_FILE)?.content)
    const card: ModelCard = {
      code: codeDigest(wish),
      command: wish.command,
      weights: weights.sha256,
      metrics,
      isOwnTrainer,
      epsilon: row.epsilon,
      delta: row.delta,
      audience: row.epsilon !== null && isOwnTrainer ? 'unbounded' : 'release',
      retrains: wish.retrains?.model ?? null,
      shards: shardsSchema.safeParse(metrics).data?.shards ?? null,
    }
    // A run has one model, named as it.
    const values = [row.id, row.id, row.release, Math.floor(nowMs), JSON.stringify(card)]
    await database.pool.query(
      `insert into room.models (id, run, release, registered_at_ms, card) values ($1, $2, $3, $4, $5)
       on conflict do nothing`,
      values,
    )
  }
  await serveRetraining(database, new FileObjects(objectsDir))
}

/**
 * A model of a closed release whose successor stands on another release, an open one, is destroyed: it is logged, and its weights go.
 * What breaks off is done again with the next call.
 */
async function serveRetraining(database: OpenDatabase, objects: FileObjects): Promise<void> {
  const { rows } = await database.pool.query<{ id: string; run: string; successor: string; release: string }>(
    `select distinct on (m.id) m.id, m.run, n.id as successor, n.release
     from room.models m join room.models n on n.card ->> 'retrains' = m.id and n.release <> m.release
     where m.state = 'to-retrain'
       and not exists (select from vault.release_closings c where c.release = n.release)
     order by m.id, n.registered_at_ms`,
  )
  for (const { id, run, successor, release } of rows) {
    const detail = { model: id, successor, release, copiesDestroyed: true }
    const { index, salt } = await appendToLedger(database, MODEL_RETRAINED_ENTRY, detail, { waitForCheckpoint: false })
    await objects.delete(outputObject(run))
    await database.pool.query(
      `update room.models set state = 'retrained', successor = $2, ledger_index = $3, salt = $4, detail = $5
       where id = $1 and state = 'to-retrain'`,
      [id, successor, index, salt, JSON.stringify(detail)],
    )
  }
}

function metricsIn(content: Buffer | undefined): unknown {
  if (content === undefined || content.length > METRICS_KEPT) return null
  try {
    return JSON.parse(content.toString('utf8'))
  } catch {
    // Checked when it came out; a model without metrics is registered all the same.
    return null
  }
}
