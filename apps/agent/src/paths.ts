/** Where the agent keeps things: the device's folder, and the place of what lives only as long as the session. */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'

/** The path of a socket has 108 bytes on Linux and 104 on macOS, its end included. */
const SOCKET_PATH_MAX = 103

/** Where the device's folder is unless a command names another. */
export function defaultDeviceDir(): string {
  const { env, platform } = process
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Fairtrace')
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'Fairtrace')
  return join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'fairtrace')
}

/**
 * Where the daemon of this device listens: in the session's own folder, which nobody else may enter, or in the device's. On
 * Windows a pipe, which only its owner may open for writing.
 */
export function controlAddress(deviceDir: string): string {
  const name = createHash('sha256').update(resolve(deviceDir)).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return `\\\\.\\pipe\\fairtrace-agent-${name}`
  const beside = join(deviceDir, 'agent.sock')
  const inSession = join(sessionDir(deviceDir), `${name}.sock`)
  return inSession.length <= SOCKET_PATH_MAX ? inSession : beside
}

/** A folder for its owner alone that ends with the session where there is such a one. */
export function sessionDir(deviceDir: string): string {
  const runtime = process.env.XDG_RUNTIME_DIR
  const dir = runtime ? join(runtime, 'fairtrace-agent') : deviceDir
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  return dir
}
