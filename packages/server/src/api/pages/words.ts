/** Plain words for what the charter and the programme say in codes. */
import { type Category, type Charter, type Html, html } from '@fairtrace/core'
import type { ProgrammeState } from '../../store/tables.ts'
import type { AccountRole } from '../accounts.ts'

export const CATEGORY_WORDS: Readonly<Record<Category, { readonly title: string; readonly meaning: string }>> = {
  pointer: {
    title: 'Mouse',
    meaning: 'Which button or field you click, drag or scroll. Never the path, never a time.',
  },
  keyboard: {
    title: 'Keyboard',
    meaning: 'Shortcuts, keys such as Enter, and that you typed something of some kind and length. Never the text.',
  },
  switches: { title: 'Change of app', meaning: 'Which of the apps below you change to.' },
}

export const ROLE_WORDS: Readonly<Record<AccountRole, string>> = {
  'programme-owner': 'programme owner',
  'data-protection': 'data-protection officer',
  'worker-representative': 'worker representative',
  researcher: 'researcher',
  auditor: 'auditor',
  operator: 'operator',
  participant: 'participant',
}

const STATE_SENTENCES: Readonly<Record<ProgrammeState, string>> = {
  draft: 'is a draft. Nothing is recorded.',
  approved: 'is approved and has not started. Nothing is recorded.',
  running: 'is running. Only people who said yes are recorded, and only what they chose.',
  paused: 'is paused. Nothing is recorded.',
  closed: 'is closed. Nothing is recorded.',
  locked:
    'is locked. Nothing is recorded and nobody is given access. You can still see what is stored about you, pause and withdraw.',
}

export function stateSentence(charter: Charter, state: ProgrammeState): string {
  return `“${charter.title}” ${STATE_SENTENCES[state]}`
}

export function totalSentence(shown: number | null, k: number): string {
  return shown === null
    ? `Fewer than ${k} people take part at the moment, or none; below ${k} no number is shown.`
    : `At least ${shown} people take part. The number is of last midnight (UTC) and moves in steps of ${k}, so that nobody’s decision can be read off it.`
}

/** `1209600000` → "14 days" */
export function duration(ms: number): string {
  const units = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
  ] as const
  const [size, name] = units.find(([unit]) => ms >= unit && ms % unit === 0) ?? [60_000, 'minute']
  const count = Math.round(ms / size)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}

const TIME = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
  timeZoneName: 'short',
})

export function time(ms: number): Html {
  return html`<time datetime="${new Date(ms).toISOString()}">${TIME.format(ms)}</time>`
}

export function listWords(words: readonly string[]): string {
  return words.length === 0 ? 'nothing' : new Intl.ListFormat('en-GB').format(words)
}

const BYTES = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 1 })

export function fileSize(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`
  return bytes < 1_000_000 ? `${BYTES.format(bytes / 1_000)} kB` : `${BYTES.format(bytes / 1_000_000)} MB`
}
