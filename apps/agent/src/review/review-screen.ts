/**
 * The review in a terminal, as a value: what is shown, and what a key does to it. Reading keys and asking the agent is left to
 * who holds the terminal.
 */
import type { ReviewAnswer, ReviewedRecording } from '../control/answers.ts'
import { saysRecording } from './says-recording.ts'

export interface ReviewScreen {
  readonly review: ReviewAnswer
  /** Where the mark stands: in the list, or in one recording with the start of a marked range. */
  readonly place:
    | { readonly in: 'list'; readonly at: number }
    | { readonly in: 'recording'; readonly recording: number; readonly at: number; readonly from: number | null }
  /** A step that can't be undone waits for a second press of its key. */
  readonly asks: 'delete' | 'release' | null
}

/** What a key asks for besides another screen. `null`: nothing. */
export type ReviewEffect =
  | { readonly do: 'quit' }
  | { readonly do: 'delete'; readonly recording: string }
  | { readonly do: 'delete-part'; readonly recording: string; readonly from: number; readonly to: number }
  | { readonly do: 'release'; readonly recording: string }
  | null

export function openReview(review: ReviewAnswer): ReviewScreen {
  return { review, place: { in: 'list', at: 0 }, asks: null }
}

/** After something was deleted or released: the same place, as far as it is still there. */
export function withReview(screen: ReviewScreen, review: ReviewAnswer): ReviewScreen {
  const { place } = screen
  const last = Math.max(review.recordings.length - 1, 0)
  if (place.in === 'list') return { review, place: { in: 'list', at: Math.min(place.at, last) }, asks: null }
  const before = screen.review.recordings[place.recording]
  const now = review.recordings.findIndex(({ id }) => id === before?.id)
  const actions = review.recordings[now]?.sentences.length ?? 0
  if (now === -1 || actions === 0)
    return { review, place: { in: 'list', at: Math.min(place.recording, last) }, asks: null }
  return {
    review,
    place: { in: 'recording', recording: now, at: Math.min(place.at, actions - 1), from: null },
    asks: null,
  }
}

/** @param key as Node's readline names it */
export function pressKey(screen: ReviewScreen, key: string): { screen: ReviewScreen; effect: ReviewEffect } {
  const { place, review, asks } = screen
  const calm: ReviewScreen = { ...screen, asks: null }
  const recording = review.recordings[place.in === 'list' ? place.at : place.recording]
  if (key === 'q') return { screen, effect: { do: 'quit' } }
  if (key === 'escape' || key === 'left')
    return {
      screen: backToList(calm),
      effect: key === 'escape' && place.in === 'list' && asks === null ? { do: 'quit' } : null,
    }
  if (recording === undefined) return { screen: calm, effect: null }
  if (key === 'up' || key === 'k') return { screen: move(calm, -1), effect: null }
  if (key === 'down' || key === 'j') return { screen: move(calm, 1), effect: null }
  if (key === 'return' || key === 'right') return { screen: enter(calm), effect: null }
  if (key === 'space') return { screen: mark(calm), effect: null }
  if (key === 'd') {
    if (recording.state === 'open') return { screen: calm, effect: null }
    return asks === 'delete'
      ? { screen: calm, effect: deletion(place, recording) }
      : { screen: { ...screen, asks: 'delete' }, effect: null }
  }
  if (key === 'r') {
    if (recording.state !== 'held') return { screen: calm, effect: null }
    return asks === 'release'
      ? { screen: calm, effect: { do: 'release', recording: recording.id } }
      : { screen: { ...screen, asks: 'release' }, effect: null }
  }
  return { screen: calm, effect: null }
}

/** @returns the lines of the screen, none longer than `columns`, at most `rows` */
export function drawReview(screen: ReviewScreen, columns: number, rows: number): string[] {
  const { place, review } = screen
  const recording = place.in === 'recording' ? review.recordings[place.recording] : undefined
  const head =
    recording === undefined
      ? 'What waits on this computer. Nothing here has left it.'
      : saysRecording(recording, review.nowMs)
  const lines =
    recording === undefined
      ? listLines(screen)
      : recording.sentences.map((sentence, i) => actionLine(screen, sentence, i))
  const room = Math.max(rows - 4, 1)
  const first = Math.max(0, Math.min(place.at - Math.floor(room / 2), lines.length - room))
  const shown = lines.length === 0 ? ['Nothing waits.'] : lines.slice(first, first + room)
  return [head, '', ...shown, '', help(screen, recording)].map((line) => cut(line, columns))
}

function listLines({ place, review }: ReviewScreen): string[] {
  return review.recordings.map((one, i) => `${place.at === i ? '▸' : ' '} ${saysRecording(one, review.nowMs)}`)
}

function actionLine({ place }: ReviewScreen, sentence: string, i: number): string {
  const [from, to] = marked(place)
  return `${place.at === i ? '▸' : ' '}${from <= i && i < to && place.in === 'recording' && place.from !== null ? '●' : ' '} ${i + 1}. ${sentence}`
}

function help({ place, asks }: ReviewScreen, recording: ReviewedRecording | undefined): string {
  if (asks === 'delete') return 'Press d again to delete it for good, any other key to keep it.'
  if (asks === 'release') return 'Press r again to let it leave before your time is over; it can’t be called back.'
  if (place.in === 'list') return '↑↓ choose · Enter read · d delete · r release early · q leave'
  const release = recording?.state === 'held' ? ' · r release' : ''
  return `↑↓ move · Space mark · d delete ${place.from === null ? 'line' : 'marked'}${release} · Esc back · q leave`
}

function marked(place: ReviewScreen['place']): readonly [number, number] {
  if (place.in === 'list') return [0, 0]
  const from = place.from ?? place.at
  return [Math.min(from, place.at), Math.max(from, place.at) + 1]
}

function deletion(place: ReviewScreen['place'], recording: ReviewedRecording): ReviewEffect {
  if (place.in === 'list') return { do: 'delete', recording: recording.id }
  const [from, to] = marked(place)
  return { do: 'delete-part', recording: recording.id, from, to }
}

function backToList({ review, place, asks }: ReviewScreen): ReviewScreen {
  return { review, asks, place: place.in === 'list' ? place : { in: 'list', at: place.recording } }
}

function enter(screen: ReviewScreen): ReviewScreen {
  if (screen.place.in === 'recording') return screen
  return { ...screen, place: { in: 'recording', recording: screen.place.at, at: 0, from: null } }
}

function mark(screen: ReviewScreen): ReviewScreen {
  const { place } = screen
  if (place.in === 'list') return screen
  return { ...screen, place: { ...place, from: place.from === null ? place.at : null } }
}

function move(screen: ReviewScreen, by: number): ReviewScreen {
  const { place, review } = screen
  const count =
    place.in === 'list' ? review.recordings.length : (review.recordings[place.recording]?.sentences.length ?? 0)
  return { ...screen, place: { ...place, at: Math.max(0, Math.min(place.at + by, count - 1)) } }
}

function cut(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, Math.max(columns - 1, 0))}…`
}
