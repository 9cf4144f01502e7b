import { actionSchema, LENGTH_CLASSES, NAMED_KEYS, ROLES, SCROLL_AMOUNTS, TEXT_KINDS } from '@fairtrace/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPlainAction } from './plain-action.ts'

/** Values on and around every border of the schema. */
const odd = fc.constantFrom<unknown>(
  null,
  -1,
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  800,
  801,
  1280,
  1281,
  1.5,
  '',
  'x',
  'left',
  'up',
  'a',
  [],
  {},
  true,
)
const whole = fc.constantFrom(0, 1, 7, 8, 799, 800, 801, 1280, 1281, -1, 0.5)
const target = fc.oneof(
  fc.record({ cell: fc.array(whole, { minLength: 1, maxLength: 3 }) }),
  fc.record(
    {
      role: fc.constantFrom<string>(...ROLES, 'president'),
      label: fc.constantFrom<unknown>('Save', '', 'x'.repeat(64), 'x'.repeat(65), null),
      box: fc.array(whole, { minLength: 3, maxLength: 5 }),
      cell: fc.constantFrom([1, 1], null),
      path: fc.constant('/home'),
    },
    { requiredKeys: ['role', 'box'] },
  ),
  odd,
)
const keys = fc.array(fc.constantFrom('ctrl', 'shift', 'c', 'C', 'ab', 'enter', 'space', 'é', 5), { maxLength: 6 })
const fields = {
  button: fc.oneof(fc.constantFrom('left', 'middle', 'right'), odd),
  count: odd,
  target,
  from: target,
  to: target,
  direction: fc.oneof(fc.constantFrom('up', 'down', 'left', 'right'), odd),
  amount: fc.oneof(fc.constantFrom<number>(...SCROLL_AMOUNTS), odd),
  key: fc.oneof(fc.constantFrom<string>(...NAMED_KEYS), odd),
  keys,
  text: fc.oneof(fc.constantFrom<string>(...TEXT_KINDS), odd),
  length: fc.oneof(fc.constantFrom<string>(...LENGTH_CLASSES), odd),
  app: fc.constantFrom<unknown>(
    'desktop:orders',
    'web:https://crm.example',
    'desktop:',
    'web:https://a/b',
    'desktop:orders\n',
    5,
  ),
}
const BY_KIND = {
  hover: ['target'],
  click: ['button', 'count', 'target'],
  drag: ['button', 'from', 'to'],
  scroll: ['direction', 'amount', 'target'],
  press: ['key'],
  hotkey: ['keys'],
  type: ['text', 'length'],
  switch: ['app'],
} as const
const action = fc.constantFrom(...Object.keys(BY_KIND)).chain((kind) => {
  const own: readonly (keyof typeof fields)[] = BY_KIND[kind as keyof typeof BY_KIND]
  const record = Object.fromEntries(own.map((name) => [name, fields[name]]))
  const extra = fc.constantFrom({}, {}, {}, {}, { atMs: 1 }, { kind: 'x' }, { target: { cell: [0, 0] } })
  return fc
    .tuple(fc.record(record), extra)
    .map(([value, more]) => JSON.parse(JSON.stringify({ kind, ...value, ...more })))
})

describe('isPlainAction', () => {
  it('never says yes to what the schema refuses', () => {
    let accepted = 0
    fc.assert(
      fc.property(fc.oneof({ weight: 20, arbitrary: action }, { weight: 1, arbitrary: odd }), (value) => {
        if (!isPlainAction(value)) return
        accepted++
        expect(actionSchema.safeParse(value).success).toBe(true)
      }),
      { numRuns: 20_000 },
    )
    expect(accepted).toBeGreaterThan(500)
  })

  it.each([
    { kind: 'click', button: 'left', count: 1, target: { role: 'button', label: 'Save', box: [512, 40, 96, 32] } },
    { kind: 'hover', target: { cell: [7, 0] } },
    { kind: 'drag', button: 'left', from: { cell: [0, 0] }, to: { role: 'other', box: [0, 0, 1280, 800] } },
    { kind: 'scroll', direction: 'down', amount: 64, target: { cell: [0, 7] } },
    { kind: 'press', key: 'enter' },
    { kind: 'hotkey', keys: ['ctrl', 'c'] },
    { kind: 'type', text: 'number', length: 'short' },
    { kind: 'switch', app: 'web:https://crm.example' },
  ])('says yes to a usual $kind', (value) => {
    expect(isPlainAction(value)).toBe(true)
  })
})
