/** How well the shield tells kinds of text apart, on texts in five languages that are typed into it key by key. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { accuracyTable, kindAccuracy } from './kind-accuracy.ts'
import { LANGUAGES } from './languages.ts'
import { typedTexts } from './typed-texts.ts'

/** Of each kind in each language: 6,000 texts a part. */
const COUNT = 100
const SEED = 20_260_105

describe('kinds of text', () => {
  const fitted = kindAccuracy(typedTexts('fitted', SEED, COUNT))
  const heldOut = kindAccuracy(typedTexts('held-out', SEED, COUNT))
  const table = accuracyTable([
    ['templates known', fitted],
    ['templates held out', heldOut],
  ])

  it('are right for at least 95 % of 6,000 texts in five languages, on templates known and held out', () => {
    console.log(table)
    expect(LANGUAGES).toHaveLength(5)
    expect(fitted.texts).toBe(6_000)
    expect(fitted.right / fitted.texts).toBeGreaterThanOrEqual(0.95)
    expect(heldOut.texts).toBe(6_000)
    expect(heldOut.right / heldOut.texts).toBeGreaterThanOrEqual(0.95)
  })

  it('are right as often as docs/formats.md says', () => {
    expect(readFileSync(new URL('../../../../docs/formats.md', import.meta.url), 'utf8').includes(table)).toBe(true)
  })

  it('stand in no way on capitals', () => {
    const kinds = (change: (text: string) => string) =>
      kindAccuracy([...typedTexts('fitted', SEED, 10)].map((typed) => ({ ...typed, text: change(typed.text) })))
    const small = kinds((text) => text.toLowerCase())
    // A capital ß is two letters: on no keyboard does shift type it.
    expect(kinds((text) => text.replaceAll('ß', 's').toUpperCase())).toEqual(kinds((text) => text.replaceAll('ß', 's')))
    expect(small).toEqual(kinds((text) => text))
  })
})
