/** `fairtrace sweep`: which places are swept for copies, how long ago and with what left out; and a sweep now. */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairtraceError } from '@fairtrace/core'
import { Command } from 'commander'
import { z } from 'zod'
import { staffSession } from '../access/staff-session.ts'
import type { PortalSession } from '../demo/portal-session.ts'
import { printJson, runCommand } from '../terminal.ts'

interface Options {
  readonly data?: string
  readonly server?: string
  readonly session?: string
  readonly place?: string
  readonly now?: boolean
  readonly json?: boolean
}

const completeSchema = z.object({
  endedAtMs: z.number(),
  startedAtMs: z.number(),
  items: z.number(),
  unchanged: z.number(),
  bytes: z.number(),
  skipped: z.record(z.string(), z.number()),
  named: z.array(z.string()),
})
const answerSchema = z.object({
  nowMs: z.number(),
  places: z.array(
    z.object({
      place: z.string(),
      at: z.string(),
      state: z.string(),
      startedAtMs: z.number(),
      items: z.number(),
      bytes: z.number(),
      complete: completeSchema.nullable(),
    }),
  ),
})
type Answer = z.infer<typeof answerSchema>

const WAIT_MS_MAX = 3_600_000
const LOOK_MS = 500

export function sweepCommand(): Command {
  return new Command('sweep')
    .description('Shows which places are swept for copies and markers: how long ago, and what was left out.')
    .option('--data <directory>', 'data directory of a Fairtrace that runs here')
    .option('--server <url>', 'address of the portal')
    .option('--session <token>', 'session of somebody who is signed in there')
    .option('--place <name>', 'only this place')
    .option('--now', 'sweep now, and wait until it is done')
    .option('--json', 'print JSON')
    .action((options: Options) => runCommand(options, () => sweep(options)))
}

async function sweep(options: Options): Promise<void> {
  const session = await staffSession(options, 'data-protection')
  const before = await read(session, options.place)
  const answer = options.now ? await sweepNow(session, before, options.place) : before
  if (options.place !== undefined && answer.places.length === 0) {
    throw new FairtraceError('NOT_FOUND', `no place called ${options.place.slice(0, 128)} was swept yet`)
  }
  if (options.json) printJson(answer)
  else process.stdout.write(answer.places.length === 0 ? 'Nothing was swept yet.\n' : `${describe(answer)}\n`)
}

async function read(session: PortalSession, place: string | undefined): Promise<Answer> {
  const { nowMs, places } = await session.get('/api/sweeps', answerSchema)
  return { nowMs, places: places.filter((one) => place === undefined || one.place === place) }
}

async function sweepNow(session: PortalSession, before: Answer, place: string | undefined): Promise<Answer> {
  await session.post('/api/sweeps', place === undefined ? {} : { place }, z.unknown())
  const deadline = performance.now() + WAIT_MS_MAX
  for (;;) {
    await sleep(LOOK_MS)
    const answer = await read(session, place)
    const isDone = answer.places.every(({ state, startedAtMs }) => state !== 'running' && startedAtMs > before.nowMs)
    if (answer.places.length > 0 && isDone) return answer
    if (performance.now() > deadline) throw new FairtraceError('ROLE_FAILED', 'the scanner did not finish the sweep')
  }
}

function describe({ nowMs, places }: Answer): string {
  return places
    .map(({ place, at, state, items, complete }) => {
      const head = `${place}  (${at})`
      if (complete === null) return `${head}\n  never swept whole; now ${state}, ${items} items so far`
      const age = Math.max(0, Math.round((nowMs - complete.endedAtMs) / 1000))
      const took = ((complete.endedAtMs - complete.startedAtMs) / 1000).toFixed(1)
      const lines = [
        `  swept whole ${age} s ago, in ${took} s: ${complete.items} items, ${complete.unchanged} unchanged, ${complete.bytes} bytes read`,
        ...Object.entries(complete.skipped).map(([reason, count]) => `  skipped, ${reason}: ${count}`),
        ...complete.named.map((name) => `    ${name}`),
        ...(state === 'unreachable' ? ['  COULD NOT BE REACHED since'] : []),
      ]
      return [head, ...lines].join('\n')
    })
    .join('\n\n')
}
