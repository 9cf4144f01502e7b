/**
 * The sentinel: who can read what, on every surface, over and over; anybody whom nobody declared locks the programme.
 *
 * It reads catalogs, modes, policies and answers to requests without any right, and no recording, no row of consent, no key that opens
 * anything. It can lock; nothing here can unlock.
 */
import { FairtraceError } from '@fairtrace/core'
import { raiseExposure } from '../runtime/exposures.ts'
import { signerFromSeed } from '../runtime/jws.ts'
import { listen } from '../runtime/notifications.ts'
import { startPoint } from '../runtime/points.ts'
import { watchProgramme } from '../runtime/programme.ts'
import type { StartRole } from '../runtime/role.ts'
import { openDatabase } from '../store/database.ts'
import { AudienceTable } from './audience/audience-table.ts'
import { type SurfaceProbe, Watch } from './audience/watch.ts'
import { readExpectedDatabase } from './expected-database.ts'
import { judgeDatabase, readDatabase } from './surfaces/database.ts'
import { readFiles } from './surfaces/files.ts'
import { PolicySurface } from './surfaces/policies.ts'

/** Rests between two looks. A governed change is looked at when it is announced; these are for what nobody announces. */
const EVERY_MS = { policies: 15_000, database: 5_000, files: 10_000 } as const
const CHANNELS = ['fairtrace_programme', 'fairtrace_audience', 'fairtrace_grants'] as const

export const startSentinel: StartRole = async ({ databaseUrl, secrets, log, clock, watch: settings }) => {
  if (secrets.signingSeed === undefined) throw new FairtraceError('KEY_UNAVAILABLE', 'the sentinel has no signing key')
  const signer = signerFromSeed(secrets.signingSeed)
  const database = openDatabase(databaseUrl)
  const programmes = await watchProgramme(database)
  const point = await startPoint({ database, role: 'sentinel', signer, programme: programmes, log })
  const table = new AudienceTable(database)
  await table
    .restore()
    .catch(() => log.warn('what was seen before is not known; everything counts as seen from now on'))
  const policies = new PolicySurface(database, () => clock.nowMs())

  const probes: readonly SurfaceProbe[] = [
    {
      surface: 'policies',
      everyMs: EVERY_MS.policies,
      look: async () => {
        await programmes.refresh()
        const programme = programmes.current()
        return programme === null ? null : await policies.look(programme)
      },
    },
    {
      surface: 'database',
      everyMs: EVERY_MS.database,
      look: async () => {
        const client = await database.pool.connect()
        try {
          return judgeDatabase(await readExpectedDatabase(client, signer.publicKey), await readDatabase(client))
        } finally {
          client.release()
        }
      },
    },
    ...(settings === undefined
      ? []
      : [{ surface: 'files', everyMs: EVERY_MS.files, look: () => readFiles({ root: settings.dataDir }) } as const]),
  ]
  const watch = new Watch({
    probes,
    table,
    report: async (_scope, findings) => {
      for (const { kind, detail, subject } of findings) await raiseExposure(database, kind, detail, subject)
    },
    log,
    // The system's own clock: a demonstration's can be moved, and since when somebody reads must not.
    nowMs: () => Date.now(),
  })
  const listeners = CHANNELS.map((channel) => listen(database, channel, () => watch.lookNow('policies')))
  return {
    address: null,
    stop: async () => {
      await Promise.all(listeners.map((listener) => listener.stop()))
      await watch.stop()
      await point.stop()
      await programmes.stop()
      await database.close()
    },
  }
}
