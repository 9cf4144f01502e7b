/** The vault: the one process that opens batches, and the one that holds keys. It has no door: it only reads the database. */
import { createSecretKey } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { FairtraceError } from '@fairtrace/core'
import { MisfitWatch } from '../lockdown/fit.ts'
import { ed25519PublicKey, signerFromSeed } from '../runtime/jws.ts'
import { listen } from '../runtime/notifications.ts'
import { startPoint } from '../runtime/points.ts'
import { type Programme, watchProgramme } from '../runtime/programme.ts'
import { type Repeated, repeat } from '../runtime/repeat.ts'
import type { StartRole } from '../runtime/role.ts'
import { watchWatchers } from '../runtime/watchers.ts'
import { openDatabase } from '../store/database.ts'
import { FileObjects } from '../store/objects.ts'
import { serveActivations } from './activations.ts'
import type { CheckTerms } from './check-messages.ts'
import { CheckPool } from './check-pool.ts'
import type { ParticipantPublicKey } from './content-keys.ts'
import { commitIndex } from './daily-index.ts'
import { DAY_MS, DayKeys } from './day-keys.ts'
import { Drain } from './drain.ts'
import { serveErasures } from './erasure.ts'
import { reportErasures } from './erasure-report.ts'
import { GrantEnds } from './grant-ends.ts'
import { SegmentIndex } from './index-anchor.ts'
import { openKeeperClient } from './keeper-client.ts'
import { KeeperSync } from './keeper-sync.ts'
import { keyRollLog, rollWrappingKey } from './key-roll.ts'
import { Keystore } from './keystore.ts'
import { readKmsSettings } from './kms-file.ts'
import { openKms } from './kms-settings.ts'
import { startMaintenance } from './maintenance.ts'
import { serveOpenings } from './openings.ts'
import { removeOrphanSegments } from './orphans.ts'
import { serveOwnOpenings, servePasskeyEnrolments } from './own-openings.ts'
import { serveKeyRequests, waitingForKeys } from './participant-keys.ts'
import type { Period } from './periods.ts'
import { openPublicKeys } from './public-keys.ts'
import { serveReleaseClosings, serveReleasePairs } from './release-pairs.ts'
import { applyRetention } from './retention.ts'

const CONNECTIONS_MAX = 20
const REQUESTS_POLL_MS = 1_000
/** How often the time of day is looked at: a demonstration's clock can jump over days. */
const CLOCK_POLL_MS = 200
const DAY_KEYS_MS = 10_000
const KEEPER_POLL_MS = 2_000
const FIT_MS = 10_000

