/** `fairtrace-agent`: the agent alone, without a server anywhere near it. */
import process from 'node:process'
import { agentCommand } from './agent-command.ts'

process.umask(0o077)
// The launcher's IPC channel is our lifeline, and keeps nothing alive by itself.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.channel?.unref()

const program = agentCommand('fairtrace-agent')
try {
  await program.parseAsync()
} catch (error) {
  // Commander has printed what is wrong, or the help that was asked for. Wrong arguments end with 2 everywhere.
  if (!(error instanceof Error && 'exitCode' in error && 'code' in error)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : 2
}
