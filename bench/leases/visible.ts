/** How long a withdrawal takes to count everywhere: at the portal that took it, and at another one that only hears of it. */
import { readFileSync } from 'node:fs'
import { startRoleProcess } from '@fairtrace/testing/harness'
import { type LeaseGround, startLeaseGround } from './ground.ts'
import { LightConnection } from './light-client.ts'
import { type EnrolledDevice, SimulatedDevice } from './simulated-device.ts'

/** @returns milliseconds from sending each withdrawal to the first moment at which nothing is given any more */
export async function measureVisible(count: number): Promise<readonly number[]> {
  const leases = await startLeaseGround(2 * count)
  const other = await startRoleProcess(leases.ground.contextOf('portal'))
  try {
    const enrolled: readonly EnrolledDevice[] = JSON.parse(readFileSync(leases.devicesFile, 'utf8'))
    const here = await LightConnection.open(leases.portal.address)
    const there = await LightConnection.open(other.address)
    const figures: number[] = []
    for (const [i, one] of enrolled.slice(0, count).entries()) {
      figures.push(await withdraw(leases, one, leases.sessions[i] ?? '', here, there))
    }
    here.close()
    there.close()
    return figures
  } finally {
    await other.stop()
    await leases.stop()
  }
}

async function withdraw(
  leases: LeaseGround,
  enrolled: EnrolledDevice,
  session: string,
  here: LightConnection,
  there: LightConnection,
): Promise<number> {
  // The same device at both portals, each with a warm cache: what has to be forgotten is there.
  const places = [
    { connection: here, device: new SimulatedDevice(enrolled) },
    { connection: there, device: new SimulatedDevice(enrolled) },
  ]
  for (const { connection, device } of places) {
    await device.authenticate(connection)
    if (!(await device.renew(connection))) throw new RangeError('no lease before the withdrawal')
  }
  const startedAt = performance.now()
  const withdrawing = fetch(`${leases.portal.address}/api/consent/withdraw`, {
    method: 'POST',
    headers: { authorization: `Bearer ${session}`, 'content-type': 'application/json' },
    body: '{}',
  })
  for (const { connection, device } of places) {
    while ((await device.renew(connection)) || (await device.isPermitted(connection))) {
      if (performance.now() - startedAt > 60_000) throw new RangeError('the withdrawal never counted')
    }
  }
  const took = performance.now() - startedAt
  if ((await withdrawing).status !== 200) throw new RangeError('the withdrawal was refused')
  return took
}
