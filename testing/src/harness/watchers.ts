/** Signs of life of a sentinel and a scanner that don't run, signed with the keys that the test charter names for them. */
import { SERVER_BUILD } from '@fairtrace/server/runtime/build'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { signBeat } from '@fairtrace/server/runtime/points'
import type pg from 'pg'
import { TEST_SEEDS } from './charter.ts'

export type TestWatcher = 'sentinel' | 'scanner'

export interface TestWatchers {
  /** From here on this one shows no sign of life. */
  silence(watcher: TestWatcher): void
  revive(watcher: TestWatcher): Promise<void>
  stop(): Promise<void>
}

/** @param sql as superuser: the rows decide nothing, their signatures do */
export async function beatWatchers(sql: pg.Pool, programme: string | null = null): Promise<TestWatchers> {
  const alive = new Set<TestWatcher>(['sentinel', 'scanner'])
  let beating: Promise<unknown> = beatAll()
  await beating
  const timer = setInterval(() => {
    beating = beating.then(beatAll)
  }, 1_000)
  timer.unref()
  return {
    silence: (watcher) => void alive.delete(watcher),
    async revive(watcher) {
      alive.add(watcher)
      await beat(watcher)
    },
    async stop() {
      clearInterval(timer)
      await beating
    },
  }

  async function beatAll(): Promise<void> {
    // A database that a test has stopped shows no sign of anybody.
    for (const watcher of alive) await beat(watcher).catch(() => undefined)
  }

  async function beat(watcher: TestWatcher): Promise<void> {
    const point = `${watcher}-of-the-test`
    const beatMs = Date.now()
    const said = {
      point,
      role: watcher,
      programme,
      build: SERVER_BUILD,
      epoch: 0,
      state: 'running',
      beatMs,
      detail: {},
    }
    const { body, signature } = signBeat(said, signerFromSeed(TEST_SEEDS[watcher]))
    await sql.query(
      `insert into install.points (point, role, build, started_at_ms, body, signature) values ($1, $2, $3, 0, $4, $5)
       on conflict (point) do update set body = excluded.body, signature = excluded.signature`,
      [point, watcher, SERVER_BUILD, body, signature],
    )
  }
}
