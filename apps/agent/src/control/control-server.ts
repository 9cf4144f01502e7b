/**
 * The daemon's side of the control channel: one line of JSON in, one line out, over a socket that only its owner may open.
 *
 * Whoever may open it may do what the person may: another process of the same account could as well read the person's screen.
 */
import { chmodSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import { asFairtraceError } from '../terminal.ts'
import type { Ask } from './answers.ts'
import { requestSchema } from './request.ts'

/** A request is small; an answer may be a long review. */
const REQUEST_BYTES_MAX = 64 * 1024
const IDLE_MS_MAX = 30_000

export interface ControlServer {
  stop(): Promise<void>
}

/** @throws `OUTBOX_IN_USE` if a living process listens there */
export async function startControlServer(address: string, ask: Ask): Promise<ControlServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serve(socket, ask)
  })
  if (process.platform !== 'win32') await removeStale(address)
  await listen(server, address)
  if (process.platform !== 'win32') chmodSync(address, 0o600)
  return {
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.end()
      }),
  }
}

function serve(socket: Socket, ask: Ask): void {
  let received = ''
  socket.setEncoding('utf8')
  socket.setTimeout(IDLE_MS_MAX, () => socket.destroy())
  // Who asked went away; there is nobody to tell.
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: string) => {
    received += chunk
    if (received.length > REQUEST_BYTES_MAX) return void socket.destroy()
    const end = received.indexOf('\n')
    if (end === -1) return
    socket.pause()
    void answer(received.slice(0, end), ask).then((line) => socket.end(`${line}\n`))
  })
}

async function answer(line: string, ask: Ask): Promise<string> {
  try {
    const request = requestSchema.parse(JSON.parse(line))
    return JSON.stringify({ ok: await ask(request as never) })
  } catch (cause) {
    const { code, message } = isMalformed(cause)
      ? new FairtraceError('BODY_INVALID', 'no such request')
      : asFairtraceError(cause)
    return JSON.stringify({ error: { code, message } })
  }
}

function isMalformed(cause: unknown): boolean {
  return cause instanceof SyntaxError || (cause instanceof Error && cause.name === 'ZodError')
}

/** A process that was killed leaves its socket behind. */
async function removeStale(address: string): Promise<void> {
  const isAlive = await new Promise<boolean>((resolve) => {
    const probe = connect(address, () => {
      probe.destroy()
      resolve(true)
    })
    probe.on('error', () => resolve(false))
  })
  if (isAlive) throw new FairtraceError('OUTBOX_IN_USE', 'another agent runs on this device folder')
  rmSync(address, { force: true })
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Made for its owner alone from its first moment on, whatever the caller's mask is.
    const mask = process.umask(0o177)
    server.once('error', reject)
    server.listen(address, () => {
      server.off('error', reject)
      resolve()
    })
    process.umask(mask)
  })
}
