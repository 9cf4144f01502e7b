/**
 * AgentNet / OpenCUA trajectories, one JSON line for each segment that has a task (the format needs an instruction).
 *
 * ```json
 * {"task_id":"0f…","instruction":"Export the sheet","traj":[{"index":0,"image":"schematic/ab….png","value":{"code":"pyautogui.click(x=0.1632, y=0.2711)"}}]}
 * ```
 * Coordinates are the target's centre as a share of the schematic, 4 decimals. What was typed is not known: a `write` carries
 * the placeholder `<kind:length>`. The other fields of AgentNet are written by a model, and none was asked. Only where the
 * participant marked the task does a last step say how it ended; every other segment is an excerpt and just stops.
 */
import { LENGTH_CLASSES, NAMED_KEYS, SCHEMATIC, TEXT_KINDS } from '@fairtrace/core'
import { FIELD, FIELDS, TARGET_FIELD } from './coded-action.ts'
import type { Segment } from './episodes.ts'
import type { ReleaseFiles, ShardWriter } from './release-files.ts'
import { sha256Hex } from './release-files.ts'
import { type Area, cellArea, drawSchematic } from './schematic.ts'
import { ABSENT } from './vocabulary.ts'

/** By SEGMENT_ENDS. */
const TERMINATE = [null, "computer.terminate(status='success')", "computer.terminate(status='failure')"] as const
const IMAGES_AT_ONCE = 32

/** Names that pyautogui has for our keys, where they differ. `symbol` is no key: like typed text, it is a placeholder. */
const PYAUTOGUI_NAMES: Readonly<Record<string, string>> = {
  escape: 'esc',
  meta: 'win',
  menu: 'apps',
  symbol: '<symbol>',
}

function pyautoguiName(key: string): string {
  return PYAUTOGUI_NAMES[key] ?? key
}

interface Spot {
  readonly image: string
  /** `x=0.1632, y=0.2711` */
  readonly at: string
}

/** Turns segments into lines, and draws each picture once. */
export class AgentNetWriter {
  readonly #files: ReleaseFiles
  readonly #rowsMax: number
  readonly #spots = new Map<number, Spot>()
  /** Two targets can look the same on the schematic, clipped: one picture, two names for it. */
  readonly #drawn = new Set<string>()
  #drawing: Promise<void>[] = []
  #emptyImage: string | null = null
  #writer: ShardWriter | null = null
  #rows = 0
  readonly #shards: { readonly path: string; readonly rows: number }[] = []
  segments = 0

  constructor(files: ReleaseFiles, rowsMax: number) {
    this.#files = files
    this.#rowsMax = rowsMax
  }

  async write(
    id: string,
    instruction: string,
    segment: Segment,
    shortcuts: readonly (readonly string[])[],
  ): Promise<void> {
    const { actions } = segment
    const steps: string[] = []
    let image = this.#empty()
    for (let at = 0; at < actions.length; at += FIELDS) {
      const spot = this.#spot(actions, at + FIELD.target)
      if (spot !== null) image = spot.image
      const toSpot = this.#spot(actions, at + FIELD.toTarget)
      steps.push(step(steps.length, image, code(actions, at, spot, toSpot, shortcuts)))
    }
    const terminate = TERMINATE[segment.end] ?? null
    if (terminate !== null) steps.push(step(steps.length, image, terminate))
    this.#writer ??= await this.#files.openShard(partName(this.#shards.length))
    await this.#writer.write(
      `{"task_id":"${id}","instruction":${JSON.stringify(instruction)},"traj":[${steps.join(',')}]}\n`,
    )
    this.segments++
    this.#rows += 1
    if (this.#rows >= this.#rowsMax) await this.#endShard()
    if (this.#drawing.length >= IMAGES_AT_ONCE) await this.#settle()
  }

  async end(): Promise<void> {
    await this.#endShard()
    await this.#settle()
    const count = String(this.#shards.length).padStart(5, '0')
    for (const [i, shard] of this.#shards.entries()) {
      await this.#files.adopt(shard.path, `agentnet/train-${String(i).padStart(5, '0')}-of-${count}.jsonl`, shard.rows)
    }
  }

  /** Also after a failure: waits for pictures under way and lets the open file go. */
  async close(): Promise<void> {
    // `end` met every error that counts; after another failure the folder is removed anyway.
    await Promise.allSettled(this.#drawing)
    await this.#writer?.close()
    this.#writer = null
  }

  get images(): number {
    return this.#drawn.size
  }

  async #endShard(): Promise<void> {
    if (this.#writer === null) return
    await this.#writer.end()
    this.#shards.push({ path: partName(this.#shards.length), rows: this.#rows })
    this.#writer = null
    this.#rows = 0
  }

  async #settle(): Promise<void> {
    const waiting = this.#drawing
    this.#drawing = []
    await Promise.all(waiting)
  }

  #empty(): string {
    this.#emptyImage ??= this.#draw(null)
    return this.#emptyImage
  }

  #spot(actions: Int16Array, at: number): Spot | null {
    const area = targetArea(actions, at)
    if (area === null) return null
    const key = ((area.x * 1_281 + area.y) * 1_281 + area.width) * 1_281 + area.height
    const known = this.#spots.get(key)
    if (known !== undefined) return known
    const x = Math.min(1, (area.x + area.width / 2) / SCHEMATIC.width).toFixed(4)
    const y = Math.min(1, (area.y + area.height / 2) / SCHEMATIC.height).toFixed(4)
    const spot = { image: this.#draw(area), at: `x=${x}, y=${y}` }
    this.#spots.set(key, spot)
    return spot
  }

  #draw(area: Area | null): string {
    const bytes = drawSchematic(area)
    const path = `schematic/${sha256Hex(bytes)}.png`
    if (!this.#drawn.has(path)) {
      this.#drawn.add(path)
      const written = this.#files.writeShard(path, bytes, 1)
      // Awaited in `#settle`; until then a failure is kept there instead of ending the process.
      written.catch(() => undefined)
      this.#drawing.push(written)
    }
    return path
  }
}

