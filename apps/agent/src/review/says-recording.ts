/** One recording in one sentence, for the terminal and the page alike. */
import type { ReviewedRecording } from '../control/answers.ts'

const DAY = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long' })
const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const DAY_MS = 86_400_000

/** @example "Monday 23 November, 14:05: 12 actions; held until Tuesday 24 November, 14:20." */
export function saysRecording(recording: ReviewedRecording, nowMs: number): string {
  const count = recording.sentences.length
  const when = moment(recording.startedAtMs, nowMs)
  return `${when.charAt(0).toUpperCase()}${when.slice(1)}: ${count} ${count === 1 ? 'action' : 'actions'}${saysTask(recording)}; ${saysWhenItLeaves(recording, nowMs)}.`
}

export function saysWhenItLeaves({ state, heldUntilMs }: ReviewedRecording, nowMs: number): string {
  if (state === 'open' || heldUntilMs === null) return 'still being recorded'
  if (state === 'released') return 'released by you, leaves with the next upload'
  if (heldUntilMs <= nowMs) return 'your time to review is over, leaves with the next upload'
  return `held until ${moment(heldUntilMs, nowMs)}`
}

function saysTask({ task, outcome }: ReviewedRecording): string {
  if (task === null) return ''
  return `, task “${task}”${outcome === null ? '' : outcome === 'done' ? ' (done)' : ' (not done)'}`
}

/** Of today only the time, else the day too; in the person's own time zone. */
export function moment(ms: number, nowMs: number): string {
  const isToday = Math.abs(nowMs - ms) < DAY_MS && DAY.format(ms) === DAY.format(nowMs)
  return isToday ? `today, ${TIME.format(ms)}` : `${DAY.format(ms)}, ${TIME.format(ms)}`
}
