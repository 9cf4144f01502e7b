/**
 * What a withdrawal still has to reach, step by step, for the person alone: recordings, releases, what was computed from them, and the
 * ledger's entries that prove it. Complete only when every step is.
 */
import type { ERASURE_STEPS } from '@fairtrace/core'
import { isFairtraceError } from '@fairtrace/core'
import { DECISION_ENTRY } from '../consent/decision-batches.ts'
import { ledgerProof } from '../ledger/proof.ts'
import type { OpenDatabase } from '../store/database.ts'
import { RELEASE_CLOSED_ENTRY } from '../vault/erasure-report.ts'
import { MODEL_RETIRED_ENTRY, MODEL_RETRAINED_ENTRY } from './models.ts'

export interface ErasureStep {
  readonly what: (typeof ERASURE_STEPS)[number]
  /** Id of a release, an output or a model; null for what there is one of. */
  readonly id: string | null
  readonly state: 'pending' | 'done'
  /** In words. */
  readonly how: string
  readonly ledgerIndex: number | null
  /** A \`.tlog-proof\` with what the entry commits to; anybody can check it. */
  readonly proof: string | null
}

export interface ErasureSteps {
  readonly isComplete: boolean
  readonly steps: readonly ErasureStep[]
  /** Models that were trained on a release with this person, and what happens to each. */
  readonly retraining: readonly {
    readonly model: string
    readonly release: string
    /** Shards of the release that it read, as its program says; null if it doesn't. */
    readonly shards: readonly string[] | null
    /** How often it was handed out before. */
    readonly copies: number
    readonly plan: string
  }[]
}

interface Entry {
  readonly index: number | null
  readonly salt: string | null
  readonly detail: unknown
}

interface ModelRow {
  readonly id: string
  readonly release: string
  readonly state: 'current' | 'to-retrain' | 'retrained' | 'retired'
  readonly audience: string
  readonly shards: readonly string[] | null
  readonly copies: number
  readonly index: number | null
  readonly salt: string | null
  readonly detail: unknown
}

/** @returns null for somebody who never withdrew */
export async function erasureSteps(database: OpenDatabase, pseudonym: string): Promise<ErasureSteps | null> {
  const { pool } = database
  const reached = await pool.query<{ state: string; releases: string[] }>(
    'select state, releases from vault.release_erasures where pseudonym = $1',
    [pseudonym],
  )
  const isWaiting = (await count(database, 'vault.erasure_requests', pseudonym)) > 0
  if (!isWaiting && reached.rows.length === 0) return null
  const isKeeperWaiting = isWaiting || (await count(database, 'vault.keeper_erasures', pseudonym)) > 0
  const areFound = !isWaiting && reached.rows.every(({ state }) => state === 'done')
  const releases = [...new Set(reached.rows.flatMap((row) => row.releases))]
  const entryStep = async (id: string | null, how: string, type: string, entry: Entry): Promise<ErasureStep> => {
    const proof = await proofOf(database, type, entry)
    const state = proof === null ? 'pending' : 'done'
    return { what: 'entry', id, state, how, ledgerIndex: proof === null ? null : entry.index, proof }
  }
  const steps: ErasureStep[] = [
    step('recordings', !isWaiting, 'The vault destroys its half of your keys: what is stored of you is noise then.'),
    step('keeper', !isKeeperWaiting, 'The keeper destroys its half.'),
  ]
  for (const entry of await decisionsOf(database, pseudonym))
    steps.push(await entryStep(null, 'The ledger says so, at one of its fixed times.', DECISION_ENTRY, entry))
  steps.push(step('releases', areFound, 'The builder looks up in which releases you may be.'))
  const closings = await pool.query<Entry & { readonly release: string; readonly state: string }>(
    'select release, state, ledger_index as index, salt, detail from vault.release_closings where release = any($1)',
    [releases],
  )
  for (const { release, state, ...entry } of closings.rows) {
    const how = 'Its key is destroyed, here and at the keeper; nothing opens it.'
    steps.push(step('release', state === 'closed', how, release))
    steps.push(
      await entryStep(release, "The ledger says so in the day's report, after midnight.", RELEASE_CLOSED_ENTRY, entry),
    )
  }
  for (const run of await openOutputs(database, releases))
    steps.push(step('output', false, 'A program ran on it; what it wrote is destroyed or becomes a model.', run))
  const models = await modelsOf(database, releases)
  for (const model of models.filter(({ audience }) => audience === 'release')) {
    const isOver = model.state === 'retrained' || model.state === 'retired'
    steps.push(
      step(
        'model',
        isOver,
        'It is trained anew on a release without you, or retired; its weights are destroyed.',
        model.id,
      ),
    )
    if (!isOver) continue
    const type = model.state === 'retired' ? MODEL_RETIRED_ENTRY : MODEL_RETRAINED_ENTRY
    steps.push(await entryStep(model.id, 'The ledger says so.', type, model))
  }
  const retraining = models.map(({ id, release, shards, copies, ...model }) => ({
    ...{ model: id, release, shards, copies },
    plan: planOf(model),
  }))
  return { isComplete: steps.every(({ state }) => state === 'done'), steps, retraining }
}

