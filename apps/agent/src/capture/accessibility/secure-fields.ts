/** Fields that were password fields once: they stay so, whatever they show now. Bounded; a program with too many is secure wholly. */
import type { Accessible } from './bus.ts'

const FIELDS_MAX = 4_096

export class SecureFields {
  readonly #fields = new Set<string>()
  readonly #programs = new Set<string>()

  add({ owner, path }: Accessible): void {
    if (this.#fields.size >= FIELDS_MAX) this.#programs.add(owner)
    else this.#fields.add(`${owner}${path}`)
  }

  has({ owner, path }: Accessible): boolean {
    return this.#programs.has(owner) || this.#fields.has(`${owner}${path}`)
  }
}
