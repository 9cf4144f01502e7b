/** Every command of the agent: `fairtrace-agent …` alone, `fairtrace agent …` where the whole of Fairtrace is installed. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { consentCommand } from './commands/consent-command.ts'
import { doctorCommand } from './commands/doctor-command.ts'
import { installCommand, uninstallCommand } from './commands/install-command.ts'
import { joinCommand } from './commands/join-command.ts'
import { openCommand } from './commands/open-command.ts'
import { reviewCommand } from './commands/review-command.ts'
import { daemonCommand, runAgentCommand, startCommand, stopCommand } from './commands/run-command.ts'
import { pauseCommand, resumeCommand, statusCommand } from './commands/status-command.ts'
import { taskCommand } from './commands/task-command.ts'
import { uploadCommand } from './commands/upload-command.ts'
import { withdrawCommand } from './commands/withdraw-command.ts'

export function agentCommand(name: string): Command {
  const command = new Command(name)
    .description('Records how you use the apps that you chose, and nothing else of this computer, while you agree.')
    .version(String(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version))
    .showHelpAfterError('Run with --help to see what this command takes.')
    .addHelpText(
      'after',
      '\nBegin with `join`, read, and take the time to think that you are given. Every command takes --json.',
    )
  for (const child of [
    joinCommand(),
    consentCommand(),
    startCommand(),
    stopCommand(),
    statusCommand(),
    pauseCommand(),
    resumeCommand(),
    reviewCommand(),
    openCommand(),
    taskCommand(),
    uploadCommand(),
    withdrawCommand(),
    doctorCommand(),
    installCommand(),
    uninstallCommand(),
    runAgentCommand(),
  ]) {
    command.addCommand(child)
  }
  command.addCommand(daemonCommand(), { hidden: true })
  return exitByThrowing(command)
}

function exitByThrowing(command: Command): Command {
  command.exitOverride()
  for (const child of command.commands) exitByThrowing(child)
  return command
}
