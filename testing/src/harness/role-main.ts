/** Runs one role as a child of a test, which hands over what `fairtrace serve` would read from a data directory. */
import process from 'node:process'
import { startPortal } from '@fairtrace/server/api/role'
import { startBuilder } from '@fairtrace/server/builder/role'
import { startIntake } from '@fairtrace/server/intake/role'
import { startLedger } from '@fairtrace/server/ledger/role'
import type { RoleContext, StartRole } from '@fairtrace/server/runtime/role'
import { startVault } from '@fairtrace/server/vault/role'
import { pino } from 'pino'

type Handed = Omit<RoleContext, 'log' | 'clock' | 'addresses'>

const STARTERS: Readonly<Partial<Record<string, StartRole>>> = {
  builder: startBuilder,
  intake: startIntake,
  ledger: startLedger,
  portal: startPortal,
  vault: startVault,
}

process.once('message', async (handed: Handed) => {
  const log = pino({ level: 'error' }, pino.destination(2))
  const start = STARTERS[handed.role] ?? startIntake
  const running = await start({ ...handed, log, clock: { nowMs: () => Date.now() }, addresses: {} })
  process.on('SIGTERM', async () => {
    await running.stop()
    process.exit(0)
  })
  process.send?.({ address: running.address })
})
// The test is gone: nobody would end this process.
process.on('disconnect', () => process.exit(0))
