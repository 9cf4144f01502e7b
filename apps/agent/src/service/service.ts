/** The agent as a service of the person's own session, on whichever system this is. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { ENTRY, NODE_FLAGS } from '../entry.ts'
import { sessionDir } from '../paths.ts'
import { launchAgent, scheduledTask } from './other-systems.ts'
import { systemdUnit } from './systemd-unit.ts'

const UNIT = 'fairtrace-agent.service'
const WINDOWS_TASK = 'Fairtrace agent'

export interface Installed {
  readonly file: string
  /** Whether the system has taken it; else the person has to, as `next` says. */
  readonly enabled: boolean
  /** What is left to do by hand, or null. */
  readonly next: string | null
}

export function installService(deviceDir: string): Installed {
  const file = serviceFile()
  const device = resolve(deviceDir)
  const options = { node: process.execPath, flags: NODE_FLAGS, entry: ENTRY, device }
  mkdirSync(dirname(file), { recursive: true })
  // Named in the unit, which systemd refuses to start where they are missing.
  mkdirSync(device, { recursive: true, mode: 0o700 })
  if (process.platform === 'darwin') {
    writeFileSync(file, launchAgent(options), { mode: 0o600 })
    return taken(file, ['launchctl', 'bootstrap', `gui/${process.getuid?.()}`, file])
  }
  if (process.platform === 'win32') {
    writeFileSync(file, `\ufeff${scheduledTask(options)}`, { encoding: 'utf16le' })
    return taken(file, ['schtasks', '/Create', '/F', '/TN', WINDOWS_TASK, '/XML', file])
  }
  writeFileSync(file, systemdUnit({ ...options, session: sessionDir(device) }), { mode: 0o600 })
  run(['systemctl', '--user', 'daemon-reload'])
  return taken(file, ['systemctl', '--user', 'enable', UNIT])
}

/** @returns whether there was one */
export function uninstallService(): boolean {
  const file = serviceFile()
  if (!existsSync(file)) return false
  if (process.platform === 'darwin') run(['launchctl', 'bootout', `gui/${process.getuid?.()}`, file])
  else if (process.platform === 'win32') run(['schtasks', '/Delete', '/F', '/TN', WINDOWS_TASK])
  else run(['systemctl', '--user', 'disable', '--now', UNIT])
  rmSync(file, { force: true })
  if (process.platform === 'linux') run(['systemctl', '--user', 'daemon-reload'])
  return true
}

/** Whether the service that is installed runs this device. */
export function isServiceInstalled(deviceDir: string): boolean {
  const file = serviceFile()
  return (
    existsSync(file) &&
    readFileSync(file, process.platform === 'win32' ? 'utf16le' : 'utf8').includes(resolve(deviceDir))
  )
}

/** @returns false where the system's manager doesn't answer, as in a session without one */
export function startService(): boolean {
  if (process.platform === 'darwin')
    return run(['launchctl', 'kickstart', `gui/${process.getuid?.()}/org.fairtrace.agent`])
  if (process.platform === 'win32') return run(['schtasks', '/Run', '/TN', WINDOWS_TASK])
  return run(['systemctl', '--user', 'start', UNIT])
}

function serviceFile(): string {
  const { env, platform } = process
  if (platform === 'darwin') return join(homedir(), 'Library', 'LaunchAgents', 'org.fairtrace.agent.plist')
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? homedir(), 'Fairtrace', 'fairtrace-agent.xml')
  return join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'systemd', 'user', UNIT)
}

function taken(file: string, command: readonly string[]): Installed {
  const enabled = run(command)
  return { file, enabled, next: enabled ? null : `Run in your desktop session: ${command.join(' ')}` }
}

function run([command = '', ...args]: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 15_000 }).status === 0
}
