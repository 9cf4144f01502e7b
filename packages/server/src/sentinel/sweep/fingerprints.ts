/**
 * Tables that look like ours: by the names of their columns, or, where those were changed, by the order of their types.
 *
 * A name counts by how few of our tables and how little of the rest of the world has it: `content_key_id` says much, `id` little.
 * `names` = weight of shared names / weight of all names of the smaller table: a part of a table is still alike. `types` = longest
 * common subsequence / columns of ours. A table is alike from `NAMES_MIN` with shared names of weight `WEIGHT_MIN`, or from
 * `TYPES_MIN` if ours has at least `TYPED_COLUMNS_MIN` columns and no more than two are added.
 */
export const NAMES_MIN = 0.6
export const WEIGHT_MIN = 2.5
export const TYPES_MIN = 0.95
export const TYPED_COLUMNS_MIN = 12

export interface TableShape {
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly type: string | null }[]
}

export interface Likeness {
  /** Our table. */
  readonly table: string
  readonly by: 'names' | 'types'
  readonly similarity: number
}

/** Names that tables everywhere have. */
const COMMON = new Set(
  'id name state code kind type status detail document request answer text event body url position key number length last part task actions hash source role group groups by at at_ms severity subject title build device version yaml salt mac data size note done total progress message created_at updated_at sequence recording outcome reason entry idx level width bytes sha256 digest directory public_key signature owner scope counter tries progress used epoch app button count direction amount x y width height label cell keys step instruction'.split(
    ' ',
  ),
)
const weightOf = (name: string): number => (COMMON.has(name) ? 0.25 : 1)
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '')

export function likeness(ours: readonly TableShape[], theirs: TableShape): Likeness | null {
  let best: Likeness | null = null
  const names = new Set(theirs.columns.map(({ name }) => plain(name)))
  const theirWeight = sum(names)
  for (const own of ours) {
    const ownNames = new Set(own.columns.map(({ name }) => plain(name)))
    const shared = new Set([...names].filter((name) => ownNames.has(name)))
    const weight = sum(shared)
    const similarity = weight / Math.max(0.25, Math.min(theirWeight, sum(ownNames)))
    if (weight >= WEIGHT_MIN && similarity >= NAMES_MIN && similarity > (best?.similarity ?? 0)) {
      best = { table: own.name, by: 'names', similarity }
    }
  }
  return best ?? byTypes(ours, theirs)
}

function byTypes(ours: readonly TableShape[], theirs: TableShape): Likeness | null {
  const types = theirs.columns.map(({ type }) => type)
  if (types.includes(null)) return null
  for (const own of ours) {
    const { columns } = own
    if (columns.length < TYPED_COLUMNS_MIN || types.length < columns.length || types.length > columns.length + 2)
      continue
    const similarity =
      longestCommon(
        columns.map(({ type }) => type),
        types,
      ) / columns.length
    if (similarity >= TYPES_MIN) return { table: own.name, by: 'types', similarity }
  }
  return null
}

function sum(names: ReadonlySet<string>): number {
  let weight = 0
  for (const name of names) weight += weightOf(name)
  return weight
}

function longestCommon(a: readonly (string | null)[], b: readonly (string | null)[]): number {
  let row = new Array<number>(b.length + 1).fill(0)
  for (const x of a) {
    const next = [0]
    for (const [i, y] of b.entries()) {
      next.push(x === y ? (row[i] ?? 0) + 1 : Math.max(row[i + 1] ?? 0, next[i] ?? 0))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