/** @throws `KEY_UNAVAILABLE` if keys or passphrase are missing or wrong */
export const startVault: StartRole = async ({
  databaseUrl,
  objectsDir,
  keysDir,
  secrets,
  keeper: place,
  clock,
  log,
}) => {
  if (keysDir === null || secrets.signingSeed === undefined) {
    throw new FairtraceError('KEY_UNAVAILABLE', 'the vault needs a keys folder and a signing seed')
  }
  mkdirSync(keysDir, { recursive: true, mode: 0o700 })
  const kms = await openKms(readKmsSettings(keysDir), keysDir, secrets.kmsPassphrase)
  const keystore = new Keystore(keysDir, kms)
  const database = openDatabase(databaseUrl, CONNECTIONS_MAX)
  const programme = await watchProgramme(database)
  const objects = new FileObjects(objectsDir)
  const signer = signerFromSeed(secrets.signingSeed)
  const dayKeys = new DayKeys({ database, keystore, signer, clock })
  const keeper = place === null ? null : openKeeperClient(place, signer, clock)
  if (keeper === null) {
    const { code, message, advice } = new FairtraceError(
      'KEEPER_MISSING',
      'there is no keeper: the vault holds nothing',
    )
    log.error({ code, advice }, message)
  }
  const vouched = () => {
    const current = programme.current()
    // Fails closed: under a charter that names another keeper nobody has keys here.
    if (current === null || current.charter.keys.keeper !== place?.key) return null
    return { programme: current.id, keeper: place.key }
  }
  const pool = new CheckPool()
  const publicKeys = openPublicKeys(database, vouched)
  const index = await SegmentIndex.open(database, keystore)
  const watchers = await watchWatchers(database, programme, log, 'vault')

  const drain = new Drain({
    database,
    objects,
    pool,
    index,
    log,
    // Without a programme that is known to be open the inbox stays as it is.
    isHalted: () => (programme.current()?.state ?? 'locked') === 'locked',
    async publicKeys(pseudonyms) {
      const found = await publicKeys.find(pseudonyms)
      if (found.size === pseudonyms.length) return found
      // The portal asked, but the request was not served yet.
      await keyRequests.now()
      const again = new Map<string, ParticipantPublicKey | 'waiting'>(await publicKeys.find(pseudonyms))
      const missing = pseudonyms.filter((pseudonym) => !again.has(pseudonym))
      for (const pseudonym of await waitingForKeys(database, missing)) again.set(pseudonym, 'waiting')
      return again
    },
    async onLocked(lockOwner) {
      await index.resume()
      // Before anything is added: what was changed while no vault ran shows against what the keystore knows.
      const findings = await index.check(true, lockOwner)
      if (findings.length > 0)
        log.error({ code: 'SEGMENT_CORRUPT', findings: findings.length }, 'the index was changed')
      const removed = await removeOrphanSegments(database, objects)
      if (removed > 0) log.info({ removed }, 'removed segments that a crash left behind')
    },
  })

  let draining = false
  let termsOf = ''
  let tickedDay = Number.NaN
  let tickedAt = Number.NEGATIVE_INFINITY
  /** Day keys and terms follow clock, programme and epoch; draining begins once there is something to check against. */
  const keep = repeat('keys of the day', CLOCK_POLL_MS, log, async () => {
    const current = programme.current()
    // Without a keeper no key of the day is published, so that devices have nothing to seal to.
    if (current === null || keeper === null) return
    const day = Math.floor(clock.nowMs() / DAY_MS)
    if (day !== tickedDay || performance.now() - tickedAt >= DAY_KEYS_MS) {
      await dayKeys.tick(current)
      tickedDay = day
      tickedAt = performance.now()
    }
    const key = [current.epoch, current.charterHash, day, ...dayKeys.open.map(({ keyId }) => keyId)].join(' ')
    if (key !== termsOf) {
      pool.setTerms(termsFrom(current, dayKeys, await periodsOf(current, keystore, day), index))
    }
    termsOf = key
    if (!draining) drain.start()
    draining = true
  })
  const keyRequests = repeat('key requests', REQUESTS_POLL_MS, log, async () => {
    await serveErasures({
      database,
      keystore,
      forget(pseudonyms) {
        publicKeys.forget(pseudonyms)
        pool.forget(pseudonyms)
      },
      onErased: () => keeping.soon(),
    })
    const by = vouched()
    if (keeper !== null && by !== null) {
      await serveKeyRequests({ database, keystore, keeper, vouched: by })
      await serveReleasePairs({ database, keystore, keeper, vouched: by })
    }
  })
  const reports = repeat('report of erasures', REQUESTS_POLL_MS, log, () =>
    reportErasures(database, keystore, Math.floor(clock.nowMs() / DAY_MS)),
  )
  const daily = repeat('daily work', REQUESTS_POLL_MS, log, async () => {
    const current = programme.current()
    const day = Math.floor(clock.nowMs() / DAY_MS)
    if (current !== null) await applyRetention({ database, keystore }, current.charter, clock.nowMs())
    await commitIndex(database, keystore, index, day)
    // Last: with the keys of the day's erasures the key that wrapped them goes.
    await rollWrappingKey({ keystore, log: keyRollLog(database, keystore) }, day)
  })
  const maintenance = startMaintenance({ database, objects, index, log, lockOwner: () => drain.lockOwner })
  const ended = new GrantEnds(database)
  const ends = repeat('ends of grants', REQUESTS_POLL_MS, log, async () => {
    if (keeper !== null) await ended.serve(keeper)
  })
  const closings = repeat('closing of releases', REQUESTS_POLL_MS, log, async () => {
    if (keeper !== null) await serveReleaseClosings({ database, keystore, keeper })
  })
  const sync = keeper === null ? null : new KeeperSync({ database, keystore, keeper, log })
  const keeping = repeat('being of one mind with the keeper', KEEPER_POLL_MS, log, async () => {
    await sync?.run()
  })
  const openings = repeat('openings', REQUESTS_POLL_MS, log, async () => {
    const by = vouched()
    // Requests wait until the keeper goes by the charter and the epoch of now.
    if (keeper === null || by === null || sync === null || !(await isReady(sync, keeping))) return
    const input = { database, keystore, keeper, vouched: by, clock, log, ended }
    const currentProgramme = () => programme.current()
    const requireWatchers = () => watchers.require()
    await servePasskeyEnrolments({ ...input, currentProgramme })
    await serveOwnOpenings({ ...input, currentProgramme })
    await serveActivations({ ...input, currentProgramme })
    await serveOpenings({ ...input, currentProgramme, requireWatchers, onOpened: () => point.served('openings') })
  })
  const misfitWatch = new MisfitWatch()
  const fit = repeat('access that does not fit', FIT_MS, log, async () => {
    const current = programme.current()
    if (current !== null) await misfitWatch.look(database, current, clock.nowMs())
  })
  const point = await startPoint({
    ...{ database, role: 'vault', signer, programme, log },
    // Waits for an opening that was under way: it is answered, or refused because it asks again before it gives anything away.
    fence: async () => {
      await drain.halted()
      await openings.now()
      return {}
    },
  })
  programme.onChange((now) => {
    if (now?.state === 'locked') keeping.soon()
    else drain.wake()
  })
  const listeners = [
    listen(database, 'fairtrace_inbox', () => drain.wake()),
    listen(database, 'fairtrace_key_requests', () => keyRequests.soon()),
    listen(database, 'fairtrace_openings', () => openings.soon()),
    listen(database, 'fairtrace_grants', () => ends.soon()),
    listen(database, 'fairtrace_releases', () => closings.soon()),
    listen(database, 'fairtrace_programme', () => {
      keep.soon()
      keeping.soon()
    }),
  ]

  return {
    address: null,
    async stop() {
      await Promise.all(
        [keep, keyRequests, reports, daily, maintenance, keeping, ends, closings, openings, fit, ...listeners].map(
          (part) => part.stop(),
        ),
      )
      await drain.stop()
      await watchers.stop()
      await point.stop()
      await programme.stop()
      await pool.close()
      keystore.close()
      kms.close()
      await database.close()
    },
  }
}

/** Looks once more if it was not when last asked. */
async function isReady(sync: KeeperSync, keeping: Repeated): Promise<boolean> {
  if (!sync.isReady()) await keeping.now()
  return sync.isReady()
}

function termsFrom(
  current: Programme,
  dayKeys: DayKeys,
  periods: CheckTerms['periods'],
  index: SegmentIndex,
): CheckTerms {
  return {
    programme: current.id,
    epoch: current.epoch,
    issuer: ed25519PublicKey(current.charter.keys.issuer),
    charters: [...current.charters],
    dayKeys: dayKeys.open,
    periods,
    indexKey: index.key,
  }
}

async function periodsOf(current: Programme, keystore: Keystore, day: number): Promise<CheckTerms['periods']> {
  const periods: [string, Period][] = []
  for (const [hash, charter] of current.charters) {
    const { id, key } = await keystore.periodOf(day, charter.retention.recordings)
    periods.push([hash, { id, key: createSecretKey(key) }])
  }
  return periods
}
