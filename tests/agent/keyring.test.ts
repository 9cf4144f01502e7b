/** The key of a device in a real keyring: gnome-keyring on a session bus of its own, with nothing of the person's. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const CHILD = fileURLToPath(new URL('keyring.child.ts', import.meta.url))
const TOOLS = ['/usr/bin/dbus-run-session', '/usr/bin/gnome-keyring-daemon']
const missing = TOOLS.filter((tool) => !existsSync(tool))

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fairtrace-keyring-'))
  for (const name of ['home', 'run']) mkdirSync(join(dir, name), { mode: 0o700 })
})
afterEach(() => rmSync(dir, { recursive: true }))

/** Runs the child in a session of its own, with the keyring unlocked by this password; null: no keyring daemon at all. */
function inSession(password: string | null, ...args: string[]): unknown {
  const child = `"${process.execPath}" --disable-warning=ExperimentalWarning "${CHILD}" ${args.map((arg) => `"${arg}"`).join(' ')}`
  const unlock =
    password === null
      ? ''
      : `printf %s "${password}" | gnome-keyring-daemon --unlock --components=secrets >/dev/null && `
  const { stdout, stderr } = spawnSync('dbus-run-session', ['--', 'sh', '-c', `${unlock}${child}`], {
    env: { PATH: process.env.PATH, HOME: join(dir, 'home'), XDG_RUNTIME_DIR: join(dir, 'run') },
    encoding: 'utf8',
    timeout: 60_000,
  })
  const line = stdout.trim().split('\n').at(-1)
  if (line === undefined || line === '') throw new Error(`the session said nothing: ${stderr.slice(0, 500)}`)
  return JSON.parse(line)
}

describe.skipIf(missing.length > 0)(
  `the key in the system's keyring${missing.length > 0 ? ` (no ${missing.join(', ')})` : ''}`,
  () => {
    it('moves from the file into the keyring, opens the folder after a new sign-in, and not without the keyring', () => {
      const device = join(dir, 'device')
      expect(inSession(null, device, 'without', 'kept')).toEqual({ value: 'kept' })
      expect(existsSync(join(device, 'storage.key'))).toBe(true)
      expect(inSession('secret', device, 'with')).toEqual({ value: 'kept' })
      expect(existsSync(join(device, 'storage.key'))).toBe(false)
      expect(inSession('secret', device, 'with')).toEqual({ value: 'kept' })
      expect(inSession(null, device, 'without')).toEqual({ code: 'KEYRING_UNAVAILABLE' })
      expect(inSession('secret', device, 'with')).toEqual({ value: 'kept' })
    })
  },
)
