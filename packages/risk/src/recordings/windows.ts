/**
 * The window of each person. Recordings of many people don't name it, and a real source does: with one window for all, where
 * people click would tell how large their screen is, which the shield's grid takes away.
 */
import type { InputEvent } from '@fairtrace/core'
import type { RawSession } from './rows.ts'

export interface Window {
  readonly width: number
  readonly height: number
}

/** Common screens, smallest first. */
const SCREENS: readonly Window[] = [
  { width: 1_280, height: 720 },
  { width: 1_280, height: 800 },
  { width: 1_366, height: 768 },
  { width: 1_440, height: 900 },
  { width: 1_280, height: 1_024 },
  { width: 1_536, height: 864 },
  { width: 1_600, height: 900 },
  { width: 1_680, height: 1_050 },
  { width: 1_920, height: 1_080 },
  { width: 1_920, height: 1_200 },
]
export const LARGEST: Window = { width: 2_560, height: 1_440 }

/** By person, the smallest common screen that holds every point; `LARGEST` where there are none, or none holds them. */
export function windowsOf(sessions: readonly RawSession<string>[]): Map<number, Window> {
  const reach = new Map<number, { x: number; y: number }>()
  for (const { person, columns } of sessions) {
    const own = reach.get(person) ?? { x: 0, y: 0 }
    for (const x of columns.x ?? []) own.x = Math.max(own.x, x)
    for (const y of columns.y ?? []) own.y = Math.max(own.y, y)
    reach.set(person, own)
  }
  return new Map(
    [...reach].map(([person, { x, y }]) => [
      person,
      SCREENS.find(({ width, height }) => x < width && y < height) ?? LARGEST,
    ]),
  )
}

export function inWindow(event: InputEvent, window: Window): InputEvent {
  return 'place' in event ? { ...event, place: { ...event.place, ...window } } : event
}
