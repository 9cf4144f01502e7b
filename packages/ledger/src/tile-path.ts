/**
 * Names of the resources of a log: C2SP tlog-tiles.
 *
 * ```
 * /checkpoint
 * /tile/<level>/<N>[.p/<W>]      256 hashes of 32 bytes, or W of them
 * /tile/entries/<N>[.p/<W>]      256 entries, or W of them, each after its length as u16be
 * ```
 * N is written in groups of three digits, all but the last with an x: 1234067 → `x001/x234/067`.
 */
export const TILE_WIDTH = 256
/** Levels that a path may name; a level l tile spans 256^(l+1) entries. */
const LEVEL_MAX = 63

export type LedgerPath =
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'tile'; readonly level: number; readonly index: number; readonly width: number }
  | { readonly kind: 'entries'; readonly index: number; readonly width: number }

export function tilePath(level: number, index: number, width: number): string {
  return `/tile/${level}/${indexPath(index, width)}`
}

export function entriesPath(index: number, width: number): string {
  return `/tile/entries/${indexPath(index, width)}`
}

/** @returns null for anything that isn't exactly the one spelling of a resource */
export function parseLedgerPath(path: string): LedgerPath | null {
  if (path === '/checkpoint') return { kind: 'checkpoint' }
  const match = /^\/tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path)
  const [, level, digits, partial] = match ?? []
  if (level === undefined || digits === undefined) return null
  const index = Number(digits.replaceAll(/[x/]/g, ''))
  const width = partial === undefined ? TILE_WIDTH : Number(partial)
  if (partial !== undefined && width >= TILE_WIDTH) return null
  // One spelling: leading groups of zeros would give the same tile a second name.
  if (level === 'entries') return entriesPath(index, width) === path ? { kind: 'entries', index, width } : null
  if (Number(level) > LEVEL_MAX || tilePath(Number(level), index, width) !== path) return null
  return { kind: 'tile', level: Number(level), index, width }
}

function indexPath(index: number, width: number): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0')
  const groups = digits.match(/\d{3}/g) ?? []
  const path = groups.map((group, i) => (i === groups.length - 1 ? group : `x${group}`)).join('/')
  return width === TILE_WIDTH ? path : `${path}.p/${width}`
}

/** How many hashes the tile `index` of `level` has in a tree of `size`: 0 to 256. */
export function tileWidth(size: number, level: number, index: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level)
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH))
}
