/** Watching the processes of a started Fairtrace from outside, as an operator would. */
import { execFileSync } from 'node:child_process'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Every descendant of `pid`, itself included, as they are now. */
export function processTree(pid: number): readonly number[] {
  const rows = execFileSync('ps', ['-e', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
  const found = [pid]
  for (const parent of found) {
    for (const [child, itsParent] of rows) if (itsParent === parent && child !== undefined) found.push(child)
  }
  return found
}

/** Those of `pids` that still run; a zombie that nobody has waited for yet does not run. */
export function stillRunning(pids: readonly number[]): readonly number[] {
  return pids.filter((pid) => {
    try {
      return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
        .trim()
        .startsWith('Z')
    } catch {
      // ps found no such process.
      return false
    }
  })
}

/** Waits until `check` holds. @returns whether it did within `msMax` */
export async function eventually(check: () => boolean | Promise<boolean>, msMax: number): Promise<boolean> {
  const deadline = Date.now() + msMax
  while (Date.now() < deadline) {
    if (await check()) return true
    await sleep(100)
  }
  return check()
}

export function isPortOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
