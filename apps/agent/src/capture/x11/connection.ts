/** One connection to an X server: questions as promises, events in the order of the wire, and a word when it ends. */

import type { XCallback, XClient, XEvent, XExtensions } from 'x11'
import x11 from 'x11'
import { Deadlines } from '../deadlines.ts'

/** Longer than this no server takes to answer; then it hangs, and the connection is given up. */
const ANSWER_MS_MAX = 5_000
/** No property that we read is longer. */
const PROPERTY_WORDS_MAX = 4_096
const INTERN_ATOM = 16

export class XConnection {
  readonly client: XClient
  readonly root: number
  readonly #atoms = new Map<string, number>()
  readonly #deadlines = new Deadlines(ANSWER_MS_MAX)
  readonly #waiting = new Set<(cause: Error) => void>()
  readonly #whenLost: (() => void)[] = []
  #isOpen = true

  private constructor(client: XClient, root: number) {
    this.client = client
    this.root = root
    // An error nobody waits for: about a window that is gone, as windows are. The questions have callbacks of their own.
    client.on('error', () => undefined)
    client.stream.on('close', () => this.#end())
  }

  /** @param display as in `DISPLAY`; rejects where no server answers or it lets nobody in */
  static open(display: string): Promise<XConnection> {
    return new Promise((resolve, reject) => {
      const client = x11.createClient({ display, shm: false, bufferRequests: true }, (error, opened) => {
        const root = opened?.screen[0]?.root
        if (error !== undefined || root === undefined) reject(error ?? new Error('the display has no screen'))
        else resolve(new XConnection(client, root))
      })
      // Before the handshake ends, a refusal comes as an error event.
      client.once('error', reject)
    })
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Bytes that the server has sent: a test sees by it that motion brings none. */
  get bytesRead(): number {
    return this.client.stream.bytesRead
  }

  onEvent(listener: (event: XEvent) => void): void {
    this.client.on('event', listener)
  }

  /** The server is gone, or hangs. */
  onLost(listener: () => void): void {
    this.#whenLost.push(listener)
  }

  /** Asks; rejects if the server refuses, hangs or goes away. */
  ask<T>(send: (client: XClient, callback: XCallback<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#isOpen) {
        reject(new Error('the display is closed'))
        return
      }
      const inTime = this.#deadlines.add(() => this.#end())
      const fail = (cause: Error) => {
        inTime()
        this.#waiting.delete(fail)
        reject(cause)
      }
      this.#waiting.add(fail)
      send(this.client, (error, value) => {
        if (error) {
          fail(error)
          return true
        }
        inTime()
        this.#waiting.delete(fail)
        resolve(value)
        return true
      })
    })
  }

  /** A request that the package doesn't know. @returns the reply from its ninth byte on */
  askRaw(request: Buffer): Promise<Buffer> {
    return this.ask<Buffer>((client, callback) => {
      client.seq_num++
      client.pack_stream.put(request)
      client.replies[client.seq_num] = [(body) => Buffer.from(body), callback]
      client.pack_stream.submit(true)
    })
  }

  extension<Name extends keyof XExtensions>(name: Name): Promise<XExtensions[Name]> {
    return this.ask((client, callback) => client.require(name, callback))
  }

  async atom(name: string): Promise<number> {
    const known = this.#atoms.get(name)
    if (known !== undefined) return known
    // By hand: the package keeps one table for all connections, and another server has other atoms.
    const request = Buffer.alloc(8 + ((name.length + 3) & ~3))
    request.writeUInt8(INTERN_ATOM, 0)
    request.writeUInt16LE(request.length / 4, 2)
    request.writeUInt16LE(name.length, 4)
    request.write(name, 8, 'latin1')
    const atom = (await this.askRaw(request)).readUInt32LE(0)
    this.#atoms.set(name, atom)
    return atom
  }

  /** A window's property; empty if it has none. */
  async property(window: number, name: string): Promise<Buffer> {
    const atom = await this.atom(name)
    const { data } = await this.ask<{ readonly data: Buffer }>((client, callback) =>
      client.GetProperty(0, window, atom, 0, 0, PROPERTY_WORDS_MAX, callback),
    )
    return data
  }

  selectCore(window: number, eventMask: number): Promise<undefined> {
    return this.ask((client, callback) => client.ChangeWindowAttributes(window, { eventMask }, callback))
  }

  close(): void {
    this.#whenLost.length = 0
    this.#end()
  }

  #end(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.client.stream.destroy()
    const cause = new Error('the display went away')
    for (const fail of [...this.#waiting]) fail(cause)
    for (const listener of this.#whenLost) listener()
  }
}
