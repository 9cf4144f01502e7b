/**
 * Risk: how well the attackers find people in the recordings, raw (a floor that they must reach), behind shield and cap, and behind
 * controls that don't protect (the peers). In times chance unless the unit says otherwise; one attack each, seeded.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { gunzipSync } from 'node:zlib'
import { replayFile } from '@fairtrace/device'
import { assessRecordings, type RecordingFormat, type RecordingsReport, worst } from '@fairtrace/risk'
import type { Benchmark } from './benchmark.ts'

const RECORDINGS = process.env.FAIRTRACE_RECORDINGS ?? join(import.meta.dirname, '..', '..', 'shared', 'data')
const FILES: Readonly<Record<RecordingFormat, string>> = {
  sapimouse: 'sapimouse/mouse.csv.gz',
  keystrokes: 'aalto-keystrokes/keystrokes.csv.gz',
  commands: 'purdue-unix/commands_8users.txt.gz',
}
/** The control that comes nearest to protecting: even noise and rounding together would fail. */
const CONTROL = 'round-250'

type Read = (report: RecordingsReport) => number
const rank1 =
  (amount: number | 'all'): Read =>
  ({ figures, people }) =>
    (worst(figures, amount, (one) => one.rank1)?.rank1 ?? Number.NaN) * people
const percent =
  (amount: number | 'all'): Read =>
  (report) =>
    (100 * rank1(amount)(report)) / report.people
const eer: Read = ({ figures }) => worst(figures, 5, (one) => -(one.eer ?? 1))?.eer ?? Number.NaN
const auc: Read = ({ figures }) => worst(figures, 1, (one) => one.auc ?? 0)?.auc ?? Number.NaN

export const benchmarks: readonly Benchmark[] = [
  guarded('risk.keystrokes.rank1', 'keystrokes', rank1(5), 2),
  guarded('risk.mouse.rank1', 'sapimouse', rank1(1), 3),
  guarded('risk.apps.one', 'commands', rank1(1), 1.5),
  guarded('risk.apps.linked', 'commands', rank1(10), 2),
  { ...guarded('risk.apps.kept', 'commands', ({ kept }) => 100 * kept, 50), unit: '%', better: 'higher' },
  { ...guarded('risk.keystrokes.eer', 'keystrokes', eer, 0.45), unit: '', better: 'higher' },
  { ...guarded('risk.mouse.auc', 'sapimouse', auc, 0.6), unit: '' },
  floor('risk.floor.keystrokes', 'keystrokes', percent(5), 85),
  floor('risk.floor.mouse', 'sapimouse', percent('all'), 75),
  floor('risk.floor.apps', 'commands', percent(5), 90),
]

function guarded(name: string, format: RecordingFormat, read: Read, target: number): Benchmark {
  // Commands have no times, so no control that blurs them.
  const hasControl = format !== 'commands'
  return {
    name,
    unit: '× chance',
    better: 'lower',
    target,
    peerName: hasControl ? 'times rounded to 250 ms' : 'commands as they are',
    run: () =>
      withRecording(format, async () => ({
        ours: [read(await reportOf(format, 'default'))],
        peer: [read(await reportOf(format, hasControl ? CONTROL : 'none'))],
      })),
  }
}

function floor(name: string, format: RecordingFormat, read: Read, target: number): Benchmark {
  return {
    name,
    unit: '% rank-1, raw',
    better: 'higher',
    target,
    peerName: null,
    run: () => withRecording(format, async () => ({ ours: [read(await reportOf(format, 'none'))], peer: null })),
  }
}

async function withRecording<Result>(format: RecordingFormat, run: () => Promise<Result>) {
  if (!existsSync(join(RECORDINGS, FILES[format])))
    return { reason: 'the recording is not here, see FAIRTRACE_RECORDINGS' }
  return await run()
}

/** One attack serves all the rows that read it. */
const reports = new Map<string, Promise<RecordingsReport>>()

function reportOf(format: RecordingFormat, protect: string): Promise<RecordingsReport> {
  const key = `${format} ${protect}`
  const held = reports.get(key)
  if (held !== undefined) return held
  const file = join(RECORDINGS, FILES[format])
  const report = assessRecordings(gunzipSync(readFileSync(file)).toString('utf8'), {
    format,
    protect,
    seed: 1,
    peopleMax: Number.POSITIVE_INFINITY,
    replay: async (onEvent) => {
      if (format !== 'commands') await replayFile(file, format, {}, onEvent)
    },
  })
  reports.set(key, report)
  return report
}
