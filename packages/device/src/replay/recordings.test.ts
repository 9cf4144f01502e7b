import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Action, actionSchema, checkConformance, createShield, defaultShieldSettings } from '@fairtrace/core'
import { describe, expect, it } from 'vitest'
import type { ReplayFormat, ReplayOptions } from './format.ts'
import { replayFile } from './replay-file.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..', '..')
const RECORDINGS = process.env.FAIRTRACE_RECORDINGS ?? join(ROOT, '..', 'shared', 'data')
const SETTINGS = defaultShieldSettings(['desktop:recording'])

async function shieldRecording(file: string, format: ReplayFormat, options: ReplayOptions) {
  const shield = createShield(SETTINGS)
  const actions: Action[] = []
  const report = await replayFile(join(RECORDINGS, file), format, options, (event) => shield.push(event, actions))
  shield.end(actions)
  return { report, actions, counts: shield.counts }
}

const files = [
  { format: 'ducktrack', file: 'ducktrack/events.jsonl.gz', lines: 13_401, actions: [20, 60] },
  { format: 'opencua', file: 'opencua-sample/events.jsonl.gz', lines: 4_099, actions: [14, 30], scrollDirection: -1 },
  { format: 'sapimouse', file: 'sapimouse/mouse.csv.gz', lines: 590_624, actions: [8_000, 18_000] },
  { format: 'keystrokes', file: 'aalto-keystrokes/keystrokes.csv.gz', lines: 110_076, actions: [4_500, 6_000] },
] as const

for (const recording of files) {
  const isHere = existsSync(join(RECORDINGS, recording.file))
  const why = isHere ? '' : ' (skipped: the recording is not here, see FAIRTRACE_RECORDINGS)'
  describe.skipIf(!isHere)(`the ${recording.format} recording${why}`, () => {
    it('is understood, and shields to as many actions as its people did things', async () => {
      const { format, file } = recording
      const options = 'scrollDirection' in recording ? { scrollDirection: recording.scrollDirection } : {}
      const { report, actions, counts } = await shieldRecording(file, format, options)
      expect(report.lines).toBe(recording.lines)
      expect(report.end).toBe('whole')
      expect(report.problems.filter((problem) => problem.reason !== 'button-unknown')).toEqual([])
      expect(actions.length).toBeGreaterThanOrEqual(recording.actions[0])
      expect(actions.length).toBeLessThanOrEqual(recording.actions[1])
      expect(counts.dropped.internal + counts.dropped.malformed + counts.dropped['key-unknown']).toBe(0)
      // Booleans, so that a failure prints nothing of a recording.
      expect(actions.every((action) => actionSchema.safeParse(action).success)).toBe(true)
      expect(actions.every((action) => checkConformance(action, SETTINGS) === null)).toBe(true)
    })
  })
}
