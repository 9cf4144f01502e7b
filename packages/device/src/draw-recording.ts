/**
 * A recording as a drawing of where things happened: one empty window for each app, on the schematic of 1280 × 800 that all
 * boxes refer to, with what was pointed at and clicked numbered in order. It shows what leaves and nothing else: there never was
 * a picture of the screen.
 */
import { type Action, type AppId, GRID, SCHEMATIC, type Target } from '@fairtrace/core'
import { describeAction, describeTarget } from './describe-action.ts'
import { appText } from './device-state.ts'

const { width: WIDTH, height: HEIGHT } = SCHEMATIC
const BAR = 48
const GAP = 24
const LINE = 40
const MARK = 22
/** Lines of a window about keys; the others are counted. */
const KEY_LINES_MAX = 8
/** Of a character, in parts of its height: rather more than less. */
const CHAR_WIDTH = 0.62

/** No script, no reference to anything outside; light and dark by the reader's own setting. */
export function drawRecording(actions: readonly Action[]): string {
  const panels = panelsOf(actions)
  let y = 0
  const drawn = panels.map((panel) => {
    const at = y
    const lines = keyLines(panel)
    y += BAR + HEIGHT + lines.length * LINE + (lines.length > 0 ? GAP : 0) + GAP
    return `<g transform="translate(0 ${at})">${drawPanel(panel, lines)}</g>`
  })
  const hasPointed = actions.some(({ kind }) => kind === 'hover')
  if (hasPointed) {
    drawn.push(
      text(
        8,
        y + LINE / 2,
        'A filled number was clicked, scrolled or dragged; a hollow one only pointed at.',
        'ft-line',
      ),
    )
    y += LINE + GAP
  }
  const height = Math.max(y - GAP, BAR)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 ${WIDTH + 4} ${height + 4}" role="img" class="ft-drawing">`,
    `<title>${escapeXml(titleOf(actions, panels))}</title>`,
    `<desc>${escapeXml(actions.map((action, i) => `${i + 1}. ${describeAction(action)}`).join('; '))}</desc>`,
    `<style>${STYLE}</style>`,
    ...drawn,
    '</svg>',
  ].join('')
}

interface Numbered {
  /** From 1, as the list of sentences counts. */
  readonly number: number
  readonly action: Action
}

/** What was done in one app, however often it was left and come back to. */
interface Panel {
  readonly app: AppId | null
  readonly done: Numbered[]
}

function panelsOf(actions: readonly Action[]): readonly Panel[] {
  const panels = new Map<AppId | null, Panel>()
  let app: AppId | null = null
  for (const [i, action] of actions.entries()) {
    if (action.kind === 'switch') app = action.app
    const panel = panels.get(app) ?? { app, done: [] }
    panels.set(app, panel)
    panel.done.push({ number: i + 1, action })
  }
  return [...panels.values()]
}

function titleOf(actions: readonly Action[], panels: readonly Panel[]): string {
  const apps = panels.flatMap(({ app }) => (app === null ? [] : [appText(app)]))
  const count = `${actions.length} ${actions.length === 1 ? 'action' : 'actions'}`
  return apps.length === 0 ? `Where ${count} happened` : `Where ${count} happened in ${apps.join(', ')}`
}

function drawPanel(panel: Panel, lines: readonly string[]): string {
  const marks = marksOf(panel.done)
  const shapes = new Map(panel.done.flatMap(({ action }) => targetsOf(action)).map((one) => [keyOf(one), one]))
  const title = panel.app === null ? 'An app' : appText(panel.app)
  return [
    `<rect class="ft-window" width="${WIDTH}" height="${BAR + HEIGHT}" rx="12"/>`,
    `<line class="ft-frame" y1="${BAR}" y2="${BAR}" x2="${WIDTH}"/>`,
    text(24, BAR / 2, cut(title, WIDTH - 48, 26), 'ft-app'),
    `<g transform="translate(0 ${BAR})">`,
    ...[...shapes.values()].sort(largestFirst).map(drawTarget),
    ...panel.done.flatMap(({ action, number }) => (action.kind === 'drag' ? [drawDrag(action, number)] : [])),
    ...marks.map(drawMark),
    '</g>',
    ...lines.map((line, i) => text(8, BAR + HEIGHT + GAP + (i + 0.5) * LINE, cut(line, WIDTH - 16, 26), 'ft-line')),
  ].join('')
}

