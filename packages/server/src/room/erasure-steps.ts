/**
 * What a withdrawal still has to reach, step by step, for the person alone: recordings, releases, models. Complete only when every
 * step is; each that is done names its entry in the ledger where there is one.
 */
import type { OpenDatabase } from '../store/database.ts'

export interface ErasureStep {
  readonly what: 'recordings' | 'keeper' | 'releases' | 'release' | 'model'
  /** Id of a release or model; null for what there is one of. */
  readonly id: string | null
  readonly state: 'pending' | 'done'
  /** In words. */
  readonly how: string
  readonly ledgerIndex: number | null
  /** Salt and detail of that entry: with the log they prove it. */
  readonly salt: string | null
  readonly detail: unknown
}

export interface ErasureSteps {
  readonly isComplete: boolean
  readonly steps: readonly ErasureStep[]
  /** Models that were trained on a release with this person, and what happens to each. */
  readonly retraining: readonly { readonly model: string; readonly release: string; readonly plan: string }[]
}

/** @returns null for somebody who never withdrew */
export async function erasureSteps({ pool }: OpenDatabase, pseudonym: string): Promise<ErasureSteps | null> {
  const asked = await pool.query<{ n: number }>(
    'select count(*) as n from vault.erasure_requests where pseudonym = $1',
    [pseudonym],
  )
  const keeper = await pool.query<{ n: number }>(
    'select count(*) as n from vault.keeper_erasures where pseudonym = $1',
    [pseudonym],
  )
  const reached = await pool.query<{ state: string; releases: string[] }>(
    'select state, releases from vault.release_erasures where pseudonym = $1',
    [pseudonym],
  )
  const isWaiting = Number(asked.rows[0]?.n ?? 0) > 0
  if (!isWaiting && reached.rows.length === 0) return null
  const step = (what: ErasureStep['what'], isDone: boolean, how: string): ErasureStep => ({
    ...{ what, how, id: null, state: isDone ? 'done' : 'pending' },
    ...{ ledgerIndex: null, salt: null, detail: null },
  })
  const releases = [...new Set(reached.rows.flatMap((row) => row.releases))]
  const areFound = !isWaiting && reached.rows.every(({ state }) => state === 'done')
  const closings = await pool.query<{
    release: string
    state: string
    ledger_index: number | null
    salt: string | null
  }>('select release, state, ledger_index, salt from vault.release_closings where release = any($1)', [releases])
  const models = await pool.query<{ id: string; release: string; state: string; audience: string }>(
    `select id, release, state, card ->> 'audience' as audience from room.models where release = any($1)`,
    [releases],
  )
  const steps: ErasureStep[] = [
    step('recordings', !isWaiting, 'The vault destroys its half of your keys: what is stored of you is noise then.'),
    step('keeper', !isWaiting && Number(keeper.rows[0]?.n ?? 0) === 0, 'The keeper destroys its half.'),
    step('releases', areFound, 'The builder looks up in which releases you may be.'),
    ...closings.rows.map(
      ({ release, state, ledger_index: ledgerIndex, salt }): ErasureStep => ({
        ...step('release', state === 'closed', 'Its key is destroyed, here and at the keeper; nothing opens it.'),
        ...{ id: release, ledgerIndex, salt, detail: ledgerIndex === null ? null : { release } },
      }),
    ),
    ...models.rows
      .filter(({ audience }) => audience === 'release')
      .map(
        ({ id, state }): ErasureStep => ({
          ...step('model', state === 'retrained', 'It is trained anew on a release without you, or destroyed.'),
          id,
        }),
      ),
  ]
  const retraining = models.rows.map(({ id, release, audience }) => ({
    model: id,
    release,
    plan:
      audience === 'release'
        ? 'Trained anew, as a whole, on the next scheduled release, which is drawn without you.'
        : 'Stays: a budget bounds what it says of any one person.',
  }))
  return { isComplete: steps.every(({ state }) => state === 'done'), steps, retraining }
}
