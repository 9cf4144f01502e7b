import { describe, expect, it } from 'vitest'
import { fieldOf } from '../accessibility/roles.ts'
import { ClickCounter } from '../click-counter.ts'
import { parseXSettings } from './click-settings.ts'
import { meaningOf } from './keysym-names.ts'

/** One setting that is a number, as XSETTINGS 0.5 lays it out. */
function setting(name: string, value: number): Buffer {
  const padded = (name.length + 3) & ~3
  const bytes = Buffer.alloc(4 + padded + 8)
  bytes.writeUInt16LE(name.length, 2)
  bytes.write(name, 4, 'latin1')
  bytes.writeInt32LE(value, 4 + padded + 4)
  return bytes
}

describe('the desktop’s settings', () => {
  const header = Buffer.alloc(12)
  header.writeInt32LE(2, 8)
  const whole = Buffer.concat([header, setting('Net/DoubleClickTime', 250), setting('Net/DoubleClickDistance', 8)])

  it('say when two clicks are a double one', () => {
    expect(parseXSettings(whole)).toEqual(
      new Map([
        ['Net/DoubleClickTime', 250],
        ['Net/DoubleClickDistance', 8],
      ]),
    )
  })

  it('hold as far as they make sense', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(parseXSettings(whole.subarray(0, length)).size).toBeLessThanOrEqual(2)
    }
  })

  it('decide the count of clicks', () => {
    const settings = { timeMs: 250, distancePx: 8 }
    const counter = new ClickCounter()
    const at = (atMs: number, x = 0) => counter.press('left', { atMs, x, y: 0 }, settings)
    expect([at(0), at(250), at(400, 8), at(700), at(800, 20)]).toEqual([1, 2, 3, 1, 1])
    expect(counter.press('right', { atMs: 810, x: 20, y: 0 }, settings)).toBe(1)
  })
})

describe('what a key is', () => {
  it.each([
    [0x61, { is: 'character', key: 'a' }],
    [0xe9, { is: 'character', key: 'é' }],
    [0x010020ac, { is: 'character', key: '€' }],
    [0x6c1, { is: 'character', key: 'а' }],
    [0xffb7, { is: 'character', key: '7' }],
    [0xff8d, { is: 'named', key: 'enter' }],
    [0xffbe, { is: 'named', key: 'f1' }],
    [0xfe51, { is: 'mark', mark: '\u0301' }],
    [0x1008ff13, null],
    [0, null],
  ])('for keysym %i', (keysym, meaning) => {
    expect(meaningOf(keysym)).toEqual(meaning)
  })
})

describe('what typing into an element would be', () => {
  const [editable, plain] = [1 << 7, 0]
  it.each([
    ['a password field', 40, editable, 'secure'],
    ['an entry', 79, editable, 'text'],
    ['a text that can not be edited', 61, plain, 'none'],
    ['a button', 43, plain, 'none'],
    ['a terminal, which asks for passwords too', 60, editable, 'unknown'],
    ['a canvas', 18, plain, 'unknown'],
    ['a frame', 23, plain, 'unknown'],
    ['an entry that is no more', 79, editable | (1 << 6), 'unknown'],
    ['a role of the future', 999, editable, 'unknown'],
  ])('for %s', (_what, role, states, field) => {
    expect(fieldOf(role, [states, 0], 'desktop:orders', false)).toBe(field)
  })

  it('is code in an editor of code', () => {
    expect(fieldOf(61, [editable, 0], 'desktop:geany', false)).toBe('code')
  })
})
