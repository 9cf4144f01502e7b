/**
 * Presses of keys, buttons and the wheel from XInput2, as raw events of the master devices.
 *
 * Raw events reach a listener on the root window whatever another client grabs or selects. Motion is never selected: while
 * the pointer only moves, the server sends nothing. Wheels report buttons 4–7, also where they scroll smoothly.
 */
import type { XInput } from 'x11'
import type { XConnection } from './connection.ts'

const MASTER_DEVICES = 1
const XI_GET_SELECTED_EVENTS = 60

/** Raw event types of XI2: the whole of what is selected. Not the release of keys: how long one is down is a person's rhythm. */
const TYPES = { 13: 'key', 15: 'button-down', 16: 'button-up' } as const
type RawType = keyof typeof TYPES
const RAW_INPUT_MASK = (1 << 13) | (1 << 15) | (1 << 16)

export interface RawInput {
  readonly type: (typeof TYPES)[RawType]
  /** Key code, or number of the button. */
  readonly detail: number
  /** The server's milliseconds, which wrap after 49 days. */
  readonly serverMs: number
}

/** @throws if the server has no XInput 2 */
export async function openRawInput(x: XConnection, listener: (input: RawInput) => void): Promise<RawInputSelection> {
  const xinput = await x.extension('xinput')
  if (xinput.xi2 === null) throw new Error('the display has no XInput 2')
  // Ours reads four fields; the package's parser reads every valuator too.
  x.client.geEventParsers[xinput.majorOpcode] = (type, _seq, _extra, _code, raw) => {
    const evtype = raw.readUInt16LE(0)
    const kind = TYPES[evtype as RawType]
    if (kind !== undefined) listener({ type: kind, detail: raw.readUInt32LE(8), serverMs: raw.readUInt32LE(4) })
    return { type, evtype }
  }
  return new RawInputSelection(x, xinput)
}

export class RawInputSelection {
  readonly #x: XConnection
  readonly #xinput: XInput

  constructor(x: XConnection, xinput: XInput) {
    this.#x = x
    this.#xinput = xinput
  }

  select(isSelected: boolean): void {
    const mask = isSelected ? RAW_INPUT_MASK : 0
    this.#xinput.XISelectEvents(this.#x.root, { deviceId: MASTER_DEVICES, mask })
  }

  /** What the server says that we have selected on the root window, for each device. */
  async selected(): Promise<readonly { readonly device: number; readonly mask: number }[]> {
    const request = Buffer.alloc(8)
    request.writeUInt8(this.#xinput.majorOpcode, 0)
    request.writeUInt8(XI_GET_SELECTED_EVENTS, 1)
    request.writeUInt16LE(2, 2)
    request.writeUInt32LE(this.#x.root, 4)
    const reply = await this.#x.askRaw(request)
    const masks: { device: number; mask: number }[] = []
    let offset = 24
    for (let left = reply.readUInt16LE(0); left > 0; left--) {
      const words = reply.readUInt16LE(offset + 2)
      const mask = words > 0 ? reply.readUInt32LE(offset + 4) : 0
      if (mask !== 0) masks.push({ device: reply.readUInt16LE(offset), mask })
      offset += 4 + words * 4
    }
    return masks
  }

  /** Whether the server still sends what we asked for, and no more. */
  async stands(): Promise<boolean> {
    const selected = await this.selected()
    return selected.length === 1 && selected[0]?.device === MASTER_DEVICES && selected[0].mask === RAW_INPUT_MASK
  }
}
