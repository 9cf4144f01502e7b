/**
 * Texts as people type them into forms and messages, in five languages, each with its true kind: to measure how well the
 * shield tells kinds apart.
 *
 * Two parts. The rules of the shield were written with the `fitted` part at hand. The `held-out` part has templates and words of
 * its own; no rule was changed for it.
 */
import type { TextKind } from '@fairtrace/core'
import { Random, streamOf } from '../random.ts'
import { fittedText } from './fitted.ts'
import { heldOutText } from './held-out.ts'
import { FITTED, HELD_OUT, LANGUAGES, type Language } from './languages.ts'

export type TextPart = 'fitted' | 'held-out'

export interface TypedText {
  readonly text: string
  readonly kind: TextKind
  readonly language: Language
  /** Into which kind of field it is typed. */
  readonly field: 'text' | 'search'
}

/** What there is to tell apart in a field that says nothing of its content, and `search`, which its field tells. */
export const TYPED_KINDS = [
  'word',
  'sentence',
  'number',
  'date',
  'email',
  'url',
  'phone',
  'card',
  'iban',
  'code',
  'search',
  'other',
] as const satisfies readonly TextKind[]
export type TypedKind = (typeof TYPED_KINDS)[number]

/** `count` texts of each kind in each language. The same seed gives the same texts. */
export function* typedTexts(part: TextPart, seed: number, count: number): Generator<TypedText> {
  for (const language of LANGUAGES) {
    for (const kind of TYPED_KINDS) {
      const random = new Random(seed, streamOf(part), streamOf(`${language} ${kind}`))
      for (let i = 0; i < count; i++) {
        const text =
          part === 'fitted'
            ? fittedText(kind, language, FITTED[language], random)
            : heldOutText(kind, language, HELD_OUT[language], random)
        yield { text, kind, language, field: kind === 'search' ? 'search' : 'text' }
      }
    }
  }
}
