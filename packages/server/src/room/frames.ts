/**
 * How files go into a sandbox and come out of it: a stream of frames, so that neither side ever looks into the other's file system.
 *
 * ```
 * frame = path length u16 ‖ content length u32 ‖ path (utf8) ‖ content; a file of more than 1 MiB is several frames of its path
 * end   = path length 0 ‖ content length 0
 * ```
 * A frame is a path and bytes: a link, a device, a mode or an owner can't be said in it. Whoever reads bounds both before use.
 */
export const FRAME_BYTES_MAX = 1024 * 1024
const HEAD_BYTES = 6
const PATH_BYTES_MAX = 1_024

export interface Frame {
  readonly path: string
  readonly content: Buffer
}

export const END_FRAME = Buffer.alloc(HEAD_BYTES)

/** @param content at most `FRAME_BYTES_MAX` */
export function encodeFrame(path: string, content: Uint8Array): Buffer {
  const name = Buffer.from(path)
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt16LE(name.length, 0)
  head.writeUInt32LE(content.length, 2)
  return Buffer.concat([head, name, content])
}

/** @throws RangeError for what is no such stream, or ends before its end */
export async function* readFrames(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk])
    for (;;) {
      if (held.length < HEAD_BYTES) break
      const pathBytes = held.readUInt16LE(0)
      const contentBytes = held.readUInt32LE(2)
      // The lengths are the other side's: bound them before use.
      if (pathBytes > PATH_BYTES_MAX || contentBytes > FRAME_BYTES_MAX) throw new RangeError('a frame is too large')
      if (pathBytes === 0) return
      const end = HEAD_BYTES + pathBytes + contentBytes
      if (held.length < end) break
      const at = HEAD_BYTES + pathBytes
      yield { path: held.toString('utf8', HEAD_BYTES, at), content: held.subarray(at, end) }
      held = held.subarray(end)
    }
  }
  throw new RangeError('the stream ends before its end')
}
