/**
 * From key codes to keysyms, as XKB does it: types, levels and groups of the map that the server holds.
 *
 * The reply of XkbGetMap (XKB protocol, section "XkbGetMap"), little-endian, from its ninth byte on: a header of 32 bytes, then
 * key types, then symbols of each key, then the modifier map.
 */
import type { XConnection } from './connection.ts'

const USE_CORE_KEYBOARD = 0x100
const GET_MAP = 8
/** Types, symbols, modifier map. */
const PARTS = 0b111
const HEADER_BYTES = 32

interface KeyType {
  readonly mask: number
  readonly levels: readonly { readonly mask: number; readonly level: number }[]
}
interface KeySymbols {
  readonly types: readonly number[]
  readonly groups: number
  readonly width: number
  readonly syms: readonly number[]
}

/** Bits of the eight modifiers that stand for each name on this keyboard. */
interface ModifierBits {
  readonly ctrl: number
  readonly alt: number
  readonly shift: number
  readonly meta: number
}

const SHIFT = 1
const CONTROL = 4
/** Alt_L, Alt_R, Meta_L, Meta_R. */
const ALT_SYMS: ReadonlySet<number> = new Set([0xffe9, 0xffea, 0xffe7, 0xffe8])
/** Super_L, Super_R, Hyper_L, Hyper_R. */
const META_SYMS: ReadonlySet<number> = new Set([0xffeb, 0xffec, 0xffed, 0xffee])

export class KeyboardMap {
  readonly modifiers: ModifierBits
  readonly #types: readonly KeyType[]
  readonly #keys: ReadonlyMap<number, KeySymbols>

  private constructor(
    types: readonly KeyType[],
    keys: ReadonlyMap<number, KeySymbols>,
    modifierMap: [number, number][],
  ) {
    this.#types = types
    this.#keys = keys
    const bitsOf = (syms: ReadonlySet<number>) =>
      modifierMap
        .filter(([code]) => keys.get(code)?.syms.some((sym) => syms.has(sym)))
        .reduce((bits, [, mods]) => bits | mods, 0)
    const alt = bitsOf(ALT_SYMS)
    // Shift and Alt on one key give Meta_L on many maps; Super on Mod4 is what a person calls the meta key.
    this.modifiers = { ctrl: CONTROL, alt, shift: SHIFT, meta: bitsOf(META_SYMS) & ~alt }
  }

  static async read(x: XConnection): Promise<KeyboardMap> {
    const { majorOpcode } = await x.extension('xkb')
    const request = Buffer.alloc(28)
    request.writeUInt8(majorOpcode, 0)
    request.writeUInt8(GET_MAP, 1)
    request.writeUInt16LE(7, 2)
    request.writeUInt16LE(USE_CORE_KEYBOARD, 4)
    request.writeUInt16LE(PARTS, 6)
    return KeyboardMap.parse(await x.askRaw(request))
  }

  /** @throws RangeError for bytes that end too early */
  static parse(reply: Buffer): KeyboardMap {
    let at = HEADER_BYTES
    const types: KeyType[] = []
    for (let left = reply.readUInt8(7); left > 0; left--) {
      const entries = reply.readUInt8(at + 5)
      const preserves = reply.readUInt8(at + 6) !== 0
      const levels: { mask: number; level: number }[] = []
      for (let i = 0; i < entries; i++) {
        const entry = at + 8 + i * 8
        if (reply.readUInt8(entry) !== 0) {
          levels.push({ mask: reply.readUInt8(entry + 1), level: reply.readUInt8(entry + 2) })
        }
      }
      types.push({ mask: reply.readUInt8(at), levels })
      at += 8 + entries * (preserves ? 12 : 8)
    }
    const keys = new Map<number, KeySymbols>()
    const firstKey = reply.readUInt8(9)
    for (let i = 0; i < reply.readUInt8(12); i++) {
      const count = reply.readUInt16LE(at + 6)
      keys.set(firstKey + i, {
        types: [0, 1, 2, 3].map((group) => reply.readUInt8(at + group)),
        groups: reply.readUInt8(at + 4) & 0x0f,
        width: reply.readUInt8(at + 5),
        syms: Array.from({ length: count }, (_, sym) => reply.readUInt32LE(at + 8 + sym * 4)),
      })
      at += 8 + count * 4
    }
    const modifierMap: [number, number][] = []
    for (let i = 0; i < reply.readUInt8(25); i++) {
      modifierMap.push([reply.readUInt8(at + i * 2), reply.readUInt8(at + i * 2 + 1)])
    }
    return new KeyboardMap(types, keys, modifierMap)
  }

  /** The keysym of a key under these effective modifiers and this group; 0 for none. */
  keysym(code: number, mods: number, group: number): number {
    const key = this.#keys.get(code)
    if (key === undefined || key.groups === 0) return 0
    const at = group % key.groups
    const type = this.#types[key.types[at] ?? 0]
    const held = mods & (type?.mask ?? 0)
    const level = type?.levels.find(({ mask }) => mask === held)?.level ?? 0
    return key.syms[at * key.width + level] ?? 0
  }

  /** As `keysym`; under ctrl, alt or meta, of the first group that has a Latin letter or digit there, as toolkits look up shortcuts. */
  shortcutKeysym(code: number, mods: number, group: number): number {
    const own = this.keysym(code, mods, group)
    if (own > 0 && own < 0x80) return own
    for (let other = 0; other < (this.#keys.get(code)?.groups ?? 0); other++) {
      const sym = this.keysym(code, mods & SHIFT, other)
      if (sym > 0x20 && sym < 0x80) return sym
    }
    return own
  }
}
