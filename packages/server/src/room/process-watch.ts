/**
 * Watches from outside what all processes of a sandbox take together: limits of the operating system hold for each alone, or for an
 * account, and control groups are not everywhere ours to make.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const POLL_MS = 50
const PAGE_BYTES = 4_096

export interface ProcessLimits {
  readonly memoryBytes: number
  readonly processes: number
}

/** @param root process outside whose descendants have a namespace of their own */
export function watchProcesses(
  root: number,
  limits: ProcessLimits,
  onOver: (what: 'memory' | 'processes') => void,
): { stop(): void } {
  const timer = setInterval(() => {
    const { processes, memoryBytes } = usage(root)
    if (processes > limits.processes) onOver('processes')
    // Pages that processes share are counted for each: held to less, never to more.
    else if (memoryBytes > limits.memoryBytes) onOver('memory')
  }, POLL_MS)
  return { stop: () => clearInterval(timer) }
}

function usage(root: number): { readonly processes: number; readonly memoryBytes: number } {
  const namespace = namespaceBelow(root)
  if (namespace === null) return { processes: 0, memoryBytes: 0 }
  let processes = 0
  let memoryBytes = 0
  for (const pid of pids()) {
    if (namespaceOf(pid) !== namespace) continue
    processes++
    memoryBytes += residentBytes(pid)
  }
  return { processes, memoryBytes }
}

/** The namespace of the first process inside: bwrap's child. */
function namespaceBelow(root: number): string | null {
  try {
    const own = namespaceOf(root)
    const children = readFileSync(`/proc/${root}/task/${root}/children`, 'utf8').trim().split(' ')
    for (const child of children) {
      const found = child === '' ? null : namespaceOf(Number(child))
      if (found !== null && found !== own) return found
    }
  } catch {
    // It has ended.
  }
  return null
}

function namespaceOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    // Ended meanwhile, or another account's, which is none of ours.
    return null
  }
}

function residentBytes(pid: number): number {
  try {
    const [, resident = '0', shared = '0'] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')
    return Math.max(0, Number(resident) - Number(shared)) * PAGE_BYTES
  } catch {
    // Ended meanwhile.
    return 0
  }
}

function pids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}
