/** Recordings in a real vault: the ground of the tests of releases. */
import { aBatch, type TestDevice, type TestGround, waitFor } from '@fairtrace/testing/harness'

/**
 * Sends batches of each device through inbox and vault, and waits until all are stored. The vault must run.
 * @param inAll how many the vault holds then
 */
export async function fillVault(
  ground: TestGround,
  people: readonly TestDevice[],
  batchesEach: number,
  inAll = people.length * batchesEach,
): Promise<void> {
  const vaultKey = await ground.vaultKey()
  await ground.addParticipants(people.map(({ pseudonym }) => pseudonym))
  for (const device of people) {
    for (let sequence = 0; sequence < batchesEach; sequence++) {
      const batch = aBatch({ charter: ground.charter, vaultKey, device, sequence, atMs: Date.now() })
      await ground.sql.query('insert into inbox.batches (id, vault_key_id, sealed) values ($1, $2, $3)', [
        batch.id,
        vaultKey.keyId,
        batch.bytes,
      ])
    }
  }
  await ground.sql.query('notify fairtrace_inbox')
  const stored = async () => (await ground.sql.query('select 1 from vault.chunks')).rowCount
  await waitFor(async () => ((await stored()) === inAll ? true : null))
}
