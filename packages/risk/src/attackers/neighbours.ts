/** Nearest neighbours: how far the few nearest known units of each person lie. */
import type { Attacker, Sample } from '../attacker.ts'
import { baseOf, columnsOf, differing, matrixOf } from './columns.ts'

const NEIGHBOURS = 3
/** Known units that are compared at most, so that the cost grows with what is attacked alone. */
const KNOWN_MAX = 4_000

export const neighbours: Attacker = {
  name: 'nearest neighbours',
  fit(train, people, random) {
    const known = train.length <= KNOWN_MAX ? train : random.shuffle([...train]).slice(0, KNOWN_MAX)
    const columns = columnsOf(train)
    const { size } = columns
    const rows = matrixOf(known, columns, 0)
    const owners = Int32Array.from(known, ({ person }) => person)
    const base = baseOf(columns, 0)
    const fromBase = Float64Array.from(owners, (_, i) => {
      let distance = 0
      for (let j = 0; j < size; j++) distance += Math.abs((rows[i * size + j] ?? 0) - (base[j] ?? 0))
      return distance
    })
    const row = new Float64Array(size)
    const at = new Int32Array(size)
    return {
      scores({ features }: Sample) {
        columns.read(features, 0, row)
        const count = differing(row, base, at)
        // By person the nearest distances, nearest first.
        const nearest = new Float64Array(people * NEIGHBOURS).fill(Number.POSITIVE_INFINITY)
        for (let i = 0; i < owners.length; i++) {
          // Where the row is at its base, the distance is the known unit's own from there.
          let distance = fromBase[i] ?? 0
          for (let k = 0; k < count; k++) {
            const j = at[k] ?? 0
            const other = rows[i * size + j] ?? 0
            distance += Math.abs((row[j] ?? 0) - other) - Math.abs(other - (base[j] ?? 0))
          }
          insert(nearest, (owners[i] ?? 0) * NEIGHBOURS, distance)
        }
        return meansOf(nearest, people, size)
      },
    }
  },
}

function insert(nearest: Float64Array, from: number, distance: number): void {
  for (let i = from; i < from + NEIGHBOURS; i++) {
    const held = nearest[i] ?? 0
    if (distance >= held) continue
    nearest[i] = distance
    distance = held
  }
}

function meansOf(nearest: Float64Array, people: number, size: number): Float64Array {
  let farthest = 0
  for (const distance of nearest) if (Number.isFinite(distance)) farthest = Math.max(farthest, distance)
  return Float64Array.from({ length: people }, (_, person) => {
    let sum = 0
    for (let i = 0; i < NEIGHBOURS; i++) {
      const distance = nearest[person * NEIGHBOURS + i] ?? 0
      sum += Number.isFinite(distance) ? distance : farthest
    }
    return -sum / NEIGHBOURS / Math.sqrt(Math.max(1, size))
  })
}
