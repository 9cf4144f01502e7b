/** Kept-alive HTTP/1.1 over plain sockets: a generator must cost less than what it measures. */
import { connect, type Socket } from 'node:net'

export interface LightAnswer {
  readonly status: number
  readonly body: string
}

/** One connection; one request at a time. */
export class LightConnection {
  readonly #socket: Socket
  readonly #host: string
  #received = ''
  #waiting: PromiseWithResolvers<LightAnswer> | null = null

  private constructor(socket: Socket, host: string) {
    this.#socket = socket
    this.#host = host
    socket.setNoDelay(true)
    socket.on('data', (data) => this.#take(data.toString('latin1')))
    socket.on('close', () => this.#waiting?.reject(new RangeError('the server closed the connection')))
    socket.on('error', () => socket.destroy())
  }

  static async open(url: string): Promise<LightConnection> {
    const { hostname, port, host } = new URL(url)
    const socket = connect(Number(port), hostname)
    const connection = new LightConnection(socket, host)
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return connection
  }

  post(path: string, headers: string, body: string): Promise<LightAnswer> {
    this.#waiting = Promise.withResolvers()
    this.#socket.write(
      `POST ${path} HTTP/1.1\r\nhost: ${this.#host}\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`,
    )
    return this.#waiting.promise
  }

  close(): void {
    this.#waiting = null
    this.#socket.destroy()
  }

  #take(text: string): void {
    this.#received += text
    const head = this.#received.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = Number(/content-length: (\d+)/i.exec(this.#received.slice(0, head))?.[1] ?? 0)
    const end = head + 4 + length
    if (this.#received.length < end) return
    const answer = { status: Number(this.#received.slice(9, 12)), body: this.#received.slice(head + 4, end) }
    this.#received = this.#received.slice(end)
    this.#waiting?.resolve(answer)
  }
}

/** Runs `work` for every item over `count` connections. */
export async function overConnections<T>(
  url: string,
  count: number,
  items: Iterable<T>,
  work: (connection: LightConnection, item: T) => Promise<void>,
): Promise<void> {
  const next = items[Symbol.iterator]()
  const lane = async () => {
    const connection = await LightConnection.open(url)
    for (let step = next.next(); !step.done; step = next.next()) await work(connection, step.value)
    connection.close()
  }
  await Promise.all(Array.from({ length: count }, lane))
}
