/** One person, from the invitation to a withdrawal, with the commands of the agent alone, on a real X server and the whole server. */
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isFairtraceError } from '@fairtrace/core'
import { DataDir, type Embedded, startEmbedded } from '@fairtrace/server'
import { openDatabase } from '@fairtrace/server/store/database'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import type { ReviewAnswer, SelfAnswer, StatusAnswer } from '../../apps/agent/src/control/answers.ts'
import { askDaemon } from '../../apps/agent/src/control/ask-agent.ts'
import { DEMO_CLOCK_START_MS, runCycle } from '../../apps/cli/src/demo/cycle.ts'
import { requestRelease } from '../../apps/cli/src/release/request-release.ts'
import { AgentCommands } from './agent-commands.ts'
import { missingForDesktop, startXGround, type TestWindow, until, type XGround } from './x-ground.ts'

const ENTRY = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))
const APP = 'desktop:sheet'
/** Typed on the keyboard; letters that stand together in no program. */
const TYPED = 'qzvwxkjqzv'
const TYPED_AS_PASSWORD = 'wqxzjvkqxw'
const TYPED_WHILE_PAUSED = 'jxqvzwkqjx'
const TYPED_ELSEWHERE = 'vkzxqwjzvk'
const MARKERS = [TYPED, TYPED_AS_PASSWORD, TYPED_WHILE_PAUSED, TYPED_ELSEWHERE]
const MEMORY_CHUNK = 1 << 24
const MARKER_BYTES_MAX = 64
const COMMAND_MS = 60_000

