/** One scene as an SVG: on the left what a computer sees, on the right what leaves it, drawn from the shield's output alone. */
import type { Action, InputEvent, Target } from '@fairtrace/core'
import { describeAction } from '@fairtrace/device'
import { type Element, leaves, type Point, type Scene } from './scenes.ts'

const SIZE = { width: 960, panel: 464, gap: 32, screen: 0.35 } as const
const LINE = 21
const COLOURS = {
  ink: '#1d2733',
  soft: '#5b6776',
  line: '#b9c2cc',
  paper: '#ffffff',
  card: '#f4f6f8',
  stays: '#b3261e',
  leaves: '#0b6b50',
}

const ROLE_WORDS: Readonly<Partial<Record<string, string>>> = {
  textbox: 'text field',
  document: 'document',
  row: 'row',
}

export function drawScene(scene: Scene): string {
  const actions = leaves(scene.events)
  const seen = seenLines(scene)
  const left = leftLines(actions)
  const height = 362 + LINE * Math.max(seen.length, left.length)
  const right = SIZE.panel + SIZE.gap
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${height}" width="${SIZE.width}" height="${height}" role="img" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="14" fill="${COLOURS.ink}">
<title>${escapeXml(scene.title)}: what is seen, and what leaves</title>
<desc>Seen: ${escapeXml(seen.join('; '))}. Leaves: ${escapeXml(left.join('; '))}.</desc>
<rect width="${SIZE.width}" height="${height}" fill="${COLOURS.paper}"/>
${panel(0, 'On your screen', 'stays on your computer', COLOURS.stays, seen, height, screen(scene))}
${panel(right, 'What leaves', 'after your review', COLOURS.leaves, left, height, schematic(actions))}
</svg>
`
}

/** The sentences under the right side, as the document quotes them too. */
export function leftLines(actions: readonly Action[]): string[] {
  return actions.length === 0 ? ['nothing'] : actions.map((action, i) => `${i + 1}. ${describeAction(action)}`)
}

function seenLines({ events, keys }: Scene): string[] {
  const count = (is: (event: InputEvent) => boolean) => events.filter(is).length
  const moves = count(({ kind }) => kind === 'move')
  const buttons = count((event) => event.kind === 'button' && event.down)
  const strokes = count((event) => event.kind === 'key' && event.down)
  return [
    ...(moves > 0 ? [`${moves} movements of the mouse, each with its time`] : []),
    ...(buttons > 0
      ? [
          buttons === 1
            ? '1 press of a mouse button, at an exact point'
            : `${buttons} presses of a mouse button, each at an exact point`,
        ]
      : []),
    ...(strokes > 0 ? [`${strokes} keys, each with its time:`, `   ${keys}`] : []),
    ...(moves > 0 && buttons + strokes === 0 ? ['where the mouse lay still, and for how long'] : []),
  ]
}

function panel(
  x: number,
  title: string,
  note: string,
  colour: string,
  lines: readonly string[],
  height: number,
  picture: string,
) {
  const text = lines.map(
    (line, i) => `<text x="20" y="${362 + LINE * i}" xml:space="preserve">${escapeXml(line)}</text>`,
  )
  return `<g transform="translate(${x} 0)">
<rect x="0.5" y="0.5" width="${SIZE.panel - 1}" height="${height - 1}" rx="10" fill="${COLOURS.card}" stroke="${COLOURS.line}"/>
<text x="20" y="32" font-size="18" font-weight="600">${title}</text>
<text x="${SIZE.panel - 20}" y="32" text-anchor="end" fill="${colour}" font-weight="600">${note}</text>
<g transform="translate(8 48)">${picture}</g>
${text.join('\n')}
</g>`
}

/** What the person looks at: contents and the way of the pointer. */
function screen({ elements, path }: Scene): string {
  const curve =
    path.length === 0 ? '' : `<path d="${smooth(path)}" fill="none" stroke="${COLOURS.stays}" stroke-width="2"/>`
  const end = path.at(-1)
  const pointer =
    end === undefined
      ? ''
      : `<path d="M0 0l0 17 4-4 3 7 3-1-3-7 6 0z" fill="${COLOURS.ink}" stroke="#fff" transform="translate(${at(end[0])} ${at(end[1])})"/>`
  return `${frame()}${elements.map(drawn).join('')}${curve}${pointer}`
}

function drawn({ role, label, content, box }: Element): string {
  const [x, y, width, height] = [at(box.x), at(box.y), at(box.width), at(box.height)]
  const isButton = role === 'button'
  const name =
    label === undefined
      ? ''
      : `<text x="${isButton ? x + width / 2 : x}" y="${isButton ? y + height / 2 + 5 : y - 5}" font-size="${isButton ? 13 : 12}"${isButton ? ' text-anchor="middle"' : ` fill="${COLOURS.soft}"`}>${escapeXml(label)}</text>`
  const inside =
    content === undefined ? '' : `<text x="${x + 8}" y="${y + 21}" font-size="13">${escapeXml(content)}</text>`
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="4" fill="${isButton ? '#e3e8ee' : '#fff'}" stroke="${COLOURS.line}"/>${name}${inside}`
}

