/** Withdrawals that reach releases: every release in which somebody was who was erased is closed, for good. */
import type { OpenDatabase } from '../store/database.ts'
import { closeRelease } from '../vault/release-keys.ts'
import { memberDigest } from './release-records.ts'

/**
 * Serves every waiting erasure; one that a crash cut short is served again. Before the rows of who was erased are deleted: without
 * them nobody knows any more in which release they were.
 */
export async function serveReleaseErasures(database: OpenDatabase, signingSeed: string): Promise<void> {
  const { pool } = database
  const { rows } = await pool.query<{ pseudonym: string; version: number }>(
    `select pseudonym, version from vault.release_erasures where state = 'asked'`,
  )
  for (const { pseudonym, version } of rows) {
    const found = await pool.query<{ release: string }>('select release from release.members where person = $1', [
      memberDigest(signingSeed, pseudonym),
    ])
    const releases = found.rows.map(({ release }) => release).toSorted()
    for (const release of releases) await closeRelease(database, release)
    await pool.query(
      `update vault.release_erasures set state = 'done', releases = $3 where pseudonym = $1 and version = $2`,
      [pseudonym, version, JSON.stringify(releases)],
    )
  }
}
