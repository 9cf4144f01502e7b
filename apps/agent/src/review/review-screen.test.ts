import { describe, expect, it } from 'vitest'
import type { ReviewAnswer, ReviewedRecording } from '../control/answers.ts'
import { drawReview, openReview, pressKey, type ReviewEffect, type ReviewScreen, withReview } from './review-screen.ts'

const NOW_MS = Date.UTC(2026, 4, 4, 12)

function aRecording(change: Partial<ReviewedRecording> = {}): ReviewedRecording {
  return {
    id: 'A'.repeat(22),
    state: 'held',
    startedAtMs: NOW_MS,
    endedAtMs: NOW_MS,
    heldUntilMs: NOW_MS + 86_400_000,
    task: null,
    outcome: null,
    sentences: ['went to mail', 'clicked the Reply button', 'typed a short word or name', 'clicked the Send button'],
    actions: [],
    ...change,
  }
}

function aReview(recordings: readonly ReviewedRecording[] = [aRecording()]): ReviewAnswer {
  return { recordings, sealedBatches: 0, breaks: [], nowMs: NOW_MS }
}

function press(screen: ReviewScreen, ...keys: readonly string[]): { screen: ReviewScreen; effects: ReviewEffect[] } {
  const effects: ReviewEffect[] = []
  let now = screen
  for (const key of keys) {
    const pressed = pressKey(now, key)
    now = pressed.screen
    if (pressed.effect !== null) effects.push(pressed.effect)
  }
  return { screen: now, effects }
}

describe('the review in a terminal', () => {
  it('deletes nothing at the first press, nor after another key', () => {
    expect(press(openReview(aReview()), 'd').effects).toEqual([])
    expect(press(openReview(aReview()), 'd', 'up', 'd').effects).toEqual([])
    expect(press(openReview(aReview()), 'd', 'd').effects).toEqual([{ do: 'delete', recording: 'A'.repeat(22) }])
  })

  it('deletes and releases nothing that is still being recorded', () => {
    const screen = openReview(aReview([aRecording({ state: 'open', heldUntilMs: null })]))
    expect(press(screen, 'd', 'd', 'r', 'r').effects).toEqual([])
  })

  it('deletes the line under the mark, or the range that is marked, whichever way it was marked', () => {
    const part = { do: 'delete-part', recording: 'A'.repeat(22) }
    const inside = press(openReview(aReview()), 'return').screen
    expect(press(inside, 'down', 'd', 'd').effects).toEqual([{ ...part, from: 1, to: 2 }])
    expect(press(inside, 'down', 'space', 'down', 'd', 'd').effects).toEqual([{ ...part, from: 1, to: 3 }])
    expect(press(inside, 'down', 'down', 'space', 'up', 'd', 'd').effects).toEqual([{ ...part, from: 1, to: 3 }])
  })

  it('releases at the second press', () => {
    expect(press(openReview(aReview()), 'r', 'r').effects).toEqual([{ do: 'release', recording: 'A'.repeat(22) }])
  })

  it('leaves by q from everywhere, and by Escape from the list', () => {
    expect(press(openReview(aReview()), 'return', 'q').effects).toEqual([{ do: 'quit' }])
    expect(press(openReview(aReview()), 'return', 'escape', 'escape').effects).toEqual([{ do: 'quit' }])
  })

  it('does nothing where nothing waits', () => {
    const empty = openReview(aReview([]))
    expect(press(empty, 'down', 'return', 'space', 'd', 'd', 'r', 'r').effects).toEqual([])
    expect(drawReview(empty, 80, 24)).toContain('Nothing waits.')
  })

  it('stays in its place after a deletion, and goes back to the list with the recording', () => {
    const inside = press(openReview(aReview()), 'return', 'down', 'down', 'down').screen
    const shorter = withReview(
      inside,
      aReview([aRecording({ sentences: ['went to mail', 'clicked the Reply button'] })]),
    )
    expect(shorter.place).toMatchObject({ in: 'recording', at: 1 })
    expect(withReview(inside, aReview([])).place).toEqual({ in: 'list', at: 0 })
  })

  it('fits every terminal', () => {
    const many = openReview(
      aReview(Array.from({ length: 200 }, (_, i) => aRecording({ id: String(i).padStart(22, '0') }))),
    )
    for (const [columns, rows] of [
      [80, 24],
      [20, 6],
      [1, 1],
    ] as const) {
      const lines = drawReview(press(many, ...Array.from({ length: 150 }, () => 'down')).screen, columns, rows)
      expect(lines.length).toBeLessThanOrEqual(Math.max(rows, 5))
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns)
    }
  })
})
