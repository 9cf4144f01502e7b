/**
 * Twins: every drill again, with its safeguard removed; each must go red. All removals that don't touch each other share one throwaway
 * demonstration, whose processes load changed modules.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isFairtraceError } from '@fairtrace/core'
import { DataDir, type Embedded, startEmbedded } from '@fairtrace/server'
import { DEMO_CLOCK_START_MS, runCycle } from '../demo/cycle.ts'
import { ENTRY } from '../entry.ts'
import type { Drill } from './drill.ts'
import { writePreload } from './preload.ts'
import { attacked, newRun } from './run.ts'

/** The sentinel looks at everything at least this often; what it is kept from finding is waited for no longer. */
const DETECT_MS_MAX = 15_000
/** A few more than a release takes. */
const PARTICIPANTS = 8

export interface TwinResult {
  readonly id: string
  /** True: without its safeguard the drill went red. */
  readonly wentRed: boolean
  readonly why: string
}

export interface Throwaway {
  readonly dir: DataDir
  readonly embedded: Embedded
  /** A folder of its own, gone with it. */
  readonly folder: string
  stop(): Promise<void>
}

/** A demonstration in a temporary folder, through one whole cycle. @param execArgv for Node, from the twin's folder */
export async function startThrowaway(
  execArgvIn: (folder: string) => readonly string[] = () => [],
  onStep?: (sentence: string, done: number, total: number) => void,
): Promise<Throwaway> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-drill-'))
  const dir = new DataDir(join(folder, 'data'))
  let embedded: Embedded | null = null
  const stop = async () => {
    await embedded?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    embedded = await startEmbedded({
      dir,
      kindIfNew: 'demonstration',
      host: '127.0.0.1',
      port: 0,
      entry: ENTRY,
      clockOffsetIfNewMs: -DEMO_CLOCK_START_MS,
      execArgv: execArgvIn(folder),
      onStep: (sentence) => onStep?.(sentence, 0, 1),
    })
    await runCycle(embedded, dir, { participants: PARTICIPANTS, recordings: null, ...(onStep ? { onStep } : {}) })
    await embedded.open()
    return { dir, embedded, folder, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** @param onStep told of each drill before it runs */
export async function runTwins(
  drills: readonly Drill[],
  onStep: (sentence: string, done: number, total: number) => void = () => undefined,
): Promise<readonly TwinResult[]> {
  const ofRoles = drills.flatMap(({ without }) => (without.runner ? [] : (without.patches ?? [])))
  onStep('Twins: a throwaway demonstration', 0, 1)
  const throwaway = await startThrowaway((folder) => writePreload(folder, 'roles', ofRoles))
  try {
    const results = new Map<string, TwinResult>()
    const twin = async (drill: Drill) => {
      const { runner, patches } = drill.without
      const execArgv = runner ? writePreload(throwaway.folder, drill.id, patches ?? []) : []
      onStep('Twins: each safeguard removed', results.size, drills.length)
      results.set(drill.id, await runTwin(throwaway.dir, drill, execArgv))
    }
    // Those that wait for something not to be found wait together; those that lock come last.
    const isQuiet = ({ without }: Drill) => without.waits === true
    const waiting = Promise.all(drills.filter(isQuiet).map(twin))
    for (const drill of drills.filter((one) => !isQuiet(one) && one.without.locks !== true)) await twin(drill)
    await waiting
    for (const drill of drills.filter((one) => one.without.locks === true)) await twin(drill)
    return drills.flatMap(({ id }) => results.get(id) ?? [])
  } finally {
    await throwaway.stop()
  }
}

async function runTwin(dir: DataDir, drill: Drill, execArgv: readonly string[]): Promise<TwinResult> {
  try {
    const { held, why } = await attacked({ dir, run: newRun(), execArgv, detectMsMax: DETECT_MS_MAX }, drill, true)
    return { id: drill.id, wentRed: !held, why }
  } catch (error) {
    // Not red: it did not get as far as being able to fail.
    const what = isFairtraceError(error) ? error.code : error instanceof Error ? error.name : 'unknown error'
    return { id: drill.id, wentRed: false, why: `could not be run: ${what}` }
  }
}
