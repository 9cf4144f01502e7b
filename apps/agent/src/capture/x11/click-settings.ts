/**
 * When two clicks are a double one, as the desktop says: XSETTINGS, else GTK's defaults.
 *
 * XSETTINGS 0.5: byte order, 3 unused, serial, number of settings; of each: type, unused, length of its name, name padded to
 * four bytes, serial of its change, then a number of four bytes (type 0), a text (1) or a colour (2).
 */
import type { XConnection } from './connection.ts'

export interface ClickSettings {
  readonly timeMs: number
  readonly distancePx: number
}

const DEFAULTS: ClickSettings = { timeMs: 400, distancePx: 5 }
const SETTINGS_MAX = 1_000

export async function readClickSettings(x: XConnection): Promise<ClickSettings> {
  const selection = await x.atom('_XSETTINGS_S0')
  const owner = await x.ask<number>((client, callback) => client.GetSelectionOwner(selection, callback))
  if (owner === 0) return DEFAULTS
  const numbers = parseXSettings(await x.property(owner, '_XSETTINGS_SETTINGS'))
  const timeMs = numbers.get('Net/DoubleClickTime') ?? DEFAULTS.timeMs
  const distancePx = numbers.get('Net/DoubleClickDistance') ?? DEFAULTS.distancePx
  return { timeMs: Math.max(1, timeMs), distancePx: Math.max(0, distancePx) }
}

/** The settings that are numbers; as far as the bytes make sense. */
export function parseXSettings(bytes: Buffer): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>()
  if (bytes.length < 12) return numbers
  const isBig = bytes[0] === 1
  const long = (at: number) => (isBig ? bytes.readInt32BE(at) : bytes.readInt32LE(at))
  const short = (at: number) => (isBig ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at))
  const padded = (length: number) => (length + 3) & ~3
  let at = 12
  try {
    for (let left = Math.min(long(8), SETTINGS_MAX); left > 0; left--) {
      const type = bytes.readUInt8(at)
      const nameLength = short(at + 2)
      const name = bytes.toString('latin1', at + 4, at + 4 + nameLength)
      const value = at + 4 + padded(nameLength) + 4
      if (type === 0) numbers.set(name, long(value))
      if (type > 2) break
      at = value + (type === 0 ? 4 : type === 1 ? 4 + padded(long(value)) : 8)
    }
  } catch (cause) {
    // Cut short: what was read before holds.
    if (!(cause instanceof RangeError)) throw cause
  }
  return numbers
}
