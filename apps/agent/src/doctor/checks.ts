/** What the doctor looks at on this computer. Each check says what it found and, where something is wrong, what to do. */
import { existsSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { explainPermissions } from '../capture/explain-permissions.ts'
import type { SelfAnswer, StatusAnswer } from '../control/answers.ts'
import { dumps } from '../daemon/harden.ts'
import { isServiceInstalled } from '../service/service.ts'

export interface Check {
  readonly name: string
  /** `look`: nothing is broken, and it may still be what the person wonders about. */
  readonly result: 'ok' | 'look' | 'wrong'
  readonly says: string
  /** What to do, or null where there is nothing to do. */
  readonly advice: string | null
}

export interface CheckContext {
  readonly device: string
  readonly status: StatusAnswer
  /** Of the running process, or null where none runs. */
  readonly self: SelfAnswer | null
  readonly hasKeyring: boolean
}

const DISK_BYTES_MIN = 256 * 1024 * 1024
const MEGABYTE = 1024 * 1024

export function checkDisplay(): Check {
  const { DISPLAY, WAYLAND_DISPLAY, XDG_SESSION_TYPE } = process.env
  if (process.platform !== 'linux') return ok('display', 'This system has one display service.')
  if (WAYLAND_DISPLAY || XDG_SESSION_TYPE === 'wayland') {
    return wrong(
      'display',
      'This is a Wayland session. No program can see there which element you use, so the agent refuses to record.',
      'Choose an X11 (Xorg) session when you sign in.',
    )
  }
  if (!DISPLAY) return wrong('display', 'There is no display here.', 'Run it in your desktop session.')
  return ok('display', `X11, display ${DISPLAY}.`)
}

export function checkAccessibility(): Check {
  if (process.platform !== 'linux') {
    return look('accessibility', explainPermissions(process.platform).join(' '), null)
  }
  if (process.env.DBUS_SESSION_BUS_ADDRESS) return ok('accessibility', 'There is a session bus to ask for it.')
  return wrong(
    'accessibility',
    'There is no session bus, so nothing says which field has the focus, and no text can be told from a password.',
    'Install at-spi2-core and sign in again.',
  )
}

export function checkKeyring({ device, hasKeyring }: CheckContext): Check {
  if (existsSync(join(device, 'key-place'))) {
    if (hasKeyring) return ok('keyring', 'The key to what waits here is in your keyring.')
    return wrong('keyring', 'The key to what waits here is in your keyring, and no keyring answers.', 'Unlock it.')
  }
  return look(
    'keyring',
    'The key to what waits here is a file that only you may read: no keyring took it.',
    'With gnome-keyring or KWallet, unlocked, the key moves there by itself.',
  )
}

export function checkFolder({ device }: CheckContext): Check {
  const mode = statSync(device, { throwIfNoEntry: false })?.mode
  if (mode === undefined) return look('folder', `${device} is not there yet; joining makes it.`, null)
  if ((mode & 0o077) === 0) return ok('folder', `${device} is for you alone.`)
  return wrong('folder', `Others may look into ${device}.`, `Run: chmod 700 ${device}`)
}

export function checkDisk({ device }: CheckContext): Check {
  if (statSync(device, { throwIfNoEntry: false }) === undefined) return look('disk', 'Not used yet.', null)
  const { bavail, bsize } = statfsSync(device)
  const says = `${Math.round((bavail * bsize) / MEGABYTE)} MB are free.`
  if (bavail * bsize >= DISK_BYTES_MIN) return ok('disk', says)
  return wrong('disk', says, 'Free some space: recording stops when the disk is full.')
}

export function checkLease({ status: { state, says, running } }: CheckContext): Check {
  if (!running) return look('lease', 'Nobody asked for one: the agent does not run.', null)
  if (state.state === 'recording') return ok('lease', says)
  if (state.state === 'stopped' || state.state === 'blind') {
    return wrong('lease', says, 'Do what this says; recording goes on by itself then.')
  }
  return look('lease', says, null)
}

export function checkService({ device, self }: CheckContext): Check {
  const installed = isServiceInstalled(device)
  if (self !== null) {
    const size = Math.round(self.residentBytes / MEGABYTE)
    return ok('service', `It runs, as process ${self.pid} with ${size} MB${installed ? '' : ', and not as a service'}.`)
  }
  if (installed) return look('service', 'It is installed and does not run.', 'Start it with `fairtrace-agent start`.')
  return look('service', 'It does not run.', '`fairtrace-agent start`, or `install` to let it start with your session.')
}

export function checkIndicator({ self }: CheckContext): Check {
  if (self === null) return look('indicator', 'It is shown while the agent runs.', null)
  if (self.indicator === 'none') {
    return wrong('indicator', 'There is no indicator.', 'Run the agent in your desktop session.')
  }
  const shortcut = self.shortcut === null ? 'no shortcut could be had' : `${self.shortcut} pauses and resumes`
  return ok('indicator', `It is ${self.indicator}; ${shortcut}.`)
}

export function checkDumps({ self }: CheckContext): Check {
  if (self === null) return look('dumps', 'Only a running agent can be looked at.', null)
  const found = dumps(self.pid)
  if (found === 'off') return ok('dumps', 'A crash writes none of its memory to the disk.')
  if (found === 'unknown')
    return look('dumps', 'This system does not tell whether a crash writes memory to the disk.', null)
  return wrong(
    'dumps',
    'A crash would write its memory to the disk.',
    'Install `prlimit` (util-linux) and start it again.',
  )
}

export function ok(name: string, says: string): Check {
  return { name, result: 'ok', says, advice: null }
}
export function look(name: string, says: string, advice: string | null): Check {
  return { name, result: 'look', says, advice }
}
export function wrong(name: string, says: string, advice: string): Check {
  return { name, result: 'wrong', says, advice }
}