function step(what: ErasureStep['what'], isDone: boolean, how: string, id: string | null = null): ErasureStep {
  return { what, id, state: isDone ? 'done' : 'pending', how, ledgerIndex: null, proof: null }
}

function planOf({ audience, state }: Pick<ModelRow, 'audience' | 'state'>): string {
  if (audience !== 'release') return 'Stays: a budget bounds what it says of any one person.'
  if (state === 'retired') return 'Retired: its weights are destroyed.'
  if (state === 'retrained') return 'Trained anew; the old weights are destroyed.'
  return 'Its release is closed, and with it every shard that it read: trained anew on another release, which is drawn without you.'
}

async function count({ pool }: OpenDatabase, table: string, pseudonym: string): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(`select count(*) as n from ${table} where pseudonym = $1`, [
    pseudonym,
  ])
  return Number(rows[0]?.n ?? 0)
}

/** The ledger's word on every erasure of theirs; one that isn't there yet has no index. */
async function decisionsOf({ pool }: OpenDatabase, pseudonym: string): Promise<readonly Entry[]> {
  const { rows } = await pool.query<Entry>(
    `select i.idx as index, l.salt, l.detail from consent.events e
     left join consent.logged_decisions l
       on l.pseudonym = e.pseudonym and l.version = e.version and l.kind = 'erasure'
     left join ledger.entries i on i.inbox_id = l.inbox_id
     where e.pseudonym = $1 and e.event ->> 'kind' = 'withdrawn' order by e.version`,
    [pseudonym],
  )
  return rows
}

/** Runs on these releases of which a model may still come. */
async function openOutputs({ pool }: OpenDatabase, releases: readonly string[]): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select id from room.runs r where release = any($1) and (state in ('requested', 'running', 'in-review')
       or (state = 'approved' and output -> 'files' @> '[{"path":"model.json"}]'
         and not exists (select from room.models m where m.run = r.id))) order by id`,
    [releases],
  )
  return rows.map(({ id }) => id)
}

async function modelsOf({ pool }: OpenDatabase, releases: readonly string[]): Promise<readonly ModelRow[]> {
  const { rows } = await pool.query<ModelRow>(
    `select id, release, state, card ->> 'audience' as audience, card -> 'shards' as shards,
       (select count(*)::int from room.readings g where g.run = m.run and g.state = 'answered' and purpose = 'output') as copies,
       ledger_index as index, salt, detail
     from room.models m where release = any($1) order by id`,
    [releases],
  )
  return rows
}

/** @returns null while no checkpoint covers it */
async function proofOf(database: OpenDatabase, type: string, { index, salt, detail }: Entry): Promise<string | null> {
  if (index === null || salt === null) return null
  try {
    return await ledgerProof(database, index, salt, { type, detail })
  } catch (error) {
    if (isFairtraceError(error) && error.code === 'LEDGER_UNAVAILABLE') return null
    throw error
  }
}
