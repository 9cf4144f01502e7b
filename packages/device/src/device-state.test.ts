import { ERRORS, type ErrorCode } from '@fairtrace/core'
import { describe, expect, it } from 'vitest'
import { appText, type DeviceState, describeState } from './device-state.ts'

const NOW_MS = new Date(2026, 0, 5, 10, 0).getTime()
const HOUR_MS = 3_600_000
const stops = (Object.keys(ERRORS) as ErrorCode[]).map((code): DeviceState => ({ state: 'stopped', code }))
const blind = (
  [
    'hook-dead',
    'permission-missing',
    'accessibility-missing',
    'suspended',
    'screen-changed',
    'display-lost',
    'wayland',
  ] as const
).map((problem): DeviceState => ({ state: 'blind', problem }))
const notRecording: DeviceState[] = [
  { state: 'not-joined' },
  { state: 'reflecting', untilMs: NOW_MS + HOUR_MS },
  { state: 'asked' },
  { state: 'no-consent' },
  { state: 'paused', by: 'you' },
  { state: 'paused', by: 'programme' },
  { state: 'recording', app: null, sinceMs: NOW_MS },
  ...blind,
  ...stops,
]

describe('describeState', () => {
  it.each(notRecording)('says of %j that nothing is recorded, in whole sentences', (state) => {
    const said = describeState(state, NOW_MS)
    expect(said).toMatch(/nothing is recorded|not recording|recording has stopped/i)
    expect(said).toMatch(/^[A-Z].*\.$/)
    expect(said.length).toBeLessThan(240)
  })

  it('says in which app it records, as a person calls it, and what they can do about it', () => {
    const said = describeState({ state: 'recording', app: 'web:https://mail.example', sinceMs: NOW_MS }, NOW_MS)
    expect(said).toBe('Recording in mail.example. You can look at it, and delete it, before any of it leaves.')
  })

  it.each([
    [HOUR_MS, '11:00 today'],
    [24 * HOUR_MS, '10:00 tomorrow'],
    [72 * HOUR_MS, '8 January, 10:00'],
  ])('says until when one can think it over, %d ms from now', (ms, when) => {
    expect(describeState({ state: 'reflecting', untilMs: NOW_MS + ms }, NOW_MS)).toContain(`until ${when}`)
  })

  it('names an app without what only programs need', () => {
    expect([appText('desktop:orders'), appText('web:http://crm.example:8080')]).toEqual(['orders', 'crm.example:8080'])
  })
})
