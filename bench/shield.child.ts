/**
 * Child process of the shield's benchmarks, so that it can be pinned to one core and its memory measured alone:
 * replays a recording from a file, shields it, and serialises the actions. Seconds are of CPU time, of all threads: on one
 * core of a quiet machine that is the time on the clock, and on a busy one it still is what the work takes.
 */
import process from 'node:process'
import { type Action, createShield, defaultShieldSettings } from '@fairtrace/core'
import { replayFile } from '@fairtrace/device'

const path = process.argv[2] ?? ''
const shield = createShield(defaultShieldSettings(['desktop:recording']))
const actions: Action[] = []
let bytes = 0

function serialise(): void {
  let lines = ''
  for (const action of actions) lines += `${JSON.stringify(action)}\n`
  bytes += Buffer.byteLength(lines)
  actions.length = 0
}

const started = process.cpuUsage()
const report = await replayFile(path, 'ducktrack', { betweenChunks: serialise }, (event) => shield.push(event, actions))
shield.end(actions)
serialise()
const spent = process.cpuUsage(started)
const seconds = (spent.user + spent.system) / 1_000_000
const peakBytes = process.resourceUsage().maxRSS * 1_024
process.stdout.write(
  JSON.stringify({ events: report.lines, problems: report.problems.length, bytes, seconds, peakBytes }),
)