/** Keys have no place, so they are told below the window, several to a line. */
function keyLines({ done }: Panel): readonly string[] {
  const said = done.flatMap(({ action, number }) =>
    action.kind === 'type' || action.kind === 'press' || action.kind === 'hotkey'
      ? [`${number} ${describeAction(action)}`]
      : [],
  )
  const lines: string[] = []
  for (const [i, one] of said.entries()) {
    const longer = `${lines.at(-1) ?? ''}  ·  ${one}`
    if (lines.length > 0 && widthOf(longer, 26) <= WIDTH - 16) lines[lines.length - 1] = longer
    else if (lines.length < KEY_LINES_MAX) lines.push(one)
    else return [...lines.slice(0, -1), `… and ${said.length - i} more with the keyboard, in the list`]
  }
  return lines
}

interface Mark {
  readonly target: Target
  readonly done: Numbered[]
  readonly x: number
  readonly y: number
}

/** One mark for each target, however often it was used; marks keep off each other. */
function marksOf(done: readonly Numbered[]): readonly Mark[] {
  const marks = new Map<string, Mark>()
  for (const one of done) {
    for (const target of targetsOf(one.action)) {
      const key = keyOf(target)
      const known = marks.get(key)
      if (known !== undefined) {
        if (known.done.at(-1) !== one) known.done.push(one)
        continue
      }
      marks.set(key, { target, done: [one], ...freePlace(areaOf(target), [...marks.values()]) })
    }
  }
  return [...marks.values()]
}

function freePlace(area: Area, taken: readonly Mark[]): { x: number; y: number } {
  const inside = (at: number, max: number) => Math.min(Math.max(at, MARK + 2), max - MARK - 2)
  // At its left end, so that a name has room beside it; in the middle of what is too small for one.
  const x = area.width > 4 * MARK ? area.x + MARK + 10 : area.x + area.width / 2
  const y = area.height > 4 * MARK ? area.y + MARK + 10 : area.y + area.height / 2
  for (let step = 0; step < 24; step++) {
    const place = {
      x: inside(x + (step % 6) * 2.4 * MARK, WIDTH),
      y: inside(y + Math.floor(step / 6) * 2.2 * MARK, HEIGHT),
    }
    if (taken.every((mark) => Math.hypot(mark.x - place.x, mark.y - place.y) >= 2 * MARK)) return place
  }
  return { x: inside(x, WIDTH), y: inside(y, HEIGHT) }
}

function drawMark({ done, x, y }: Mark): string {
  const [first] = done
  if (first === undefined) return ''
  const isPointedAt = done.every(({ action }) => action.kind === 'hover')
  const said = done.map(({ number, action }) => `${number}. ${describeAction(action)}`).join('\n')
  const rest = done.length > 1 ? ` <tspan class="ft-more">+${done.length - 1}</tspan>` : ''
  const label = `${first.number}${rest}`
  const half = Math.max(MARK, (`${first.number}`.length * 26 * CHAR_WIDTH) / 2 + 10 + (done.length > 1 ? 22 : 0))
  return [
    `<g class="${isPointedAt ? 'ft-pointed' : 'ft-clicked'}"><title>${escapeXml(said)}</title>`,
    `<rect x="${round(x - MARK)}" y="${round(y - MARK)}" width="${round(2 * half)}" height="${2 * MARK}" rx="${MARK}"/>`,
    `<text x="${round(x - MARK + half)}" y="${round(y)}" class="ft-number">${label}</text></g>`,
  ].join('')
}

function drawTarget(target: Target): string {
  const { x, y, width, height } = areaOf(target)
  const isCell = 'cell' in target
  const name = isCell || target.label === undefined ? '' : target.label
  const room = width - (width > 4 * MARK ? 2 * MARK + 28 : 0)
  const shown = cut(name, room, 24)
  const nameY = height > 4 * MARK ? y + MARK + 10 : y + height / 2
  return [
    `<g><title>${escapeXml(describeTarget(target))}</title>`,
    `<rect class="${isCell ? 'ft-cell' : 'ft-box'}" x="${x}" y="${y}" width="${Math.max(8, width)}" height="${Math.max(8, height)}" rx="6"/>`,
    shown.length > 1 && height >= 24 && room > 60 ? text(x + width - room + 8, nameY, shown, 'ft-name') : '',
    '</g>',
  ].join('')
}

