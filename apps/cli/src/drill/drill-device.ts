/** Runs the device of a drill for the demonstration's own participant, and takes its enrolment away again. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { FairtraceError } from '@fairtrace/core'
import { hashSecret } from '@fairtrace/server/consent/secrets'
import { readPeople } from '../demo/people.ts'
import type { DeviceAnswer, DeviceOrder } from './device-child.ts'
import type { Ground } from './ground.ts'

const CHILD = fileURLToPath(new URL('./device-child.ts', import.meta.url))

/** @throws `SESSION_REQUIRED` where no participant lends a session */
export async function useDevice(
  ground: Ground,
  order: Pick<DeviceOrder, 'act'> & Partial<DeviceOrder>,
): Promise<DeviceAnswer & { readonly folder: string }> {
  const session = readPeople(ground.dir).accounts.find((account) => account.session !== undefined)?.session
  if (session === undefined) throw new FairtraceError('SESSION_REQUIRED', 'no participant lends this drill a session')
  const folder = ground.folder()
  const before = await ground.sql.query('select device from consent.devices')
  const enrolment = {
    statement: `delete from consent.devices where device not in (select jsonb_array_elements_text($2::jsonb))
      and pseudonym = (select pseudonym from consent.people where session_hash = $1)`,
    values: [hashSecret(session), JSON.stringify(before.rows.map(({ device }) => String(device)))],
  }
  ground.plants.add(ground.run, { kind: 'sql', ...enrolment })
  const child = fork(CHILD, { cwd: folder, execArgv: ['--disable-warning=ExperimentalWarning', ...ground.execArgv] })
  child.send({
    portalUrl: ground.runtime.portalUrl,
    session,
    folder,
    app: ground.programme.charter.capture.apps[0]?.id ?? '',
    build: null,
    text: '',
    ...order,
  })
  const answer = await Promise.race([
    once(child, 'message').then(([message]) => message as DeviceAnswer),
    once(child, 'exit').then(() => null),
  ])
  // At once, not with the rest: a person may only have so many, and a drill may use one after the other.
  await ground.sql.query(enrolment.statement, enrolment.values)
  if (answer === null) throw new FairtraceError('INTERNAL', 'the device of the drill ended without an answer')
  return { ...answer, folder }
}
