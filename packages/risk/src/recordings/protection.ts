/**
 * What stands between the people and the attacker: nothing, the shield, or a control.
 *
 * Controls are protections that don't protect: they are built in so that a gate that lets one of them pass shows that
 * it can't be believed.
 */
import { defaultShieldSettings, FairtraceError, type ShieldSettings } from '@fairtrace/core'
import type { Random } from '../random.ts'
import { CAPS, type Cap } from './cap-units.ts'
import type { KeySession, MouseSession } from './rows.ts'

export const CONTROLS = ['round-250', 'delay-100', 'gaussian'] as const
export type Control = (typeof CONTROLS)[number]

export type Protection =
  | { readonly is: 'none' }
  | { readonly is: 'control'; readonly control: Control }
  | {
      readonly is: 'shield'
      readonly pointer: ShieldSettings['pointer']
      readonly keyboard: ShieldSettings['keyboard']
      /** What the builder does afterwards. */
      readonly cap: Cap
    }

/**
 * `none`, `default`, a control's name, or levels of the shield such as `pointer=cell,keyboard=kind`.
 * @throws `USAGE`
 */
export function parseProtection(text: string): Protection {
  if (text === 'none') return { is: 'none' }
  const control = CONTROLS.find((one) => one === text)
  if (control !== undefined) return { is: 'control', control }
  const { pointer, keyboard } = defaultShieldSettings([])
  const levels = { is: 'shield' as const, pointer, keyboard, cap: 'kinds' as Cap }
  if (text === 'default') return levels
  for (const part of text.split(',')) {
    const cap = CAPS.find((one) => part === `cap=${one}`)
    if (cap !== undefined) {
      levels.cap = cap
      continue
    }
    switch (part) {
      case 'pointer=target':
      case 'pointer=cell':
        levels.pointer = part === 'pointer=cell' ? 'cell' : 'target'
        break
      case 'keyboard=kind-and-length':
      case 'keyboard=kind':
      case 'keyboard=none':
        levels.keyboard = part === 'keyboard=none' ? 'none' : part === 'keyboard=kind' ? 'kind' : 'kind-and-length'
        break
      default:
        throw new FairtraceError(
          'USAGE',
          `--protect takes none, default, ${CONTROLS.join(', ')}, or levels such as pointer=cell,keyboard=kind,cap=keys`,
        )
    }
  }
  return levels
}

const ROUND_MS = 250
const DELAY_MS = 100
const NOISE_MS = 50
const NOISE_PX = 20

/** Times of a mouse session, and with `gaussian` its places, as the control leaves them. */
export function controlMouse(session: MouseSession, control: Control, random: Random): MouseSession {
  const { t, x, y } = session.columns
  const noisy = (values: Float64Array) =>
    control === 'gaussian' ? values.map((value) => value + NOISE_PX * random.normal()) : values
  return { ...session, columns: { ...session.columns, t: controlTimes(t, control, random), x: noisy(x), y: noisy(y) } }
}

export function controlKeys(session: KeySession, control: Control, random: Random): KeySession {
  const { press, release } = session.columns
  const presses = controlTimes(press, control, random)
  const releases = controlTimes(release, control, random).map((value, i) => Math.max(value, presses[i] ?? 0))
  return { ...session, columns: { ...session.columns, press: presses, release: releases } }
}

function controlTimes(times: Float64Array, control: Control, random: Random): Float64Array {
  switch (control) {
    case 'round-250':
      return times.map((time) => Math.round(time / ROUND_MS) * ROUND_MS)
    case 'gaussian':
      return times.map((time) => time + NOISE_MS * random.normal())
    case 'delay-100': {
      // As Kloak: each event waits a random time, never so that it would overtake the one before it.
      let last = Number.NEGATIVE_INFINITY
      return times.map((time) => (last = Math.max(last, time + DELAY_MS * random.next())))
    }
  }
}
