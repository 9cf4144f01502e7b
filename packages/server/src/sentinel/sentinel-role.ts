/**
 * The sentinel: who can read what, on every surface, over and over; anybody whom nobody declared locks the programme.
 *
 * It reads catalogs, modes, policies and answers to requests without any right, and no recording, no row of consent, no key that opens
 * anything. What it is given for buckets asks who has rights there and reads no object. It can lock; nothing here can unlock.
 */
import { FairtraceError, SURFACES, type Surface } from '@fairtrace/core'
import { dueProbes, reportFindings } from '../runtime/findings.ts'
import { signerFromSeed } from '../runtime/jws.ts'
import { listen } from '../runtime/notifications.ts'
import { startPoint } from '../runtime/points.ts'
import { watchProgramme } from '../runtime/programme.ts'
import type { StartRole } from '../runtime/role.ts'
import { openDatabase } from '../store/database.ts'
import { AudienceTable } from './audience/audience-table.ts'
import { type SurfaceProbe, Watch } from './audience/watch.ts'
import { readExpectedDatabase } from './expected-database.ts'
import { BucketSurface } from './surfaces/buckets.ts'
import { judgeDatabase, readDatabase } from './surfaces/database.ts'
import { readFiles } from './surfaces/files.ts'
import { readKeyHolders } from './surfaces/keys.ts'
import { PolicySurface } from './surfaces/policies.ts'
import { readRoutes } from './surfaces/routes.ts'

/** Rests between two looks. A governed change is looked at when it is announced; these are for what nobody announces. */
const EVERY_MS = {
  policies: 15_000,
  database: 5_000,
  files: 10_000,
  buckets: 20_000,
  keys: 30_000,
  routes: 30_000,
} as const
/** A portal that does not answer by then is one that can't be looked at. */
const PORTAL_MS_MAX = 60_000
const FINDER = 'audience'
const BEAT_MS = 1_000
const HELD_MS = 10_000
const CHANNELS = ['fairtrace_programme', 'fairtrace_audience', 'fairtrace_grants'] as const

export const startSentinel: StartRole = async ({ databaseUrl, secrets, log, clock, addresses, watch: settings }) => {
  if (secrets.signingSeed === undefined) throw new FairtraceError('KEY_UNAVAILABLE', 'the sentinel has no signing key')
  const signer = signerFromSeed(secrets.signingSeed)
  const database = openDatabase(databaseUrl)
  const programmes = await watchProgramme(database)
  const table = new AudienceTable(database)
  await table
    .restore()
    .catch(() => log.warn('what was seen before is not known; everything counts as seen from now on'))
  const startedAt = performance.now()
  let hasAnswered = false
  /** Scopes in which something is, or was, wrong; all of them until it is known. */
  let held = new Set<string>(SURFACES.flatMap((surface) => [surface, `${surface}/readable`]))
  let heldReadAt = Number.NEGATIVE_INFINITY
  const policies = new PolicySurface(database, () => clock.nowMs())
  const buckets = new BucketSurface(settings?.buckets ?? {})

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
      : [
          { surface: 'files', everyMs: EVERY_MS.files, look: () => readFiles({ root: settings.dataDir }) } as const,
          { surface: 'keys', everyMs: EVERY_MS.keys, look: async () => readKeyHolders(settings) } as const,
        ]),
    {
      surface: 'buckets',
      everyMs: EVERY_MS.buckets,
      look: async () => {
        const programme = programmes.current()
        return programme === null ? null : await buckets.look(programme.charter.exposure.places)
      },
    },
    {
      surface: 'routes',
      everyMs: EVERY_MS.routes,
      look: async () => {
        const { portal, intake } = addresses
        if (portal === undefined) return null
        // At the start the portal comes last. Once it has answered, it has to.
        if (!hasAnswered) hasAnswered = performance.now() - startedAt > PORTAL_MS_MAX || (await answers(portal))
        return hasAnswered ? await readRoutes({ portal, intake }) : null
      },
    },
  ]
  const watch = new Watch({
    probes,
    table,
    report: async (scope, findings) => {
      // Where nothing is wrong and nothing was, there is nothing to say.
      if (findings.length === 0 && !held.has(scope)) return
      held.add(scope)
      await reportFindings(database, { finder: FINDER, scope, findings, complete: true })
    },
    log,
    // The system's own clock: a demonstration's can be moved, and since when somebody reads must not.
    nowMs: () => Date.now(),
  })
  const point = await startPoint({ database, role: 'sentinel', signer, programme: programmes, log })
  // Whatever was wrong is looked at again until it stays mended: every second first, then less and less often.
  const holding = setInterval(() => {
    point.beat(Object.fromEntries(watch.seen))
    const isDue = held.size > 0 || performance.now() - heldReadAt > HELD_MS
    if (isDue) void hold().catch(() => log.warn('what has to be looked at again is not known'))
  }, BEAT_MS)
  const listeners = CHANNELS.map((channel) =>
    listen(database, channel, () => {
      watch.lookNow('policies')
      // Another charter may name other places.
      if (channel === 'fairtrace_programme') watch.lookNow('buckets')
    }),
  )
  return {
    address: null,
    stop: async () => {
      clearInterval(holding)
      await Promise.all(listeners.map((listener) => listener.stop()))
      await watch.stop()
      await point.stop()
      await programmes.stop()
      await database.close()
    },
  }

  async function hold(): Promise<void> {
    heldReadAt = performance.now()
    const due = await dueProbes(database, FINDER)
    held = new Set(due.map(({ scope }) => scope))
    for (const { scope, dueInMs } of due) if (dueInMs <= 0) watch.lookNow(surfaceOf(scope))
  }
}

function surfaceOf(scope: string): Surface | undefined {
  return SURFACES.find((surface) => surface === scope.split('/')[0])
}

async function answers(portal: string): Promise<boolean> {
  try {
    return (await fetch(new URL('/healthz', portal), { signal: AbortSignal.timeout(2_000) })).status < 600
  } catch {
    // Not up yet, or not any more; either is said once it had its time.
    return false
  }
}
