/**
 * Where the elements of an app stand in a window of a given size.
 *
 * Bars, rows and fields have fixed sizes and the middle takes the rest, as in real programs: so boxes tell screens apart,
 * a little, even when they are scaled to one schematic. A simulator without that would flatter the shield.
 */
import type { FieldKind, Place, SeenTarget } from '@fairtrace/core'
import { type AppPlan, LISTED_PLANS, UNLISTED_PLANS } from './apps.ts'

export interface Screen {
  readonly width: number
  readonly height: number
}

export interface SimulatedElement {
  readonly target: SeenTarget
  /** What gets the focus when it is clicked; `null` where a click doesn't move the focus into text. */
  readonly field: FieldKind | null
}

export interface SimulatedWindow {
  readonly app: AppPlan
  readonly screen: Screen
  /** By label. */
  readonly named: ReadonlyMap<string, SimulatedElement>
  /** Rows, cells or the document, in reading order. */
  readonly content: readonly [SimulatedElement, ...SimulatedElement[]]
}

export const SCREENS: readonly [Screen, ...Screen[]] = [
  { width: 1366, height: 728 },
  { width: 1920, height: 1040 },
  { width: 1536, height: 824 },
]

const BAR = 48
const SIDE = 208
const ROW = 32
const FORM_SHARE = 0.36

/** Every app's window on this screen, by app id. */
export function windowsOn(screen: Screen): ReadonlyMap<string, SimulatedWindow> {
  return new Map([...LISTED_PLANS, ...UNLISTED_PLANS].map((plan) => [plan.id, layOut(plan, screen)]))
}

export function placeAt(window: SimulatedWindow, x: number, y: number, element: SimulatedElement | null): Place {
  const at = { x: Math.round(x), y: Math.round(y), width: window.screen.width, height: window.screen.height }
  return element === null ? at : { ...at, target: element.target }
}

function layOut(app: AppPlan, screen: Screen): SimulatedWindow {
  const named = new Map<string, SimulatedElement>()
  const add = (label: string, role: string, field: FieldKind | null, box: SeenTarget['box']) =>
    named.set(label, { target: { role, label, box }, field })
  for (const [i, label] of app.toolbar.entries()) {
    add(label, 'button', null, { x: 8 + i * 104, y: 8, width: 96, height: 32 })
  }
  add(app.search, 'searchbox', 'search', { x: screen.width - 248, y: 8, width: 240, height: 32 })
  for (const [i, label] of app.sidebar.entries()) {
    add(label, 'link', null, { x: 0, y: BAR + 8 + i * 36, width: SIDE, height: 36 })
  }
  const formWidth = Math.round((screen.width - SIDE) * FORM_SHARE)
  const formX = screen.width - formWidth
  for (const [i, { label, field }] of app.fields.entries()) {
    add(label, 'textbox', field, { x: formX + 16, y: BAR + 24 + i * 56, width: formWidth - 32, height: 36 })
  }
  const confirmY = BAR + 32 + app.fields.length * 56
  add(app.confirm, 'button', null, { x: screen.width - 136, y: confirmY, width: 120, height: 36 })
  const middle = { x: SIDE, y: BAR + 8, width: formX - SIDE, height: screen.height - BAR - 8 }
  return { app, screen, named, content: contentOf(app, middle) }
}

function contentOf(app: AppPlan, middle: SeenTarget['box']): SimulatedWindow['content'] {
  if (app.content === 'document') return [{ target: { role: 'document', box: middle }, field: 'text' }]
  const { role, columns } = app.content
  const width = Math.floor(middle.width / columns)
  const cell = (i: number): SimulatedElement => ({
    target: {
      role,
      label: `${CONTENT_WORDS[i % CONTENT_WORDS.length]} ${100 + i}`,
      box: {
        x: middle.x + (i % columns) * width,
        y: middle.y + Math.floor(i / columns) * ROW,
        width,
        height: ROW,
      },
    },
    field: role === 'cell' ? 'text' : null,
  })
  const count = Math.floor(middle.height / ROW) * columns
  return [cell(0), ...Array.from({ length: count - 1 }, (_, i) => cell(i + 1))]
}

/** Stand for what people keep in an app. They are in no catalogue, so a test can look for them in what leaves. */
export const CONTENT_WORDS = ['Lumen order', 'Harbour visit', 'Quartz budget', 'Meadow review', 'Cobalt offer'] as const
