/** Every line of the lists in `docs/what-leaves.md` is tried on the shield, and every picture comes from a run of it. */
import { readFileSync } from 'node:fs'
import type { Action, InputEvent, Place } from '@fairtrace/core'
import { describe, expect, it } from 'vitest'
import { stalePages } from './what-leaves/page.ts'
import { leaves, SCENES } from './what-leaves/scenes.ts'

const PAGE = readFileSync(new URL('../docs/what-leaves.md', import.meta.url), 'utf8')
const APP = 'web:https://orders.example'

type Field = Extract<InputEvent, { kind: 'focus' }>['field']
const focus = (field: Field, app = APP): InputEvent => ({ kind: 'focus', atMs: 0, app, field })
const keys = (...names: readonly string[]): InputEvent[] =>
  names.flatMap((key): InputEvent[] => [
    { kind: 'key', atMs: 0, key, down: true },
    { kind: 'key', atMs: 0, key, down: false },
  ])
const text = (typed: string) => keys(...typed)
const on = (role: string, at: number, label?: string): Place => ({
  x: at,
  y: at,
  width: 1_280,
  height: 800,
  target: { role, ...(label === undefined ? {} : { label }), box: { x: 0, y: 0, width: 300, height: 300 } },
})
const click = (place: Place): InputEvent[] =>
  [true, false].map((down) => ({ kind: 'button', atMs: 0, button: 'left', down, clicks: 1, place }))
const rest = (place: Place): InputEvent => ({ kind: 'rest', atMs: 0, place })
const bytes = (...events: readonly (InputEvent | readonly InputEvent[])[]) =>
  JSON.stringify(leaves([focus('text'), ...events.flat()]))
const moved = (events: readonly InputEvent[], by: number) =>
  events.map((event) => ({ ...event, atMs: event.atMs * by }))
const kindsOf = (actions: readonly Action[]) => actions.map(({ kind }) => kind)

/** A line of the page, and whether a run of the shield bears it out. */
const LINES: Readonly<Record<string, () => boolean>> = {
  'The words, names and numbers that you type.': () =>
    bytes(text('Anna')) === bytes(text('Berg')) && !bytes(text('Anna')).includes('nn'),
  'When you did something, how long it took, and where you paused.': () =>
    SCENES.every(({ events }) => JSON.stringify(leaves(events)) === JSON.stringify(leaves(moved(events, 1_000)))) &&
    !JSON.stringify(SCENES.map(({ events }) => leaves(events))).includes('atMs'),
  'Your typing slips, and how you put them right with Backspace or Delete.': () =>
    bytes(text('Anba'), keys('backspace', 'backspace', 'delete'), text('na')) === bytes(text('Anna')),
  'Whether you used capital letters.': () => bytes(text('ANNA BERG')) === bytes(text('anna berg')),
  'How long you held a key down.': () =>
    bytes(keys('down')) ===
    bytes(
      Array.from({ length: 9 }, () => keys('down')[0] ?? focus('text')),
      keys('down'),
    ),
  'The way of your mouse, and the exact point of a click.': () =>
    bytes(click(on('button', 20))) ===
    bytes(
      Array.from({ length: 50 }, (): InputEvent => ({ kind: 'move', atMs: 0 })),
      click(on('button', 290)),
    ),
  'Anything that you do while a password field has the cursor.': () =>
    bytes(focus('secure'), text('hunter2'), keys('enter'), click(on('button', 20)), rest(on('button', 20))) === bytes(),
  'Anything in an app that is not on the list.': () =>
    bytes(focus('text', 'desktop:bank'), text('hello'), keys('enter'), click(on('button', 20))) === bytes(),
  "Words of the screen that are not on the app's list.": () =>
    bytes(click(on('button', 20, 'Anna Berg'))) === bytes(click(on('button', 20))) &&
    bytes(click(on('button', 20, 'Save'))).includes('Save'),
  'What kind of text it was (a word, several words, a number, a date, an e-mail address and so on), and roughly how long.':
    () =>
      new Set(
        ['Anna', 'Anna B', '12345', '1.5.2024', 'a@b.example', 'a@bcdefghi.example'].map((typed) => bytes(text(typed))),
      ).size === 6,
  'Which element you clicked, dragged or pointed at: what sort it is, and its place in the window.': () =>
    ['button', 'box', 'click'].every((part) => bytes(click(on('button', 20))).includes(part)),
  'How many times you pressed keys such as Tab or an arrow key, and going back in a text with an arrow key.': () =>
    kindsOf(leaves([focus('text'), ...text('ab'), ...keys('left', 'left'), ...text('c'), ...keys('tab')])).join() ===
    'type,press,press,type,press',
  'Which shortcuts you use, and whether you click or use the keyboard.': () =>
    bytes(keys('enter')) !== bytes(click(on('button', 20))) &&
    JSON.stringify(leaves(SCENES.find(({ id }) => id === 'shortcut')?.events ?? [])).includes('["ctrl","c"]'),
  'In which order you did things, and when you went from one listed app to another.': () =>
    bytes(keys('tab'), keys('enter')) !== bytes(keys('enter'), keys('tab')) &&
    bytes(focus('text', 'desktop:bank'), focus('text')).includes('switch'),
  'That you left a listed app and came back, but not where you were.': () =>
    bytes(focus('text', 'desktop:bank'), focus('text')) === bytes(focus('none', 'desktop:diary'), focus('text')) &&
    bytes(focus('text', 'desktop:bank'), focus('text')) !== bytes(),
}

describe('docs/what-leaves.md', () => {
  it('has the pictures and the lines that a run of the shield gives', () => {
    expect(stalePages()).toEqual([])
  })

  it('lists nothing that is not tried here, and all of it', () => {
    const lists = PAGE.slice(PAGE.indexOf('## What never leaves'), PAGE.indexOf('## What could still be told'))
    const lines = [...lists.matchAll(/^- (.*)$/gm)].map(([, line]) => line)
    expect(lines).toEqual(Object.keys(LINES))
  })

  it.each(Object.entries(LINES))('is right: %s', (_line, holds) => {
    expect(holds()).toBe(true)
  })

  it('shows on the right side no text that stands only on the left', () => {
    for (const { events, elements, keys: typed } of SCENES) {
      const out = JSON.stringify(leaves(events))
      for (const { content } of elements) if (content !== undefined) expect(out).not.toContain(content)
      if (typed.length > 20) expect(out).not.toContain(typed.slice(0, 8))
    }
  })
})
