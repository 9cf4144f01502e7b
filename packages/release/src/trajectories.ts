/**
 * AgentNet / OpenCUA trajectories, one JSON line for each segment that has a task (the format needs an instruction).
 *
 * ```json
 * {"task_id":"0f…","instruction":"Export the sheet","traj":[{"index":0,"image":"schematic/000001.png","value":{"code":"pyautogui.click(x=0.1632, y=0.2711)"}}]}
 * ```
 * Coordinates are the target's centre as a share of the schematic, 4 decimals. What was typed is not known: a `write` carries
 * the placeholder `<kind:length>`. The other fields of AgentNet are written by a model, and none was asked. Only where the
 * participant marked the task does a last step say how it ended; every other segment is an excerpt and just stops.
 */
import { LENGTH_CLASSES, NAMED_KEYS, SCHEMATIC, TEXT_KINDS } from '@fairtrace/core'
import { FIELD, FIELDS } from './coded-action.ts'
import { COMPUTER_USE_FORMATS } from './computer-use.ts'
import { targetArea } from './coordinates.ts'
import { SEGMENT_ENDS, type Segment } from './episodes.ts'
import { type ReleaseFiles, type ShardWriter, sha256Hex } from './release-files.ts'
import { type Area, drawSchematic } from './schematic.ts'

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

/** Turns segments that have a task into lines of every format, and draws each picture once. */
export class TrajectoryWriter {
  readonly #files: ReleaseFiles
  readonly #spots = new Map<number, Spot>()
  /** Two targets can look the same on the schematic, clipped: one picture. */
  readonly #drawn = new Map<string, string>()
  #drawing: Promise<void>[] = []
  #emptyImage: string | null = null
  readonly #lines: ReadonlyMap<string, LineShards>
  segments = 0
  /** Lines that a format could not take. */
  readonly left: Record<string, number> = {}

  constructor(files: ReleaseFiles, rowsMax: number) {
    this.#files = files
    const names = ['agentnet', ...COMPUTER_USE_FORMATS.map(({ name }) => name)]
    this.#lines = new Map(names.map((name) => [name, new LineShards(files, name, rowsMax)]))
  }

  async write(
    id: string,
    task: { readonly id: string; readonly instruction: string },
    segment: Segment,
    shortcuts: readonly (readonly string[])[],
  ): Promise<void> {
    const { actions } = segment
    const instruction = JSON.stringify(task.instruction)
    const steps: string[] = []
    const images: string[] = []
    let image = this.#empty()
    for (let at = 0; at < actions.length; at += FIELDS) {
      const spot = this.#spot(actions, at + FIELD.target)
      if (spot !== null) image = spot.image
      const toSpot = this.#spot(actions, at + FIELD.toTarget)
      steps.push(step(steps.length, image, code(actions, at, spot, toSpot, shortcuts)))
      images.push(image)
    }
    const terminate = TERMINATE[segment.end] ?? null
    if (terminate !== null) steps.push(step(steps.length, image, terminate))
    await this.#line('agentnet', `{"task_id":"${id}","instruction":${instruction},"traj":[${steps.join(',')}]}\n`)
    const outcome = segment.end === 0 ? '' : `,"outcome":"${SEGMENT_ENDS[segment.end]}"`
    for (const format of COMPUTER_USE_FORMATS) {
      const written = format.write(segment, shortcuts)
      if (written === null) this.left[format.name] = (this.left[format.name] ?? 0) + 1
      else
        await this.#line(
          format.name,
          `{"id":"${id}","instruction":${instruction}${outcome},"display":[${SCHEMATIC.width},${SCHEMATIC.height}],"images":[${images.map((each) => `"${each}"`).join(',')}],"actions":${written}}\n`,
        )
    }
    this.segments++
    if (this.#drawing.length >= IMAGES_AT_ONCE) await this.#settle()
  }

  async end(): Promise<void> {
    for (const lines of this.#lines.values()) await lines.end()
    await this.#settle()
  }

  /** Also after a failure: waits for pictures under way and lets the open files go. */
  async close(): Promise<void> {
    // `end` met every error that counts; after another failure the folder is removed anyway.
    await Promise.allSettled(this.#drawing)
    for (const lines of this.#lines.values()) await lines.close()
  }

  get images(): number {
    return this.#drawn.size
  }

  async #line(format: string, line: string): Promise<void> {
    await this.#lines.get(format)?.write(line)
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

  /** Named by a number, in the order of the shuffled release: a name by content would say in the manifest what people clicked. */
  #draw(area: Area | null): string {
    const bytes = drawSchematic(area)
    const digest = sha256Hex(bytes)
    const known = this.#drawn.get(digest)
    if (known !== undefined) return known
    const path = `schematic/${String(this.#drawn.size).padStart(6, '0')}.png`
    this.#drawn.set(digest, path)
    const written = this.#files.writeShard(path, bytes, 1)
    // Awaited in `#settle`; until then a failure is kept there instead of ending the process.
    written.catch(() => undefined)
    this.#drawing.push(written)
    return path
  }
}

/** One format's lines, in shards of bounded size. */
class LineShards {
  readonly #files: ReleaseFiles
  readonly #folder: string
  readonly #rowsMax: number
  readonly #shards: { readonly writer: ShardWriter; rows: number }[] = []
  #isOpen = false

  constructor(files: ReleaseFiles, folder: string, rowsMax: number) {
    this.#files = files
    this.#folder = folder
    this.#rowsMax = rowsMax
  }

  async write(line: string): Promise<void> {
    if (!this.#isOpen) {
      const writer = await this.#files.openShard(`${this.#folder}/train-${number5(this.#shards.length)}.jsonl`)
      this.#shards.push({ writer, rows: 0 })
      this.#isOpen = true
    }
    const shard = this.#shards.at(-1)
    if (shard === undefined) return
    await shard.writer.write(line)
    shard.rows++
    if (shard.rows < this.#rowsMax) return
    await shard.writer.end()
    this.#isOpen = false
  }

  async end(): Promise<void> {
    if (this.#isOpen) await this.#shards.at(-1)?.writer.end()
    this.#isOpen = false
    const count = number5(this.#shards.length)
    for (const [i, { writer, rows }] of this.#shards.entries()) {
      await this.#files.adopt(writer, `${this.#folder}/train-${number5(i)}-of-${count}.jsonl`, rows)
    }
  }

  async close(): Promise<void> {
    for (const { writer } of this.#shards) await writer.close()
  }
}

const number5 = (value: number): string => String(value).padStart(5, '0')

function step(index: number, image: string, text: string): string {
  // `text` is built of names and numbers; its only characters that JSON escapes are line ends.
  return `{"index":${index},"image":"${image}","value":{"code":"${text.replaceAll('\n', '\\n')}"}}`
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
