/** The daemon as a process: hardened first, quiet about what it sees, ended by a signal or by being asked. */
import process from 'node:process'
import { openInputSource } from '../capture/open-source.ts'
import { asFairtraceError } from '../terminal.ts'
import { startDaemon } from './daemon.ts'
import { forbidDumps, refuseExposed } from './harden.ts'

/** Runs until it is told to stop. @throws `AGENT_EXPOSED`, what `startDaemon` throws */
export async function runDaemon(dir: string): Promise<void> {
  refuseExposed(process.execArgv, process.env.NODE_OPTIONS)
  forbidDumps()
  const log = (line: string) => void process.stderr.write(`${line}\n`)
  // An error's message, or a value in its stack, could quote an event: only its code and place are ever printed.
  process.setUncaughtExceptionCaptureCallback((cause) => {
    const { code, message } = asFairtraceError(cause)
    log(`ended by a defect: ${code} ${code === 'INTERNAL' ? message : ''}`)
    process.exit(1)
  })
  const stopping = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
  })
  const daemon = await startDaemon({ dir, clock: { nowMs: () => Date.now() }, openSource: openInputSource, log })
  await Promise.race([stopping, daemon.asked])
  await daemon.stop()
}
