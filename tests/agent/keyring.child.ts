/** Opens a device with or without the system's keyring, writes or reads one value, and says what came of it. */
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import { openDevice } from '@fairtrace/device'
import { systemKeyring } from '../../apps/agent/src/keyring.ts'

const [dir = '', how, value] = process.argv.slice(2)
const keyring = how === 'with' ? await systemKeyring() : null
try {
  if (how === 'with' && keyring === null) throw new Error('there is no keyring in this session')
  const device = await openDevice(dir, { clock: { nowMs: Date.now }, ...(keyring === null ? {} : { keyring }) })
  if (value !== undefined) await device.outbox.writeSetting('test', value)
  const kept = await device.outbox.readSetting('test')
  await device.close()
  process.stdout.write(`${JSON.stringify({ value: kept })}\n`)
} catch (cause) {
  process.stdout.write(`${JSON.stringify({ code: cause instanceof FairtraceError ? cause.code : String(cause) })}\n`)
}
