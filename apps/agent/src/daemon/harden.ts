/**
 * Keeps what is in this process's memory in this process: no debugger by signal or flag, no core, no heap snapshot, no report.
 *
 * What an account may do to its own processes stays possible: it can attach a debugger from outside, as it can read its own
 * screen. Node can neither lock its memory (mlock) nor forbid that (PR_SET_DUMPABLE); as a systemd service its memory is kept
 * out of swap by `MemorySwapMax=0`.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import inspector from 'node:inspector'
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'

const EXPOSING =
  /^--?(?:inspect|debug|heapsnapshot|heap-prof|cpu-prof|report|diagnostic-dir|abort-on-uncaught|perf|trace|experimental-network-inspection|require|import|r$|r=)/

/**
 * Refuses to run where its memory would be open or code of others would run in it.
 * @throws `AGENT_EXPOSED`
 */
export function refuseExposed(execArgv: readonly string[], nodeOptions: string | undefined): void {
  const flags = [...execArgv, ...(nodeOptions ?? '').split(/\s+/)]
  const exposing = flags.find((flag) => EXPOSING.test(flag))
  if (exposing !== undefined) {
    throw new FairtraceError('AGENT_EXPOSED', `Node was started with ${exposing.split('=')[0]}`)
  }
  if (inspector.url() !== undefined) throw new FairtraceError('AGENT_EXPOSED', 'a debugger is open')
}

/**
 * Ends every way in which this process would write its own memory to a disk. Never throws: `dumps` says what held.
 */
export function forbidDumps(): void {
  // SIGUSR1 would open the inspector; the launcher's flag says so too.
  process.on('SIGUSR1', () => undefined)
  process.report.reportOnFatalError = false
  process.report.reportOnSignal = false
  process.report.reportOnUncaughtException = false
  if (process.platform !== 'linux') return
  // One byte: at 0 a kernel that pipes cores to a collector would still start it; at 1 it makes none at all.
  spawnSync('prlimit', ['--pid', String(process.pid), '--core=1:1'], { stdio: 'ignore' })
  try {
    // And were there one, it would hold no page of memory.
    writeFileSync('/proc/self/coredump_filter', '0')
  } catch {
    // Said by `dumps`, which the doctor shows.
  }
}

export type Dumps = 'off' | 'on' | 'unknown'

/** Whether the kernel would write a core of this process. */
export function dumps(pid: number): Dumps {
  try {
    const limit = /^Max core file size +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1]
    const filter = Number.parseInt(readFileSync(`/proc/${pid}/coredump_filter`, 'utf8'), 16)
    return limit === '0' || limit === '1' || filter === 0 ? 'off' : 'on'
  } catch {
    // Not Linux, or the process is gone.
    return 'unknown'
  }
}