const partName = (i: number): string => `agentnet/part-${i}`

function step(index: number, image: string, text: string): string {
  // `text` is built of names and numbers; its only characters that JSON escapes are line ends.
  return `{"index":${index},"image":"${image}","value":{"code":"${text.replaceAll('\n', '\\n')}"}}`
}

function targetArea(actions: Int16Array, at: number): Area | null {
  const cell = actions[at + TARGET_FIELD.cell] ?? ABSENT
  if (cell !== ABSENT) return cellArea(cell)
  const width = actions[at + TARGET_FIELD.width] ?? ABSENT
  if (width === ABSENT) return null
  return {
    x: actions[at + TARGET_FIELD.x] ?? 0,
    y: actions[at + TARGET_FIELD.y] ?? 0,
    width,
    height: actions[at + TARGET_FIELD.height] ?? 0,
  }
}

const LEFT_CLICKS = ['pyautogui.click', 'pyautogui.doubleClick', 'computer.tripleClick'] as const
const BUTTON_NAMES = ['left', 'middle', 'right'] as const

function code(
  actions: Int16Array,
  at: number,
  spot: Spot | null,
  to: Spot | null,
  shortcuts: readonly (readonly string[])[],
): string {
  const place = spot?.at ?? ''
  const button = BUTTON_NAMES[actions[at + FIELD.button] ?? 0] ?? 'left'
  switch (actions[at]) {
    case 0:
      return `pyautogui.moveTo(${place})`
    case 1: {
      if (button === 'right') return `pyautogui.rightClick(${place})`
      if (button === 'middle') return `pyautogui.middleClick(${place})`
      return `${LEFT_CLICKS[(actions[at + FIELD.count] ?? 1) - 1] ?? LEFT_CLICKS[0]}(${place})`
    }
    case 2:
      return `pyautogui.moveTo(${place})\npyautogui.dragTo(${to?.at ?? place}, button='${button}')`
    case 3:
      return `pyautogui.moveTo(${place})\n${scroll(actions[at + FIELD.direction] ?? 0, actions[at + FIELD.amount] ?? 1)}`
    case 4:
      return `pyautogui.press(keys=['${pyautoguiName(NAMED_KEYS[actions[at + FIELD.key] ?? 0] ?? 'enter')}'])`
    case 5: {
      const keys = shortcuts[actions[at + FIELD.keys] ?? 0] ?? []
      return `pyautogui.hotkey(keys=[${keys.map((key) => `'${pyautoguiName(key)}'`).join(', ')}])`
    }
    default: {
      const kind = TEXT_KINDS[actions[at + FIELD.text] ?? 0]
      return `pyautogui.write(message='<${kind}:${LENGTH_CLASSES[actions[at + FIELD.length] ?? 0]}>')`
    }
  }
}

/** pyautogui: positive scrolls up, and to the right. Directions in the order of DIRECTIONS. */
function scroll(direction: number, amount: number): string {
  if (direction === 0) return `pyautogui.scroll(${amount})`
  if (direction === 1) return `pyautogui.scroll(${-amount})`
  return `pyautogui.hscroll(${direction === 2 ? -amount : amount})`
}
