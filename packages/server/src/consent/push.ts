/**
 * Tells connected devices at once that what they hold is over: server-sent events on plain sockets.
 *
 * A device that hears `revoke` drops its lease and asks again. Nothing else is ever sent, so there is nothing to overhear, and
 * a connection leaves no trace: no row, no log line, no address, no count of anybody. Thousands are open at once, so each
 * is a socket in two maps, without a timer or a stream of its own.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const HEAD = [
  'HTTP/1.1 200 OK',
  'content-type: text/event-stream',
  'cache-control: no-store',
  'x-content-type-options: nosniff',
  'x-accel-buffering: no',
  'connection: close',
  '',
  ': listening',
  '',
  '',
].join('\r\n')
const REVOKE = 'event: revoke\ndata: {}\n\n'
const HEARTBEAT = ':\n\n'
const HEARTBEAT_EVERY_MS = 25_000
const TICK_MS = 1_000
const GROUPS = HEARTBEAT_EVERY_MS / TICK_MS
/** Bytes that a device may leave unread before it counts as gone. */
const UNREAD_BYTES_MAX = 4_096

export interface Listening {
  readonly device: string
  /** Of the person, as changes name them. */
  readonly handle: string
  /** Until when the key is good by which it was opened; exclusive. */
  readonly endsAtMs: number
}

export type RevokeTarget = { readonly pseudonym: string } | { readonly handle: string } | 'everybody'

interface Connection extends Listening {
  readonly socket: Socket
}

export interface PushOptions {
  readonly nowMs: () => number
  readonly handleOf: (pseudonym: string) => string
}

export class Push {
  readonly #options: PushOptions
  readonly #byDevice = new Map<string, Connection>()
  readonly #byPerson = new Map<string, Connection[]>()
  readonly #groups: readonly Set<Connection>[] = Array.from({ length: GROUPS }, () => new Set())
  readonly #timer: NodeJS.Timeout
  #nextGroup = 0
  #tick = 0

  constructor(options: PushOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#heartbeat(), TICK_MS)
    this.#timer.unref()
  }

  /** Takes over the socket of a request that was answered by nobody yet. A device has one; a second ends the first. */
  connect(response: ServerResponse, listening: Listening): void {
    const { socket } = response
    if (socket === null || socket.destroyed) return
    // For Node the response is over, so that it lets go of request, response and headers; the socket stays, and is ours.
    response.emit('finish')
    socket.setTimeout(0)
    socket.setNoDelay(true)
    const connection = { ...listening, socket }
    const before = this.#byDevice.get(listening.device)
    if (before !== undefined) this.#end(before)
    this.#byDevice.set(listening.device, connection)
    this.#byPerson.set(listening.handle, [...(this.#byPerson.get(listening.handle) ?? []), connection])
    this.#groups[this.#nextGroup++ % GROUPS]?.add(connection)
    socket.once('close', () => this.#forget(connection))
    socket.on('error', () => socket.destroy())
    socket.write(HEAD)
  }

  /** How many devices listen now: a number for the report of a lockdown, kept nowhere. */
  get connected(): number {
    return this.#byDevice.size
  }

  /** Whatever lease these devices hold, it is over: who hears it asks anew. */
  revoke(target: RevokeTarget): void {
    if (target === 'everybody') {
      for (const connection of this.#byDevice.values()) send(connection, REVOKE)
      return
    }
    const handle = 'handle' in target ? target.handle : this.#options.handleOf(target.pseudonym)
    for (const connection of this.#byPerson.get(handle) ?? []) send(connection, REVOKE)
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const connection of [...this.#byDevice.values()]) this.#end(connection)
  }

  #heartbeat(): void {
    const nowMs = this.#options.nowMs()
    for (const connection of this.#groups[this.#tick++ % GROUPS] ?? []) {
      // The device comes again with a key that is alive, if it gets one.
      if (nowMs < connection.endsAtMs) send(connection, HEARTBEAT)
      else this.#end(connection)
    }
  }

  #end(connection: Connection): void {
    this.#forget(connection)
    connection.socket.destroy()
  }

  #forget(connection: Connection): void {
    const { device, handle } = connection
    if (this.#byDevice.get(device) === connection) this.#byDevice.delete(device)
    const others = (this.#byPerson.get(handle) ?? []).filter((other) => other !== connection)
    if (others.length > 0) this.#byPerson.set(handle, others)
    else this.#byPerson.delete(handle)
    for (const group of this.#groups) if (group.delete(connection)) return
  }
}

function send({ socket }: Connection, text: string): void {
  // Who doesn't read is not told any more either way; its lease ends by itself.
  if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy()
  else socket.write(text)
}