function drawDrag({ from, to }: Extract<Action, { kind: 'drag' }>, number: number): string {
  const [a, b] = [centreOf(from), centreOf(to)]
  const angle = Math.atan2(b.y - a.y, b.x - a.x)
  const wing = (turn: number) =>
    `${round(b.x - 24 * Math.cos(angle + turn))},${round(b.y - 24 * Math.sin(angle + turn))}`
  return [
    `<g class="ft-drag"><title>${number}. dragged</title>`,
    `<line x1="${round(a.x)}" y1="${round(a.y)}" x2="${round(b.x)}" y2="${round(b.y)}"/>`,
    `<polyline points="${wing(0.5)} ${round(b.x)},${round(b.y)} ${wing(-0.5)}"/></g>`,
  ].join('')
}

interface Area {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Within the window, also where a box reaches beyond it. */
function areaOf(target: Target): Area {
  if ('cell' in target) {
    const [width, height] = [WIDTH / GRID.columns, HEIGHT / GRID.rows]
    return { x: target.cell[0] * width, y: target.cell[1] * height, width, height }
  }
  const [x, y, width, height] = target.box
  return { x, y, width: Math.min(width, WIDTH - x), height: Math.min(height, HEIGHT - y) }
}

function centreOf(target: Target): { x: number; y: number } {
  const { x, y, width, height } = areaOf(target)
  return { x: x + width / 2, y: y + height / 2 }
}

function targetsOf(action: Action): readonly Target[] {
  if (action.kind === 'drag') return [action.from, action.to]
  return 'target' in action ? [action.target] : []
}

function largestFirst(a: Target, b: Target): number {
  const size = (target: Target) => areaOf(target).width * areaOf(target).height
  return size(b) - size(a)
}

const keyOf = (target: Target): string => JSON.stringify(target)
const round = (value: number): number => Math.round(value * 10) / 10
const widthOf = (said: string, size: number): number => said.length * size * CHAR_WIDTH

function cut(said: string, width: number, size: number): string {
  const chars = Math.floor(width / (size * CHAR_WIDTH))
  return said.length <= chars ? said : `${said.slice(0, Math.max(0, chars - 1))}…`
}

function text(x: number, y: number, said: string, className: string): string {
  return `<text x="${round(x)}" y="${round(y)}" class="${className}">${escapeXml(said)}</text>`
}

/** Labels are a catalogue's, but a catalogue is a document: nothing of it may become markup. */
function escapeXml(said: string): string {
  return said.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

const STYLE = [
  '.ft-drawing{--ft-ground:#fff;--ft-ink:#1f2933;--ft-soft:#52606d;--ft-edge:#7b8794;--ft-fill:#eef2f6;--ft-mark:#1d4ed8;--ft-on:#fff}',
  '@media (prefers-color-scheme:dark){.ft-drawing{--ft-ground:#161b22;--ft-ink:#e6edf3;--ft-soft:#a9b4c0;--ft-edge:#7d8894;--ft-fill:#222b36;--ft-mark:#8ab4ff;--ft-on:#0b1220}}',
  '.ft-drawing text{font-family:system-ui,sans-serif;dominant-baseline:central;fill:var(--ft-ink)}',
  '.ft-window{fill:var(--ft-ground);stroke:var(--ft-edge);stroke-width:3}',
  '.ft-frame{stroke:var(--ft-edge);stroke-width:2}',
  '.ft-app{font-size:26px;font-weight:600}',
  '.ft-drawing .ft-line{font-size:26px;fill:var(--ft-soft)}',
  '.ft-drawing .ft-name{font-size:24px}',
  '.ft-box{fill:var(--ft-fill);stroke:var(--ft-edge);stroke-width:2}',
  '.ft-cell{fill:var(--ft-fill);stroke:var(--ft-edge);stroke-width:2;stroke-dasharray:8 8}',
  '.ft-clicked rect{fill:var(--ft-mark);stroke:var(--ft-mark);stroke-width:3}',
  '.ft-pointed rect{fill:var(--ft-ground);stroke:var(--ft-mark);stroke-width:3}',
  '.ft-drawing .ft-number{font-size:24px;font-weight:600;text-anchor:middle;fill:var(--ft-on)}',
  '.ft-drawing .ft-pointed .ft-number{fill:var(--ft-mark)}',
  '.ft-more{font-size:20px;font-weight:400}',
  '.ft-drag line,.ft-drag polyline{fill:none;stroke:var(--ft-mark);stroke-width:5;stroke-linecap:round}',
].join('')