/** What can be drawn from what leaves: boxes, in order. */
function schematic(actions: readonly Action[]): string {
  const marks = new Map<string, { target: Target; numbers: number[] }>()
  const arrows: string[] = []
  for (const [i, action] of actions.entries()) {
    const targets = action.kind === 'drag' ? [action.from, action.to] : 'target' in action ? [action.target] : []
    for (const target of targets) {
      const key = JSON.stringify(target)
      const mark = marks.get(key) ?? { target, numbers: [] }
      marks.set(key, { target, numbers: [...mark.numbers, i + 1] })
    }
    if (action.kind === 'drag') arrows.push(arrow(action.from, action.to))
  }
  const boxes = [...marks.values()].map(({ target, numbers }) => marked(target, numbers))
  const empty =
    boxes.length === 0
      ? `<text x="224" y="145" text-anchor="middle" fill="${COLOURS.soft}">keys have no place</text>`
      : ''
  return `${frame()}${boxes.join('')}${arrows.join('')}${empty}`
}

function marked(target: Target, numbers: readonly number[]): string {
  if ('cell' in target) return ''
  const [x, y, width, height] = target.box.map(at) as [number, number, number, number]
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="4" fill="#dff2ea" stroke="${COLOURS.leaves}" stroke-width="1.5"/><text x="${x + width / 2}" y="${y + height / 2 + 5}" text-anchor="middle" font-size="13">${escapeXml(`${numbers.join(', ')}. ${target.label ?? ROLE_WORDS[target.role] ?? target.role}`)}</text>`
}

function arrow(from: Target, to: Target): string {
  if ('cell' in from || 'cell' in to) return ''
  const [ax, ay, aw, ah] = from.box
  const [bx, by, , bh] = to.box
  const [x, y] = [at(bx) - 4, at(by + bh / 2)]
  return `<path d="M${at(ax + aw) + 4} ${at(ay + ah / 2)}L${x} ${y}m-8 -5l8 5l-8 5" fill="none" stroke="${COLOURS.leaves}" stroke-width="2"/>`
}

function frame(): string {
  return `<rect x="0.5" y="0.5" width="447" height="280" rx="6" fill="#fff" stroke="${COLOURS.line}"/><path d="M1 20h446" stroke="${COLOURS.line}"/><circle cx="12" cy="10" r="4" fill="${COLOURS.line}"/><circle cx="25" cy="10" r="4" fill="${COLOURS.line}"/>`
}

/** A curve through the points (Catmull–Rom). */
function smooth(points: readonly Point[]): string {
  const [first, ...rest] = points
  if (first === undefined) return ''
  const parts = rest.map(([x, y], i) => {
    const before = points[i - 1] ?? points[i] ?? first
    const from = points[i] ?? first
    const after = points[i + 2] ?? [x, y]
    const one = [from[0] + (x - before[0]) / 6, from[1] + (y - before[1]) / 6].map(at)
    const two = [x - (after[0] - from[0]) / 6, y - (after[1] - from[1]) / 6].map(at)
    return `C${one.join(' ')} ${two.join(' ')} ${at(x)} ${at(y)}`
  })
  return `M${at(first[0])} ${at(first[1])}${parts.join('')}`
}

function at(units: number): number {
  return Math.round(units * SIZE.screen)
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
