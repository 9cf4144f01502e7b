/**
 * One visit to the honey participants: each does what is due, under the same periods as everybody.
 *
 * What is kept of them lies beside the data directory (`<data>.honey`), never in it: whoever copies or reads that learns nobody's
 * secret, and the folder belongs to whoever holds the honey key.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ErrorCode, FairtraceError } from '@fairtrace/core'
import type { Device } from '@fairtrace/device'
import type { DataDir } from '@fairtrace/server'
import { HONEY_PEOPLE_MAX } from '@fairtrace/server/sentinel/honey/honey-ids'
import { createParticipant } from '@fairtrace/testing/simulator'
import { z } from 'zod'
import { staffSession } from '../access/staff-session.ts'
import { asFairtraceError } from '../terminal.ts'
import { eventsIn } from './charter-work.ts'
import { openHoneyDevice } from './honey-device.ts'

const DAY_MS = 86_400_000
const ACTIONS_PER_SESSION = 90
const SEED = 20_270_101

const stateSchema = z.strictObject({
  people: z.array(z.strictObject({ person: z.int(), recordings: z.int(), workedAtMs: z.number().nullable() })),
})
type State = z.infer<typeof stateSchema>
type Person = State['people'][number]

export interface HoneyReport {
  readonly people: number
  readonly joined: number
  /** Those whose reflection period is not over. */
  readonly reflecting: number
  readonly consented: number
  readonly captured: number
  readonly uploaded: number
  /** Who could not do what was due, by their place in the list, which says nothing without the key; null for an invitation. */
  readonly failed: readonly HoneyFailure[]
}

interface HoneyFailure {
  readonly person: number | null
  readonly code: ErrorCode
  readonly message: string
}

/**
 * One who can't do what is due doesn't keep the others from it; the report says so.
 * @param invitationsFile of a programme whose owner gave codes for them; null in a demonstration
 * @throws `SERVER_UNREACHABLE`, `DATA_DIR_UNUSABLE`, …: what keeps all of them from it
 */
export async function tendHoney(
  dir: DataDir,
  honeyKey: string,
  count: number,
  invitationsFile: string | null,
): Promise<HoneyReport> {
  const { portalUrl } = dir.runtime()
  const folder = `${dir.root}.honey`
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const offsetMs = dir.clockOffsetMs() ?? 0
  const clock = { nowMs: () => Date.now() + offsetMs }
  const state = readState(folder)
  const failed: HoneyFailure[] = []
  const report = { people: 0, joined: 0, reflecting: 0, consented: 0, captured: 0, uploaded: 0, failed }
  const codes = state.people.length < count ? await invitations(dir, count - state.people.length, invitationsFile) : []
  for (const code of codes) {
    // The first places are the demonstration's own.
    const one = { person: 2 + state.people.length, recordings: 0, workedAtMs: null }
    if (state.people.length >= count || one.person >= HONEY_PEOPLE_MAX) break
    const hasJoined = await visit(one, async (device) => {
      if (device.membership === null) await device.join(portalUrl, code)
    })
    // A code that is used up is said, and the next one is tried.
    if (!hasJoined) continue
    state.people.push(one)
    report.joined++
    writeState(folder, state)
  }
  if (state.people.length < count) {
    const message = `${count - state.people.length} of ${count} have no invitation`
    failed.push({ person: null, code: 'INVITATION_UNKNOWN', message })
  }
  for (const one of state.people) {
    report.people++
    await visit(one, (device) => doWhatIsDue(one, device))
    writeState(folder, state)
  }
  return report

  async function doWhatIsDue(one: Person, device: Device): Promise<void> {
    const { membership } = device
    if (membership === null) throw new FairtraceError('DEVICE_UNKNOWN', 'it has not joined')
    if ((membership.reflectionEndsAtMs ?? 0) > clock.nowMs()) {
      report.reflecting++
      return
    }
    const { charter } = await device.programme()
    if (device.id === null) {
      const { notice, capture } = charter
      const apps = capture.apps.map(({ id }) => id)
      await device.consent({ noticeVersion: notice.version, categories: capture.categories, apps })
      await device.enrol(portalUrl, membership.session)
      report.consented++
    }
    if (one.workedAtMs === null || clock.nowMs() - one.workedAtMs > DAY_MS) {
      const session = createParticipant(SEED, one.person).session(null, clock.nowMs(), {
        actionsAbout: ACTIONS_PER_SESSION,
      })
      const { stopped, recordings } = await device.capture(eventsIn(charter, session), { task: null, replayed: true })
      if (stopped !== null) throw new FairtraceError(stopped, 'its device stopped capturing')
      if (recordings === 0) throw new FairtraceError('USAGE', 'this charter lets out nothing that it did')
      one.workedAtMs = clock.nowMs()
      report.captured += recordings
    }
    const { uploaded, stopped, kept } = await device.upload()
    report.uploaded += uploaded
    const why = stopped ?? kept[0]?.code ?? null
    if (why !== null) throw new FairtraceError(why, 'a batch could not be sent')
  }

  /** @returns whether it could do that */
  async function visit(one: Person, work: (device: Device) => Promise<unknown>): Promise<boolean> {
    // A name that says nothing to who sees the folder's names.
    const name = createHash('sha256').update(`${honeyKey}\n${one.person}`).digest('hex').slice(0, 16)
    try {
      const honey = { honeyKey, person: one.person, nextRecording: () => one.recordings++ }
      const device = await openHoneyDevice(join(folder, name), honey, { clock, serverUrl: portalUrl })
      try {
        await work(device)
      } finally {
        await device.close()
      }
      return true
    } catch (cause) {
      const { code, message } = asFairtraceError(cause)
      failed.push({ person: one.person, code, message })
      return false
    }
  }
}

async function invitations(dir: DataDir, count: number, file: string | null): Promise<readonly string[]> {
  if (file !== null) {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
  }
  const owner = await staffSession({ data: dir.root }, 'programme-owner')
  return (await owner.post('/api/invitations', { count }, z.object({ codes: z.array(z.string()) }))).codes
}

function readState(folder: string): State {
  const file = join(folder, 'people.json')
  return existsSync(file) ? stateSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : { people: [] }
}

function writeState(folder: string, state: State): void {
  writeFileSync(join(folder, 'people.json.next'), `${JSON.stringify(state)}\n`, { mode: 0o600 })
  renameSync(join(folder, 'people.json.next'), join(folder, 'people.json'))
}
