/**
 * The scanner: sweeps for copies and markers, over and over, and says who is a honey participant to those who must leave them out.
 *
 * It reads and never writes anywhere but in its own tables; it holds no key that opens anything. What it finds locks the programme; it
 * can't unlock.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { FairtraceError } from '@fairtrace/core'
import { dueProbes, reportFindings } from '../runtime/findings.ts'
import { signerFromSeed } from '../runtime/jws.ts'
import { listen } from '../runtime/notifications.ts'
import { startPoint } from '../runtime/points.ts'
import { watchProgramme } from '../runtime/programme.ts'
import type { StartRole } from '../runtime/role.ts'
import { openDatabase } from '../store/database.ts'
import { honeyPseudonyms } from './honey/honey-ids.ts'
import { answerHoneyQuestions, HONEY_QUESTIONS_CHANNEL } from './honey/honey-people.ts'
import { Sweeper } from './sweep/sweep.ts'
import type { SweepReport } from './sweep/sweep-place.ts'

/** Between two rounds; what did not change is not read again. */
const REST_MS = 30_000
const FIRST_REST_MS = 2_000
const LOOK_MS = 1_000
const FINDER = 'scanner'
const RATE = { bytesPerSecond: 64 * 1024 * 1024, queriesPerSecond: 400 }

export const startScanner: StartRole = async (context) => {
  const { databaseUrl, objectsDir, secrets, log, addresses } = context
  if (secrets.honeyKey === undefined || secrets.signingSeed === undefined) {
    throw new FairtraceError('KEY_UNAVAILABLE', 'the scanner has no honey key or no signing key')
  }
  const signer = signerFromSeed(secrets.signingSeed)
  const honey = honeyPseudonyms(secrets.honeyKey)
  const database = openDatabase(databaseUrl)
  const programmes = await watchProgramme(database)
  const stopping = new AbortController()
  const lastOf = new Map<string, SweepReport>()
  let busyMs = 0
  const sweeper = new Sweeper({
    database,
    databaseUrl,
    objectsDir,
    honeyKey: secrets.honeyKey,
    settings: context.sweep ?? { dataDir: null, access: {} },
    surfaces: () => [addresses.portal, addresses.intake].filter((address) => address !== undefined),
    rate: RATE,
    signal: stopping.signal,
    report: async (place, findings, complete) => {
      await reportFindings(database, { finder: FINDER, scope: place, findings, complete })
    },
  })
  // What it serves is answers about honey, and those are wanted in a lockdown too: there is nothing to stop.
  const point = await startPoint({ database, role: 'scanner', signer, programme: programmes, log })

  let answering: Promise<unknown> = Promise.resolve()
  const answer = () => {
    answering = answering.then(() => answerHoneyQuestions(database, honey, signer)).catch(failed('answering'))
  }
  const listener = listen(database, HONEY_QUESTIONS_CHANNEL, answer)
  const timer = setInterval(answer, LOOK_MS)
  const sweeping = sweepOn()
  return {
    address: null,
    stop: async () => {
      stopping.abort()
      clearInterval(timer)
      await listener.stop()
      await Promise.allSettled([answering, sweeping])
      await point.stop()
      await programmes.stop()
      await database.close()
    },
  }

  async function sweepOn(): Promise<void> {
    let restMs = FIRST_REST_MS
    while (!stopping.signal.aborted) {
      const wanted = await rest(restMs)
      restMs = REST_MS
      const programme = programmes.current()
      // Before there is a programme nothing is stored, and no place is named.
      if (programme === null || stopping.signal.aborted) continue
      const { places } = programme.charter.exposure
      if (wanted.length === 0 || wanted.includes(null)) await round(places, null)
      else for (const place of wanted) await round(places, place)
    }
  }

  async function round(places: readonly { name: string; at: string }[], only: string | null): Promise<void> {
    const startedAtMs = performance.now()
    const reports = await sweeper.round(places, only).catch((error: unknown) => {
      failed('sweeping')(error)
      return []
    })
    for (const report of reports) lastOf.set(report.place, report)
    busyMs = performance.now() - startedAtMs
    const all = [...lastOf.values()]
    point.beat({
      places: all.length,
      unreachable: all.filter(({ state }) => state === 'unreachable').length,
      items: all.reduce((sum, { items }) => sum + items, 0),
      skipped: all.reduce((sum, { skipped }) => sum + Object.values(skipped).reduce((a, b) => a + b, 0), 0),
      oldestCompleteMs: all.length === 0 ? null : Math.min(...all.map(({ endedAtMs }) => endedAtMs)),
    })
  }

  /** Until it is time, somebody asks for a sweep now, or something that was found is to be looked at again. @returns places */
  async function rest(ms: number): Promise<readonly (string | null)[]> {
    const startedAt = performance.now()
    while (performance.now() < startedAt + ms && !stopping.signal.aborted) {
      await sleep(Math.min(LOOK_MS, ms), undefined, { signal: stopping.signal }).catch(() => undefined)
      const asked = await requests().catch(() => [])
      if (asked.length > 0) return asked
      // Never more than half of the time on it: a place that is large is not read without a break.
      if (performance.now() < startedAt + busyMs) continue
      const due = (await dueProbes(database, FINDER).catch(() => [])).filter(({ dueInMs }) => dueInMs <= 0)
      if (due.length > 0) return [...new Set(due.map(({ scope }) => scope))]
    }
    return []
  }

  async function requests(): Promise<readonly (string | null)[]> {
    const { rows } = await database.pool.query<{ place: string | null }>('delete from scanner.requests returning place')
    return [...new Set(rows.map(({ place }) => place))]
  }

  function failed(what: string): (error: unknown) => void {
    return (error) => {
      if (stopping.signal.aborted) return
      log.error({ what, error: error instanceof Error ? error.name : 'unknown' }, 'the scanner could not go on')
    }
  }
}
