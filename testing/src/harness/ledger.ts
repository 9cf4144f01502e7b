/** The ledger's role for tests, with the test key, in this process or as what `startRoleProcess` takes. */
import { startLedger } from '@fairtrace/server/ledger/role'
import type { RoleContext, RunningRole } from '@fairtrace/server/runtime/role'
import { pino } from 'pino'
import { TEST_SEEDS } from './charter.ts'

export function ledgerContext(databaseUrl: string): Omit<RoleContext, 'log' | 'clock' | 'addresses'> {
  return {
    role: 'ledger',
    installation: 'demonstration',
    databaseUrl,
    objectsDir: '',
    keysDir: null,
    keeper: null,
    demoAccountsFile: null,
    signIn: null,
    access: null,
    secrets: { signingSeed: TEST_SEEDS.ledger },
    listen: { host: '127.0.0.1', port: 0 },
  }
}

/** @throws `LEDGER_INVALID` if the stored log isn't the one that was signed */
export function startTestLedger(databaseUrl: string): Promise<RunningRole> {
  const log = pino({ level: 'silent' })
  return startLedger({ ...ledgerContext(databaseUrl), log, clock: { nowMs: () => Date.now() }, addresses: {} })
}
