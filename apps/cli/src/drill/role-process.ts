/** The process of a role, held where it stands, as a machine that hangs would. */
import { readdirSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import type { DataDir, RoleName } from '@fairtrace/server'

/** Goes on by itself however the drill ends; only the end of the drill's own process leaves it to `hold`'s caller to be killed. */
export async function whileHeld<T>(dir: DataDir, role: RoleName, work: () => Promise<T>): Promise<T> {
  const pid = pidOf(dir, role)
  const goOn = () => process.kill(pid, 'SIGCONT')
  process.once('exit', goOn)
  process.kill(pid, 'SIGSTOP')
  try {
    return await work()
  } finally {
    process.off('exit', goOn)
    goOn()
  }
}

/** By its command line: on Linux, where embedded installations are drilled. */
function pidOf(dir: DataDir, role: RoleName): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const words = commandOf(pid)
    const at = words.indexOf('serve')
    if (at >= 0 && words[at + 2] === role && words.includes(dir.root)) return Number(pid)
  }
  throw new FairtraceError('ROLE_FAILED', `there is no process of the ${role} to hold`)
}

function commandOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    // It ended meanwhile.
    return []
  }
}
