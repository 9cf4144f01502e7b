/** The vault's published keys, as intake knows them: enough to refuse what nobody could open. */
import type { VaultKeyId } from '@fairtrace/core'
import type { OpenDatabase } from '../store/database.ts'

/** Shorter than the vault waits between publishing a key as destroyed and erasing it. */
const FRESH_MS = 30_000
/** Ids are the client's: an unknown one costs at most one look at the database in this time, whoever asks. */
const LOOK_AGAIN_MS = 500

export interface VaultKeys {
  /** @throws what the database says, if it must be asked and is away */
  isOpen(id: VaultKeyId): Promise<boolean>
}

export function vaultKeys({ db }: Pick<OpenDatabase, 'db'>): VaultKeys {
  let open: ReadonlySet<string> = new Set()
  let readAt = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | null = null

  return {
    async isOpen(id) {
      const age = performance.now() - readAt
      if (age < FRESH_MS && open.has(id)) return true
      if (age >= LOOK_AGAIN_MS) await read()
      return open.has(id)
    },
  }

  function read(): Promise<void> {
    reading ??= readOnce().finally(() => {
      reading = null
    })
    return reading
  }

  async function readOnce(): Promise<void> {
    const startedAt = performance.now()
    const rows = await db.selectFrom('vault.day_keys').select('key_id').where('destroyed', '=', false).execute()
    open = new Set(rows.map((row) => row.key_id))
    readAt = startedAt
  }
}
