/**
 * One visit to the honey participants: each does what is due, under the same periods as everybody.
 *
 * What is kept of them lies beside the data directory (`<data>.honey`), never in it: whoever copies or reads that learns nobody's
 * secret, and the folder belongs to whoever holds the honey key.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FairtraceError, isFairtraceError } from '@fairtrace/core'
import type { Device } from '@fairtrace/device'
import type { DataDir } from '@fairtrace/server'
import { HONEY_PEOPLE_MAX } from '@fairtrace/server/sentinel/honey/honey-ids'
import { createParticipant } from '@fairtrace/testing/simulator'
import { z } from 'zod'
import { staffSession } from '../access/staff-session.ts'
import { openHoneyDevice } from './honey-device.ts'

const DAY_MS = 86_400_000
const ACTIONS_PER_SESSION = 90
const SEED = 20_270_101

const stateSchema = z.strictObject({
  people: z.array(z.strictObject({ person: z.int(), recordings: z.int(), workedAtMs: z.number().nullable() })),
})
type State = z.infer<typeof stateSchema>

export interface HoneyReport {
  readonly people: number
  readonly joined: number
  readonly consented: number
  readonly captured: number
  readonly uploaded: number
}

/** @param invitationsFile of a programme whose owner gave codes for them; null in a demonstration */
export async function tendHoney(
  dir: DataDir,
  honeyKey: string,
  count: number,
  invitationsFile: string | null,
): Promise<HoneyReport> {
  const folder = `${dir.root}.honey`
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { portalUrl } = dir.runtime()
  const offsetMs = dir.clockOffsetMs() ?? 0
  const clock = { nowMs: () => Date.now() + offsetMs }
  const state = readState(folder)
  const report = { people: 0, joined: 0, consented: 0, captured: 0, uploaded: 0 }
  const missing = count - state.people.length
  const codes = missing > 0 ? await invitations(dir, missing, invitationsFile) : []
  const apps = await appsOf(portalUrl)
  for (const code of codes) {
    // The first places are the demonstration's own.
    const person = 2 + state.people.length
    if (person >= HONEY_PEOPLE_MAX) break
    state.people.push({ person, recordings: 0, workedAtMs: null })
    await withDevice(person, 0, (device) => device.join(portalUrl, code))
    report.joined++
    writeState(folder, state)
  }
  for (const one of state.people) {
    report.people++
    await withDevice(one.person, one.recordings, async (device) => {
      const { membership } = device
      if (membership === null || (membership.reflectionEndsAtMs ?? 0) > clock.nowMs()) return
      if (device.id === null) {
        const { charter } = await device.programme()
        const chosen = charter.capture.apps.map(({ id }) => id)
        await device.consent({
          noticeVersion: charter.notice.version,
          categories: charter.capture.categories,
          apps: chosen,
        })
        await device.enrol(portalUrl, membership.session)
        report.consented++
      }
      if (one.workedAtMs === null || clock.nowMs() - one.workedAtMs > DAY_MS) {
        const events = createParticipant(SEED, one.person).session(null, clock.nowMs(), {
          actionsAbout: ACTIONS_PER_SESSION,
        })
        await device.capture(events, { task: null, replayed: true })
        one.workedAtMs = clock.nowMs()
        one.recordings++
        report.captured++
      }
      report.uploaded += (await device.upload()).uploaded
    })
    writeState(folder, state)
  }
  return report

  async function withDevice(
    person: number,
    recordings: number,
    work: (device: Device) => Promise<unknown>,
  ): Promise<void> {
    // A name that says nothing to who sees the folder's names.
    const name = createHash('sha256').update(`${honeyKey}\n${person}`).digest('hex').slice(0, 16)
    const device = await openHoneyDevice(join(folder, name), { honeyKey, person, recordings }, apps, {
      clock,
      serverUrl: portalUrl,
    })
    try {
      await work(device)
    } catch (error) {
      // One who can't, as when the programme is paused, doesn't keep the others from it.
      if (!isFairtraceError(error)) throw error
    } finally {
      await device.close()
    }
  }
}

async function invitations(dir: DataDir, count: number, file: string | null): Promise<readonly string[]> {
  if (file !== null) {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .slice(0, count)
  }
  const owner = await staffSession({ data: dir.root }, 'programme-owner')
  return (await owner.post('/api/invitations', { count }, z.object({ codes: z.array(z.string()) }))).codes
}

async function appsOf(portalUrl: string): Promise<ReadonlySet<string>> {
  const schema = z.object({ charter: z.object({ capture: z.object({ apps: z.array(z.object({ id: z.string() })) }) }) })
  const answer = await fetch(new URL('/api/programme', portalUrl)).catch((cause: unknown) => {
    throw new FairtraceError('SERVER_UNREACHABLE', 'the portal does not answer', { cause })
  })
  return new Set(schema.parse(await answer.json()).charter.capture.apps.map(({ id }) => id))
}

function readState(folder: string): State {
  const file = join(folder, 'people.json')
  return existsSync(file) ? stateSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : { people: [] }
}

function writeState(folder: string, state: State): void {
  writeFileSync(join(folder, 'people.json.next'), `${JSON.stringify(state)}\n`, { mode: 0o600 })
  renameSync(join(folder, 'people.json.next'), join(folder, 'people.json'))
}
