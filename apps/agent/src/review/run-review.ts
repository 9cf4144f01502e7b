/** Reads keys, shows the screen, and does what it asks for, until the person leaves. */

import process from 'node:process'
import { emitKeypressEvents, type Key } from 'node:readline'
import type { Ask } from '../control/answers.ts'
import { drawReview, openReview, pressKey, type ReviewEffect, type ReviewScreen, withReview } from './review-screen.ts'

const ALTERNATE_SCREEN = '\x1b[?1049h\x1b[?25l'
const USUAL_SCREEN = '\x1b[?25h\x1b[?1049l'
const HOME_AND_CLEAR = '\x1b[H\x1b[2J'

export async function runReview(ask: Ask): Promise<void> {
  const { stdin, stdout } = process
  let screen = openReview(await ask({ ask: 'review' }))
  const show = () =>
    stdout.write(HOME_AND_CLEAR + drawReview(screen, stdout.columns || 80, stdout.rows || 24).join('\r\n'))
  emitKeypressEvents(stdin)
  stdin.setRawMode(true)
  stdin.resume()
  stdout.write(ALTERNATE_SCREEN)
  stdout.on('resize', show)
  try {
    show()
    for await (const key of keys()) {
      const pressed = pressKey(screen, key)
      screen = pressed.screen
      if (pressed.effect?.do === 'quit') return
      if (pressed.effect !== null) screen = await act(ask, screen, pressed.effect)
      show()
    }
  } finally {
    stdout.off('resize', show)
    stdout.write(USUAL_SCREEN)
    stdin.setRawMode(false)
    stdin.pause()
  }
}

async function act(ask: Ask, screen: ReviewScreen, effect: Exclude<ReviewEffect, null>): Promise<ReviewScreen> {
  if (effect.do === 'delete') await ask({ ask: 'delete', recording: effect.recording })
  if (effect.do === 'delete-part') {
    await ask({ ask: 'delete-part', recording: effect.recording, from: effect.from, to: effect.to })
  }
  if (effect.do === 'release') await ask({ ask: 'release', recordings: [effect.recording] })
  return withReview(screen, await ask({ ask: 'review' }))
}

/** Names of the keys as they are pressed; Ctrl-C leaves like `q`. */
async function* keys(): AsyncGenerator<string> {
  const waiting: string[] = []
  let wake: () => void = () => undefined
  const take = (_text: string | undefined, key: Key) => {
    waiting.push(key.ctrl && key.name === 'c' ? 'q' : (key.name ?? ''))
    wake()
  }
  process.stdin.on('keypress', take)
  try {
    for (;;) {
      const key = waiting.shift()
      if (key !== undefined) yield key
      else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    process.stdin.off('keypress', take)
  }
}
