/** Public keys of participants, cached: all that writing needs. */
import type { OpenDatabase } from '../store/database.ts'
import type { ParticipantPublicKey } from './content-keys.ts'

const CACHED_MAX = 100_000

export interface PublicKeys {
  /** The newest public key of each pseudonym; who has none is left out. */
  find(pseudonyms: readonly string[]): Promise<ReadonlyMap<string, ParticipantPublicKey>>
  /** After an erasure: what was found before no longer counts. */
  forget(pseudonyms: readonly string[]): void
}

export function openPublicKeys({ pool }: OpenDatabase): PublicKeys {
  const cache = new Map<string, ParticipantPublicKey>()
  /** Counts erasures, so that an answer that was on its way during one isn't kept. */
  let forgotten = 0

  return {
    forget(pseudonyms) {
      forgotten++
      for (const pseudonym of pseudonyms) cache.delete(pseudonym)
    },
    async find(pseudonyms) {
      const found = new Map<string, ParticipantPublicKey>()
      const missing: string[] = []
      for (const pseudonym of pseudonyms) {
        const key = cache.get(pseudonym)
        if (key === undefined) missing.push(pseudonym)
        else found.set(pseudonym, key)
      }
      if (missing.length === 0) return found
      const asked = forgotten
      const { rows } = await pool.query<{ pseudonym: string; generation: number; public_key: Buffer }>({
        name: 'vault-public-keys',
        text: `select distinct on (pseudonym) pseudonym, generation, public_key from vault.participant_keys
          where pseudonym = any($1) order by pseudonym, generation desc`,
        values: [missing],
      })
      for (const { pseudonym, generation, public_key: publicKey } of rows) {
        found.set(pseudonym, { generation, publicKey })
        if (asked === forgotten) cache.set(pseudonym, { generation, publicKey })
      }
      for (const oldest of cache.keys()) {
        if (cache.size <= CACHED_MAX) break
        cache.delete(oldest)
      }
      return found
    },
  }
}
