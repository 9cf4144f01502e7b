/** What a device does now, as one value and as one plain sentence: agent and extension say the same. */
import { type AppId, ERRORS, type ErrorCode } from '@fairtrace/core'
import type { SourceProblem } from './source.ts'

export type DeviceState =
  | { readonly state: 'not-joined' }
  | { readonly state: 'reflecting'; readonly untilMs: number }
  /** The notice was shown, the reflection period is over, and the choice is open. */
  | { readonly state: 'asked' }
  | { readonly state: 'no-consent' }
  /** `app`: what has the focus, if it is one that is recorded. */
  | { readonly state: 'recording'; readonly app: AppId | null; readonly sinceMs: number }
  | { readonly state: 'paused'; readonly by: 'you' | 'programme' }
  | { readonly state: 'blind'; readonly problem: SourceProblem }
  /** Outbox full, server unreachable, lease refused: what the code's advice says is to be done. */
  | { readonly state: 'stopped'; readonly code: ErrorCode }

/**
 * One plain sentence, or two: what is so, and what to do where something is to be done.
 * @param nowMs to say "today" and "tomorrow" by
 */
export function describeState(state: DeviceState, nowMs: number): string {
  switch (state.state) {
    case 'not-joined':
      return 'Not set up: nothing is recorded. To take part, join with the invitation that you were sent.'
    case 'reflecting':
      return `Nothing is recorded: you have until ${momentText(state.untilMs, nowMs)} to think it over, and nobody is told what you decide.`
    case 'asked':
      return 'Nothing is recorded: whether you take part is your choice. Not answering is the same as saying no.'
    case 'no-consent':
      return 'Nothing is recorded, because you have not agreed to it. You need to do nothing.'
    case 'recording':
      return state.app === null
        ? 'Ready, but not recording: you are in none of the apps that you chose.'
        : `Recording in ${appText(state.app)}. You can look at it, and delete it, before any of it leaves.`
    case 'paused':
      return state.by === 'you'
        ? 'Paused by you: nothing is recorded until you resume.'
        : 'Nothing is recorded: the programme does not run at the moment. You need to do nothing.'
    case 'blind':
      return PROBLEMS[state.problem]
    case 'stopped':
      return STOPS[state.code] ?? `Nothing is recorded (${state.code}). ${ERRORS[state.code].advice}`
  }
}

const PROBLEMS: Readonly<Record<SourceProblem, string>> = {
  'hook-dead': 'Nothing is recorded: the connection to mouse and keyboard broke. It is being opened again.',
  'permission-missing':
    'Nothing is recorded: this computer does not let Fairtrace see mouse and keyboard. Allow it in the privacy settings.',
  'accessibility-missing':
    'Nothing is recorded: the accessibility service is off, so Fairtrace can not tell a password field from others. Switch it on.',
  suspended: 'Nothing is recorded: the computer was asleep. It goes on by itself.',
  'screen-changed': 'Nothing is recorded while the screens are being arranged. It goes on by itself.',
  'display-lost': 'Nothing is recorded: the screen session is gone. It goes on when you sign in again.',
  wayland:
    'Nothing is recorded: this session runs on Wayland, which lets no program see what you do elsewhere. Sign in with an X11 session.',
}

/** Where the advice of the code, which is written for commands, is not what a person at their desk can do. */
const STOPS: Readonly<Partial<Record<ErrorCode, string>>> = {
  OUTBOX_FULL: 'Recording has stopped: the space for what waits is full. Release something, or delete it.',
  DISK_FULL: 'Recording has stopped: the disk of this computer is full. Free some space.',
  SERVER_UNREACHABLE:
    'Nothing is recorded: the portal does not answer. What waits is kept, and it tries again by itself.',
  LEASE_REVOKED: 'Nothing is recorded at this moment: the portal is being asked whether it may be.',
  OUTSIDE_WORKING_HOURS: 'Nothing is recorded outside working hours. You need to do nothing.',
  DEVICE_UNKNOWN: 'Nothing is recorded: the portal does not know this device. Set it up again where you are signed in.',
  DEVICE_CLOCK_WRONG: 'Nothing is recorded: the clock of this computer is wrong. Set it, and it goes on by itself.',
  BUILD_NOT_REVIEWED:
    'Nothing is recorded: this version has not been reviewed for the programme. Install one that was.',
  KEYRING_UNAVAILABLE:
    'Nothing is recorded: the keyring of this computer is locked or gone. Unlock it, and start again.',
}

/** The app as a person calls it: `desktop:org.gnome.gedit` is org.gnome.gedit, `web:https://mail.example` is mail.example. */
export function appText(app: AppId): string {
  return app.replace(/^desktop:/, '').replace(/^web:https?:\/\//, '')
}

const DAY_MS = 86_400_000

function momentText(atMs: number, nowMs: number): string {
  const at = new Date(atMs)
  const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
  const days = Math.round((startOfDay(atMs) - startOfDay(nowMs)) / DAY_MS)
  if (days === 0) return `${time} today`
  if (days === 1) return `${time} tomorrow`
  return `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'long' })}, ${time}`
}

function startOfDay(atMs: number): number {
  return new Date(atMs).setHours(0, 0, 0, 0)
}
