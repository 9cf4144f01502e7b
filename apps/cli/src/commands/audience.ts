/** `fairtrace audience`: who can read what, through which path, and since when; what nobody declared stands first. */
import process from 'node:process'
import { type SurfaceReading, surfaceReadingSchema } from '@fairtrace/core'
import { Command } from 'commander'
import { z } from 'zod'
import { type StaffPlace, staffSession } from '../access/staff-session.ts'
import { printJson, runCommand } from '../terminal.ts'

interface Options extends StaffPlace {
  readonly json?: boolean
  readonly unexpected?: boolean
}

const answerSchema = z.object({ nowMs: z.number(), surfaces: z.array(surfaceReadingSchema) })

export function audienceCommand(): Command {
  return new Command('audience')
    .description('Shows who can read what, as the sentinel last saw it, and whether the charter says so.')
    .option('--data <dir>', 'data directory of a demonstration on this machine')
    .option('--server <url>', 'address of the portal')
    .option('--session <token>', 'session of somebody who is signed in there')
    .option('--unexpected', 'only readers whom nobody declared')
    .option('--json', 'print JSON')
    .action((options: Options) => runCommand(options, () => show(options)))
}

async function show(options: Options): Promise<void> {
  const session = await staffSession(options, 'data-protection')
  const answer = await session.get('/api/audience', answerSchema)
  const surfaces = answer.surfaces.map((surface) => ({
    ...surface,
    rows: surface.rows.filter(({ expected }) => options.unexpected !== true || !expected),
  }))
  if (options.json) printJson({ nowMs: answer.nowMs, surfaces })
  else process.stdout.write(`${surfaces.map((surface) => describe(surface, answer.nowMs)).join('\n\n')}\n`)
}

/** Everything in it is printable already: the sentinel escapes what others named. */
function describe({ surface, seenAtMs, unread, rows, notShown }: SurfaceReading, nowMs: number): string {
  const seen = `seen ${Math.max(0, Math.round((nowMs - seenAtMs) / 1000))} s ago`
  const head = unread === null ? `${surface}  (${seen})` : `${surface}  COULD NOT BE READ: ${unread} (${seen})`
  const sorted = [...rows].sort((a, b) => Number(a.expected) - Number(b.expected))
  const lines = sorted.map(({ who, what, through, expected, sinceMs }) => {
    const since = new Date(sinceMs).toISOString().slice(0, 16).replace('T', ' ')
    return `  ${expected ? ' ' : '!'} ${who}: ${what}  [${through}]  since ${since}`
  })
  const gaps = notShown.map((sentence) => `  not shown: ${sentence}`)
  return [head, ...(lines.length === 0 ? ['  nobody'] : lines), ...gaps].join('\n')
}
