/**
 * Rolls the key-encryption key of the keystore: once a day, after the day's erasures.
 *
 * A copy of the keystore, taken before, then opens for nobody, whoever has the passphrase or the rights in the key management.
 * Each step is durable before the next, and each can be repeated: a new generation is made; everything is wrapped anew; the
 * destruction is logged; the old key is destroyed. A process killed in between takes up where it stopped.
 */
import { appendToLedger } from '../ledger/append.ts'
import type { OpenDatabase } from '../store/database.ts'
import type { Keystore } from './keystore.ts'

export const KEY_ROLLED = 'vault.wrapping-key'
const SECRETS_AT_ONCE = 500

export interface KeyRollInput {
  readonly keystore: Keystore
  /** Resolves once the entry is durable in the ledger. */
  log(detail: Readonly<Record<string, string | number>>): Promise<void>
}

/** @throws `LEDGER_UNAVAILABLE` from the log that it gives back */
export function keyRollLog(database: OpenDatabase, keystore: Keystore): KeyRollInput['log'] {
  return async (detail) => {
    const { index, salt } = await appendToLedger(database, KEY_ROLLED, detail, { waitForCheckpoint: false })
    keystore.keepLedgerDetail(index, KEY_ROLLED, salt, detail)
  }
}

/**
 * @param today in days since 1970 (UTC); every day has its generation, one with erasures and one without alike, so that the
 *   ledger doesn't tell which it was
 * @throws `KMS_UNAVAILABLE`, `KMS_UNTRUSTED`, `LEDGER_UNAVAILABLE`; the next call takes up where this one stopped
 */
export async function rollWrappingKey({ keystore, log }: KeyRollInput, today: number): Promise<void> {
  const { wrappingKeys } = keystore
  const current = wrappingKeys.rows().find((row) => row.state === 'current')
  // A clock that was moved back makes none: the day that a generation bears never goes down.
  if (current === undefined || current.madeOnDay < today) await wrappingKeys.make(today)
  const rows = wrappingKeys.rows()
  const newest = rows.find((row) => row.state === 'current')
  if (newest === undefined) return
  for (const old of rows.filter((row) => row.state === 'old' || row.state === 'doomed')) {
    // A portion at a time: each is one transaction, and others get their turn between. What was stored under it while the
    // last portion ran is found once nothing more can be.
    await rewrapAll(keystore, newest.id)
    // Something was stored under it meanwhile: the next call wraps that too.
    if (!keystore.doomUnused(old.id)) continue
    // Logged first: after a crash in between it is logged and destroyed again, and never destroyed without an entry.
    await log({ event: 'destroying', name: old.name, madeOnDay: old.madeOnDay, next: newest.name })
    const { revocableUntilMs } = await wrappingKeys.destroy(old)
    if (revocableUntilMs !== null) keystore.keepFact(`revocable ${old.name}`, String(revocableUntilMs))
  }
}

async function rewrapAll(keystore: Keystore, newest: number): Promise<void> {
  let found: number
  do {
    found = await keystore.rewrapSome(newest, SECRETS_AT_ONCE)
  } while (found === SECRETS_AT_ONCE)
}
