/** The agent as a person runs it: each call is a process of its own. */
import { spawn } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const FAIRTRACE = fileURLToPath(new URL('../../apps/cli/bin/fairtrace.mjs', import.meta.url))

export interface CommandResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `fairtrace agent …` on one device, in one desktop's environment. */
export class AgentCommands {
  readonly #device: string
  readonly #env: NodeJS.ProcessEnv

  constructor(device: string, env: NodeJS.ProcessEnv) {
    this.#device = device
    this.#env = env
  }

  run(...words: readonly string[]): Promise<CommandResult> {
    return runProcess(process.execPath, [FAIRTRACE, 'agent', ...words, '--device', this.#device], this.#env)
  }

  /** What a command prints as JSON; fails where it fails. */
  async json<T>(...words: readonly string[]): Promise<T> {
    const { status, stdout, stderr } = await this.run(...words, '--json')
    if (status !== 0) throw new Error(`${words.join(' ')}: ${status} ${stdout} ${stderr}`)
    return JSON.parse(stdout)
  }
}

export function runProcess(command: string, words: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => {
      output.stdout += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      output.stderr += chunk
    })
    child.on('error', reject)
    // Not `close`: an agent that was started in the background may hold on to nothing of ours, and a test would wait for it.
    child.on('exit', (status) => setImmediate(() => resolve({ status, ...output })))
  })
}
