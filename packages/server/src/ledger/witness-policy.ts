/** Which witnesses the charter in force asks for, as the ledger's process reads it. */
import { charterHash, parseCharter } from '@fairtrace/core'
import { charterPolicy, type WitnessPolicy } from '@fairtrace/verify'
import type { ClientBase, Pool } from 'pg'

export class PolicyReader {
  #hash: string | null = null
  #policy: WitnessPolicy | null = null

  /** @returns null while there is no programme whose charter can be trusted: then nothing is published */
  async read(database: ClientBase | Pool): Promise<WitnessPolicy | null> {
    const { rows } = await database.query<{ charter_hash: string }>(
      'select charter_hash from install.programme limit 1',
    )
    const hash = rows[0]?.charter_hash ?? null
    if (hash !== this.#hash) {
      this.#policy = hash === null ? null : await readPolicy(database, hash)
      this.#hash = hash
    }
    return this.#policy
  }
}

async function readPolicy(database: ClientBase | Pool, hash: string): Promise<WitnessPolicy | null> {
  const { rows } = await database.query<{ charter_yaml: string }>(
    'select charter_yaml from install.programme where charter_hash = $1',
    [hash],
  )
  try {
    const charter = parseCharter(rows[0]?.charter_yaml ?? '', 'charter')
    return charterHash(charter) === hash ? charterPolicy(charter) : null
  } catch {
    // Fails closed: by a charter that can't be read, no checkpoint counts.
    return null
  }
}
