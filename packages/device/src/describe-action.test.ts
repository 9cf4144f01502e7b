import type { Action, Target } from '@fairtrace/core'
import { describe, expect, it } from 'vitest'
import { describeAction } from './describe-action.ts'

const save: Target = { role: 'button', label: 'Save', box: [0, 0, 10, 10] }
const plain: Target = { role: 'image', box: [0, 0, 10, 10] }

describe('describeAction', () => {
  it.each<[Action, string]>([
    [{ kind: 'hover', target: plain }, 'rested on an image'],
    [{ kind: 'click', button: 'left', count: 1, target: save }, 'clicked the Save button'],
    [{ kind: 'click', button: 'left', count: 2, target: plain }, 'double-clicked an image'],
    [{ kind: 'click', button: 'right', count: 1, target: save }, 'clicked the Save button with the right button'],
    [
      { kind: 'drag', button: 'left', from: plain, to: { cell: [7, 0] } },
      'dragged from an image to the window, about top right',
    ],
    [
      { kind: 'scroll', direction: 'down', amount: 4, target: { cell: [3, 7] } },
      'scrolled down over the window, about bottom middle',
    ],
    [{ kind: 'press', key: 'enter' }, 'pressed the enter key'],
    [{ kind: 'hotkey', keys: ['ctrl', 's'] }, 'used the shortcut ctrl+s'],
    [{ kind: 'type', text: 'number', length: 'short' }, 'typed a short number'],
    [{ kind: 'switch', app: 'web:https://crm.example' }, 'went to https://crm.example'],
  ])('says of %j: %s', (action, sentence) => {
    expect(describeAction(action)).toBe(sentence)
  })
})
