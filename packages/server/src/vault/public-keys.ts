/**
 * Public keys of participants, cached: all that writing needs.
 *
 * Each pair of them is signed by the keeper. A row that somebody else wrote is as if absent, so that nobody has content sealed to a
 * key of their own.
 */
import { verify } from 'node:crypto'
import { participantKeysMessage } from '@fairtrace/core'
import { ed25519PublicKey } from '../runtime/jws.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { ParticipantPublicKey } from './content-keys.ts'

const CACHED_MAX = 100_000

export interface PublicKeys {
  /** The newest public keys of each pseudonym; who has none is left out. */
  find(pseudonyms: readonly string[]): Promise<ReadonlyMap<string, ParticipantPublicKey>>
  /** After an erasure: what was found before no longer counts. */
  forget(pseudonyms: readonly string[]): void
}

/** Who vouches for the keys: the programme, and the keeper that its charter names. */
export interface KeysVouched {
  readonly programme: string
  /** Raw Ed25519 public key, base64url. */
  readonly keeper: string
}

export interface KeysRow {
  readonly pseudonym: string
  readonly generation: number
  readonly public_key: Buffer
  readonly keeper_public_key: Buffer
  readonly keeper_signature: string
}

export const KEYS_COLUMNS = 'pseudonym, generation, public_key, keeper_public_key, keeper_signature'

/** Whether the keeper signed exactly these keys for this person and generation. */
export function isVouched(row: KeysRow, { programme, keeper }: KeysVouched): boolean {
  const message = participantKeysMessage(programme, {
    pseudonym: row.pseudonym,
    generation: row.generation,
    vaultKey: row.public_key.toString('base64url'),
    keeperKey: row.keeper_public_key.toString('base64url'),
  })
  try {
    return verify(null, message, ed25519PublicKey(keeper), Buffer.from(row.keeper_signature, 'base64url'))
  } catch {
    // Fails closed: a signature that can't be checked vouches for nothing.
    return false
  }
}

/** @param vouched null as long as there is no programme: then nobody has keys */
export function openPublicKeys({ pool }: OpenDatabase, vouched: () => KeysVouched | null): PublicKeys {
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
      const by = vouched()
      if (missing.length === 0 || by === null) return found
      const asked = forgotten
      const { rows } = await pool.query<KeysRow>({
        name: 'vault-public-keys',
        text: `select distinct on (pseudonym) ${KEYS_COLUMNS} from vault.participant_keys
          where pseudonym = any($1) order by pseudonym, generation desc`,
        values: [missing],
      })
      for (const row of rows) {
        if (!isVouched(row, by)) continue
        const { pseudonym, generation, public_key: publicKey, keeper_public_key: keeperPublicKey } = row
        found.set(pseudonym, { generation, publicKey, keeperPublicKey })
        if (asked === forgotten) cache.set(pseudonym, { generation, publicKey, keeperPublicKey })
      }
      for (const oldest of cache.keys()) {
        if (cache.size <= CACHED_MAX) break
        cache.delete(oldest)
      }
      return found
    },
  }
}
