import type { Action, Target } from '@fairtrace/core'
import { describe, expect, it } from 'vitest'
import { describeAction, describeActions } from './describe-action.ts'

const save: Target = { role: 'button', label: 'Save', box: [0, 0, 10, 10] }
const plain: Target = { role: 'image', box: [0, 0, 10, 10] }

describe('describeAction', () => {
  it.each<[Action, string]>([
    [{ kind: 'hover', target: plain }, 'pointed at an image'],
    [{ kind: 'click', button: 'left', count: 1, target: save }, 'clicked the Save button'],
    [{ kind: 'click', button: 'left', count: 2, target: plain }, 'double-clicked an image'],
    [{ kind: 'click', button: 'right', count: 1, target: save }, 'right-clicked the Save button'],
    [
      { kind: 'drag', button: 'left', from: plain, to: { cell: [7, 0] } },
      'dragged from an image to the window, top right',
    ],
    [
      { kind: 'scroll', direction: 'down', amount: 4, target: { cell: [3, 7] } },
      'scrolled down over the window, at the bottom',
    ],
    [{ kind: 'press', key: 'enter' }, 'pressed Enter'],
    [{ kind: 'hotkey', keys: ['ctrl', 's'] }, 'pressed Ctrl+S'],
    [{ kind: 'type', text: 'number', length: 'short' }, 'typed a short number'],
    [{ kind: 'switch', app: 'web:https://crm.example' }, 'went to crm.example'],
  ])('says of %j: %s', (action, sentence) => {
    expect(describeAction(action)).toBe(sentence)
  })
})

describe('describeActions', () => {
  const at = (label: string): Action => ({ kind: 'hover', target: { role: 'link', label, box: [0, 0, 10, 10] } })
  const tab: Action = { kind: 'press', key: 'tab' }

  it('puts the way of the pointer, and what was done several times, into one line each', () => {
    const actions = [at('Inbox'), at('Sent'), at('Inbox'), tab, tab, tab, at('A'), at('B'), at('C'), at('D')]
    expect(describeActions(actions)).toEqual([
      { text: 'pointed at the Inbox link and the Sent link', from: 0, to: 3 },
      { text: 'pressed Tab, 3 times', from: 3, to: 6 },
      { text: 'pointed at the A link, the B link and 2 more places', from: 6, to: 10 },
    ])
  })

  it('covers every action once, in order', () => {
    const actions = [tab, at('A'), tab, tab, at('B'), at('C')]
    const lines = describeActions(actions)
    expect(lines.map(({ from }) => from)).toEqual([0, ...lines.slice(0, -1).map(({ to }) => to)])
    expect(lines.at(-1)?.to).toBe(actions.length)
  })
})
