/** A role as a process of its own, that a test can kill at any moment. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { FairtraceError } from '@fairtrace/core'
import type { RoleContext } from '@fairtrace/server/runtime/role'

export interface RoleProcess {
  readonly address: string
  readonly pid: number
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>
  stop(): Promise<void>
}

/** @param prefix command to put in front, such as `['taskset', '-c', '0']` */
export async function startRoleProcess(
  context: Omit<RoleContext, 'log' | 'clock' | 'addresses'>,
  prefix: readonly string[] = [],
): Promise<RoleProcess> {
  const main = fileURLToPath(new URL('./role-main.ts', import.meta.url))
  const [command = process.execPath, ...args] = [
    ...prefix,
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    main,
  ]
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const gone = once(child, 'exit')
  child.send(context)
  const first: unknown[] | null = await Promise.race([once(child, 'message'), gone.then(() => null)])
  const answer = first?.[0]
  if (typeof answer !== 'object' || answer === null || !('address' in answer)) {
    throw new FairtraceError('ROLE_FAILED', `the ${context.role} did not start`)
  }
  return {
    address: String(answer.address),
    pid: child.pid ?? 0,
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
    async stop() {
      child.kill('SIGTERM')
      await gone
    },
  }
}
