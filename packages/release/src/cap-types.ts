/** Numbers of the types that occur in a sample, exact: no two runs of codes share one. */

export class Types {
  readonly #codes: Uint32Array
  readonly #distinct: readonly number[]
  /** Number of the run's beginning and the code that follows it, in pairs; open addressing, and `#ids` says which place is taken. */
  #keys = new Uint32Array(1 << 13)
  #ids = new Uint32Array(1 << 12)
  /** Runs that begin alike share the number of their beginning, which the next code extends. 0 is the empty run. */
  #size = 1
  #firsts = new Uint32Array(1 << 12)
  #lengths = new Uint8Array(1 << 12)

  /** @param distinct the code of each number in `codes` */
  constructor(codes: Uint32Array, distinct: readonly number[]) {
    this.#codes = codes
    this.#distinct = distinct
  }

  /** One more than the highest number. */
  get size(): number {
    return this.#size
  }

  idOf(at: number, length: number): number {
    let run = 0
    for (let i = 0; i < length; i++) {
      const code = this.#codes[at + i] ?? 0
      const place = this.#placeOf(run, code)
      run = this.#ids[place] ?? 0
      if (run === 0) run = this.#add(place, at, i + 1)
    }
    return run
  }

  codesOf(id: number): number[] {
    const first = this.#firsts[id] ?? 0
    return Array.from(this.#codes.subarray(first, first + (this.#lengths[id] ?? 0)), (i) => this.#distinct[i] ?? 0)
  }

  /** Where a run stands, or an empty place for it, whose key is then this one's. */
  #placeOf(run: number, code: number): number {
    const mask = this.#ids.length - 1
    let place = (Math.imul(run, 0x9e3779b1) + Math.imul(code, 0x85ebca6b)) | 0
    place = (place ^ (place >>> 15)) & mask
    while (this.#ids[place] !== 0) {
      if (this.#keys[2 * place] === run && this.#keys[2 * place + 1] === code) return place
      place = (place + 1) & mask
    }
    this.#keys[2 * place] = run
    this.#keys[2 * place + 1] = code
    return place
  }

  #add(place: number, at: number, length: number): number {
    const id = this.#size++
    this.#ids[place] = id
    this.#firsts = grownTo(this.#firsts, this.#size)
    this.#lengths = grownTo(this.#lengths, this.#size)
    this.#firsts[id] = at
    this.#lengths[id] = length
    if (2 * this.#size > this.#ids.length) this.#rehash()
    return id
  }

  #rehash(): void {
    const [keys, ids] = [this.#keys, this.#ids]
    this.#keys = new Uint32Array(2 * keys.length)
    this.#ids = new Uint32Array(2 * ids.length)
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] ?? 0
      if (id !== 0) this.#ids[this.#placeOf(keys[2 * i] ?? 0, keys[2 * i + 1] ?? 0)] = id
    }
  }
}

/** The same array if it is long enough, else a copy with room to grow. */
export function grownTo<Values extends Uint8Array | Uint32Array | Int16Array | Uint16Array>(
  values: Values,
  needed: number,
): Values {
  if (needed <= values.length) return values
  const longer = new (values.constructor as new (length: number) => Values)(
    Math.max(needed, Math.ceil(1.5 * values.length)),
  )
  longer.set(values)
  return longer
}
