/** Runs one role as a child of a test, which hands over what `fairtrace serve` would read from a data directory. */
import process from 'node:process'
import type { RoleContext, StartRole } from '@fairtrace/server/runtime/role'
import { pino } from 'pino'

type Handed = Omit<RoleContext, 'log' | 'clock' | 'addresses'>

/** Each role is loaded only in its own process, as `fairtrace serve` does. */
const STARTERS: Readonly<Record<string, () => Promise<StartRole>>> = {
  builder: async () => (await import('@fairtrace/server/builder/role')).startBuilder,
  intake: async () => (await import('@fairtrace/server/intake/role')).startIntake,
  ledger: async () => (await import('@fairtrace/server/ledger/role')).startLedger,
  portal: async () => (await import('@fairtrace/server/api/role')).startPortal,
  vault: async () => (await import('@fairtrace/server/vault/role')).startVault,
}

process.once('message', async (handed: Handed) => {
  const log = pino({ level: 'error' }, pino.destination(2))
  const start = await STARTERS[handed.role]?.()
  if (start === undefined) throw new RangeError(`no role ${handed.role}`)
  const running = await start({ ...handed, log, clock: { nowMs: () => Date.now() }, addresses: {} })
  process.on('SIGTERM', async () => {
    await running.stop()
    process.exit(0)
  })
  process.send?.({ address: running.address })
})
// The test is gone: nobody would end this process.
process.on('disconnect', () => process.exit(0))
