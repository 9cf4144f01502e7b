/** Whether a release says what was really done, and points at what it was done to. Truth is handed in: no release has it. */
import { type Box, GRID, type ReleasedAction, SCHEMATIC, type Target } from '@fairtrace/core'

/** The point that exporters give for a target, in whole units of the schematic: the centre of its box, or of its cell. */
export function pointOf(target: Target): { readonly x: number; readonly y: number } {
  const [x, y, width, height] = 'box' in target ? target.box : cellBox(target.cell)
  return {
    x: Math.min(SCHEMATIC.width - 1, Math.floor(x + width / 2)),
    y: Math.min(SCHEMATIC.height - 1, Math.floor(y + height / 2)),
  }
}

/**
 * Whether that point, brought back to the window of the recording, lies on what was really clicked.
 * @param truth in pixels of a window of the given size
 */
export function hits(target: Target, truth: Box, window: { readonly width: number; readonly height: number }): boolean {
  const point = pointOf(target)
  const x = ((point.x + 0.5) / SCHEMATIC.width) * window.width
  const y = ((point.y + 0.5) / SCHEMATIC.height) * window.height
  return truth.x <= x && x < truth.x + truth.width && truth.y <= y && y < truth.y + truth.height
}

/** An action as an operation: what is done, whatever it is done to. */
export function operationOf(action: ReleasedAction): string {
  switch (action.kind) {
    case 'click':
      return `click ${action.button} ${action.count}`
    case 'drag':
      return `drag ${action.button}`
    case 'scroll':
      return `scroll ${action.direction}`
    case 'press':
      return `press ${action.key}`
    case 'hotkey':
      return `hotkey ${action.keys.join('+')}`
    default:
      return action.kind
  }
}

/**
 * Pairs of places at which two lists say the same, in order and as many as possible (longest common subsequence): what has no
 * pair was lost, changed or made up.
 */
export function pairs(done: readonly string[], released: readonly string[]): (readonly [number, number])[] {
  const width = released.length + 1
  const longest = new Uint32Array((done.length + 1) * width)
  for (let i = done.length - 1; i >= 0; i--) {
    for (let j = released.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        done[i] === released[j]
          ? 1 + (longest[(i + 1) * width + j + 1] ?? 0)
          : Math.max(longest[(i + 1) * width + j] ?? 0, longest[i * width + j + 1] ?? 0)
    }
  }
  const found: (readonly [number, number])[] = []
  for (let [i, j] = [0, 0]; i < done.length && j < released.length; ) {
    if (done[i] === released[j]) found.push([i++, j++])
    else if ((longest[(i + 1) * width + j] ?? 0) >= (longest[i * width + j + 1] ?? 0)) i++
    else j++
  }
  return found
}

function cellBox([column, row]: readonly [number, number]): [number, number, number, number] {
  const [width, height] = [SCHEMATIC.width / GRID.columns, SCHEMATIC.height / GRID.rows]
  return [column * width, row * height, width, height]
}