describe.skipIf(missingForDesktop !== null)(`a session with the agent (${missingForDesktop ?? 'all is here'})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-session-'))
  const dir = new DataDir(join(folder, 'data'))
  const device = join(folder, 'device')
  let ground: XGround
  let sheet: TestWindow
  let embedded: Embedded
  let agent: AgentCommands
  let notice = ''

  beforeAll(async () => {
    ground = await startXGround()
    // Where its daemon listens, for the test itself.
    vi.stubEnv('XDG_RUNTIME_DIR', ground.folder)
    agent = new AgentCommands(device, { ...ground.env, NODE_COMPILE_CACHE: join(folder, 'compiled') })
    embedded = await startEmbedded({
      dir,
      host: '127.0.0.1',
      port: 0,
      entry: ENTRY,
      kindIfNew: 'demonstration',
      clockOffsetIfNewMs: -DEMO_CLOCK_START_MS,
    })
    await runCycle(embedded, dir, {
      participants: 9,
      recordings: null,
      whenInviting: async (owner) => {
        const { codes } = await owner.post('/api/invitations', { count: 1 }, z.object({ codes: z.array(z.string()) }))
        const joined = await agent.run('join', '--portal', embedded.portalUrl, '--code', codes[0] ?? '')
        notice = joined.stdout
        // Before the time to think is over there is no yes.
        const early = await agent.run('consent', '--notice', '1', '--categories', 'pointer', '--apps', APP)
        expect([early.status, early.stderr]).toEqual([5, expect.stringContaining('REFLECTION_NOT_OVER')])
      },
    })
    await embedded.open()
    sheet = await ground.openWindow('Sheet')
  }, 240_000)

  afterAll(async () => {
    await agent?.run('stop')
    await embedded?.stop()
    await ground?.stop()
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }, COMMAND_MS)

  const status = () => agent.json<StatusAnswer>('status')
  const untilState = (state: StatusAnswer['state']['state']) =>
    until(async () => (await askDaemon(device)({ ask: 'status' })).state.state === state, 30_000)

  it('shows the notice at joining, and records nothing without a yes', async () => {
    expect(notice).toContain('We would like to learn how office work is done')
    await agent.json('start')
    await untilState('asked')
    await ground.click(at('save'))
    expect((await status()).waiting.recordings).toBe(0)
  })

  it(
    'records from the yes on, in the app that was chosen',
    async () => {
      const { receipt } = await agent.json<{ receipt: string }>(
        'consent',
        '--notice',
        '1',
        '--categories',
        'pointer,keyboard,switches',
        '--apps',
        APP,
      )
      expect(receipt.split('.')).toHaveLength(3)
      await untilState('recording')
      await ground.click(at('entry'))
      await sleep(1_000)
      await ground.xdotool('type', '--delay', '25', TYPED)
      await ground.xdotool('key', 'Return')
      await sleep(1_000)
      await ground.click(at('save'))
      await sleep(1_000)
      await ground.click(at('password'))
      await sleep(1_000)
      await ground.xdotool('type', '--delay', '25', TYPED_AS_PASSWORD)
      await ground.xdotool('key', 'ctrl+s')
      const elsewhere = await ground.openWindow('Messenger', { x: 400, y: 300 })
      await sleep(500)
      await ground.click(elsewhere.widgets.entry ?? { x: 0, y: 0 })
      await ground.xdotool('type', '--delay', '25', TYPED_ELSEWHERE)
      await elsewhere.close()
      await sleep(3_000)
    },
    COMMAND_MS,
  )

  it(
    'sees nothing during a pause, and goes on after it',
    async () => {
      expect((await agent.json<StatusAnswer>('pause')).state).toEqual({ state: 'paused', by: 'you' })
      await ground.click(at('entry'))
      await ground.xdotool('type', '--delay', '25', TYPED_WHILE_PAUSED)
      await agent.run('resume')
      await untilState('recording')
      await ground.click(at('cancel'))
      await sleep(3_000)
    },
    COMMAND_MS,
  )

  it(
    'shows as sentences what would leave: the kind of what was typed, and nothing of passwords, pauses and other apps',
    async () => {
      await agent.json('pause')
      const { recordings } = await agent.json<ReviewAnswer>('review')
      const sentences = recordings.flatMap((recording) => recording.sentences)
      expect(sentences).toContain('went to sheet')
      expect(sentences.filter((sentence) => sentence.startsWith('typed'))).toEqual(['typed a short word or name'])
      expect(sentences).toContain('pressed Enter')
      expect(sentences).toContain('clicked the Save button')
      expect(sentences.join()).not.toContain('messenger')
      const text = await agent.run('review', '--text')
      expect(text.stdout).toContain('clicked the Save button')
      await agent.json('resume')
    },
    COMMAND_MS,
  )

  it(
    'has nothing of what was typed in memory or on disk, while it still runs',
    async () => {
      const { pid } = await self()
      expect(filesWith(device)).toEqual([])
      expect(filesWith(ground.folder)).toEqual([])
      // The app's own name is there, so that finding nothing else means something.
      expect(markersInMemory(pid, [APP])).toEqual([APP])
      expect(markersInMemory(pid, MARKERS)).toEqual([])
    },
    COMMAND_MS,
  )

  it(
    'leaves no core when it crashes, and has what it had recorded afterwards',
    async () => {
      const before = await waitingActions()
      const { pid } = await self()
      process.kill(pid, 'SIGABRT')
      await until(() => !existsSync(`/proc/${pid}`))
      expect(readdirSync(device).filter((file) => file.startsWith('core'))).toEqual([])
      await agent.json('start')
      await untilState('recording')
      expect(await waitingActions()).toBeGreaterThanOrEqual(before)
    },
    COMMAND_MS,
  )

  it(
    'deletes a part, releases the rest early, and what leaves reaches the vault, but no release by itself',
    async () => {
      await agent.json('pause')
      const { recordings } = await agent.json<ReviewAnswer>('review')
      const [first] = recordings
      if (first === undefined) throw new Error('nothing was recorded')
      const chunks = await stored()
      await agent.json('review', 'delete', first.id, '--from', '1', '--to', '1')
      const { released } = await agent.json<{ released: number }>('review', 'release', 'all')
      expect(released).toBeGreaterThan(0)
      // Whoever pauses is asked for nothing, not even the terms under which it would leave.
      await agent.json('resume')
      const sent = await agent.json<{ uploaded: number }>('upload')
      expect(sent.uploaded).toBe(released)
      await until(async () => (await stored()) === chunks + sent.uploaded, 30_000)
      const steps = { onGrant: () => undefined, onProgress: () => undefined }
      // One person more would show by the difference what is theirs: they are left out by the cap, or nothing is built.
      const refused = await requestRelease(dir, { name: 'second-release', seed: '2' }, steps).then(
        () => null,
        (error: unknown) => (isFairtraceError(error) ? error.code : 'INTERNAL'),
      )
      const [before, after] = await peopleIn()
      if (refused === null) expect(after).toBe(before)
      else expect([refused, after]).toEqual(['RELEASE_DIFFERS_TOO_LITTLE', undefined])
      expect(await quarantined()).toBe(0)
    },
    COMMAND_MS,
  )

  it(
    'ends with a withdrawal: nothing is recorded, nothing waits',
    async () => {
      await untilState('recording')
      await ground.click(at('save'))
      await sleep(1_500)
      const { receipt } = await agent.json<{ receipt: string }>('withdraw')
      expect(receipt.split('.')).toHaveLength(3)
      await ground.click(at('save'))
      const after = await status()
      expect(after.state.state).toBe('no-consent')
      expect(after.waiting).toEqual({ recordings: 0, actions: 0, sealedBatches: 0 })
      await agent.json('stop')
      expect(filesWith(folder)).toEqual([])
    },
    COMMAND_MS,
  )

  function at(widget: string) {
    const spot = sheet.widgets[widget]
    if (spot === undefined) throw new Error(`no ${widget}`)
    return spot
  }

  function self(): Promise<SelfAnswer> {
    return askDaemon(device)({ ask: 'self' })
  }

  async function waitingActions(): Promise<number> {
    return (await status()).waiting.actions
  }

  function stored(): Promise<number> {
    return countOf('builder', 'vault.chunks')
  }

  /** Of how many people each release was made, in the order of their building. */
  async function peopleIn(): Promise<readonly number[]> {
    const { pool, close } = openDatabase(embedded.databaseUrl('builder'), 1)
    const { rows } = await pool.query<{ people: number }>(
      'select people from release.member_counts join release.releases on id = release order by created_at_ms',
    )
    await close()
    return rows.map(({ people }) => people)
  }

  /** What the vault would not take. */
  function quarantined(): Promise<number> {
    return countOf('vault', 'vault.quarantine')
  }

  async function countOf(role: 'builder' | 'vault', table: 'vault.chunks' | 'vault.quarantine'): Promise<number> {
    const { db, close } = openDatabase(embedded.databaseUrl(role), 1)
    const { count } = await db
      .selectFrom(table)
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    await close()
    return Number(count)
  }
})

/** Markers in everything that a process can write and read back: more than any core of it would have. */
function markersInMemory(pid: number, markers: readonly string[]): string[] {
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const found = new Set<string>()
  const chunk = Buffer.alloc(MEMORY_CHUNK + MARKER_BYTES_MAX)
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? []
      if (from === undefined || to === undefined) continue
      for (let at = Number.parseInt(from, 16); at < Number.parseInt(to, 16); at += MEMORY_CHUNK) {
        // A little of the next chunk too: a marker may lie across.
        const length = Math.min(chunk.length, Number.parseInt(to, 16) - at)
        for (const marker of markersIn(chunk.subarray(0, readMapped(memory, chunk, length, at)), markers))
          found.add(marker)
      }
    }
  } finally {
    closeSync(memory)
  }
  return [...found]
}

function readMapped(memory: number, into: Buffer, length: number, at: number): number {
  try {
    return readSync(memory, into, 0, length, at)
  } catch {
    // Given back to the system meanwhile.
    return 0
  }
}

/** Markers that a file below `root` has, in the encodings of text in memory and on disk. */
function filesWith(root: string): string[] {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.flatMap((entry) =>
    markersIn(readFileSync(join(entry.parentPath, entry.name)), MARKERS).map((marker) => `${entry.name}: ${marker}`),
  )
}

function markersIn(bytes: Buffer, markers: readonly string[]): string[] {
  return markers.filter((marker) => bytes.includes(marker) || bytes.includes(Buffer.from(marker, 'utf16le')))
}
