/** A command's side: asks the daemon, or does the work itself on the device's folder where no daemon runs. */
import { connect } from 'node:net'
import { type Clock, ERRORS, type ErrorCode, FairtraceError } from '@fairtrace/core'
import { createDeviceService, type InputSource, openDevice } from '@fairtrace/device'
import { z } from 'zod'
import { AGENT_BUILD } from '../build.ts'
import { Agent } from '../daemon/agent.ts'
import { systemKeyring } from '../keyring.ts'
import { controlAddress } from '../paths.ts'
import type { Ask } from './answers.ts'

const clock: Clock = { nowMs: () => Date.now() }
/** Consenting asks the portal several times, each of which may take half a minute. */
const ANSWER_MS_MAX = 120_000

const replySchema = z.union([
  z.object({ ok: z.unknown() }),
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
])

/**
 * Runs `work` with a way to ask the agent of this device.
 * @throws what the agent refuses, under its own code; `OUTBOX_IN_USE` if another program holds the folder
 */
export async function withAgent<T>(deviceDir: string, work: (ask: Ask, isRunning: boolean) => Promise<T>): Promise<T> {
  if (await isAgentRunning(deviceDir)) return work(askDaemon(deviceDir), true)
  const keyring = await systemKeyring()
  const device = await openDevice(deviceDir, { clock, build: AGENT_BUILD, ...(keyring === null ? {} : { keyring }) })
  try {
    const service = createDeviceService({ device, source: NO_SOURCE, clock })
    const agent = new Agent({ device, service, clock, daemon: null })
    return await work(agent.ask, false)
  } finally {
    await device.close()
  }
}

/** As `withAgent`, for what only a daemon can do. @throws `AGENT_NOT_RUNNING` */
export function askDaemon(deviceDir: string): Ask {
  return (request) => send(controlAddress(deviceDir), request) as Promise<never>
}

export async function isAgentRunning(deviceDir: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(controlAddress(deviceDir), () => {
      probe.destroy()
      resolve(true)
    })
    probe.on('error', () => resolve(false))
  })
}

function send(address: string, request: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connect(address)
    socket.setEncoding('utf8')
    socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error('no answer in time')))
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`))
    socket.on('data', (chunk: string) => {
      received += chunk
    })
    socket.on('error', (cause) =>
      reject(new FairtraceError('AGENT_NOT_RUNNING', 'the agent does not answer', { cause })),
    )
    socket.on('end', () => {
      try {
        resolve(readReply(received))
      } catch (cause) {
        reject(cause)
      }
    })
  })
}

function readReply(line: string): unknown {
  if (line === '') throw new FairtraceError('AGENT_NOT_RUNNING', 'the agent ended before it answered')
  const reply = replySchema.parse(JSON.parse(line))
  if ('ok' in reply) return reply.ok
  const { code, message } = reply.error
  throw new FairtraceError(Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'INTERNAL', message)
}

/** Where no daemon runs nothing is to be seen. */
const NO_SOURCE: InputSource = {
  attach: async () => undefined,
  detach: async () => undefined,
  onProblem: () => undefined,
  close: async () => undefined,
}
