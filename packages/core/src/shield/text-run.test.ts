import { describe, expect, it } from 'vitest'
import { TEXT_CHARACTERS_MAX, TextRun } from './text-run.ts'

describe('TextRun', () => {
  it('overwrites every character when it is wiped, also those that were taken back', () => {
    const run = new TextRun()
    for (let i = 0; i < 20; i++) run.add(0x61 + i)
    for (let i = 0; i < 15; i++) run.erase()
    run.wipe()
    expect(run.length).toBe(0)
    expect(run.codes.every((code) => code === 0)).toBe(true)
  })

  it('holds no more than its bound, and counts on', () => {
    const run = new TextRun()
    for (let i = 0; i < TEXT_CHARACTERS_MAX + 10; i++) run.add(0x61)
    expect(run).toMatchObject({ length: TEXT_CHARACTERS_MAX + 10, kept: TEXT_CHARACTERS_MAX })
    expect(run.codes).toHaveLength(TEXT_CHARACTERS_MAX)
    run.wipe()
    expect(run.codes.every((code) => code === 0)).toBe(true)
  })

  it('holds no capital, and no accent as a character of its own', () => {
    const run = new TextRun()
    for (const character of 'ÀÉŁA\u0301Ж') run.add(character.codePointAt(0) ?? 0)
    expect(String.fromCodePoint(...run.codes.subarray(0, run.kept))).toBe('àéłaж')
  })

  it('takes back a word with the spaces after it, and nothing of an empty text', () => {
    const run = new TextRun()
    for (const character of 'one two  ') run.add(character.charCodeAt(0))
    run.eraseWord()
    expect(run.length).toBe(4)
    run.eraseWord()
    run.eraseWord()
    run.erase()
    expect(run.length).toBe(0)
  })
})
