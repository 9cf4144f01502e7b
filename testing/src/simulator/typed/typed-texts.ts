/**
 * Texts as people type them into forms and messages, in five languages, each with its true kind: to measure how well the
 * shield tells kinds apart.
 *
 * Two parts. The rules of the shield were written with the `fitted` part at hand. The `held-out` part has templates and words of
 * its own; no rule was changed for it. Whoever changes a rule for it moves it to the fitted part, and writes another.
 */
import type { TextKind } from '@fairtrace/core'
import { Random, streamOf } from '../random.ts'
import { fittedText } from './fitted.ts'
import { fittedAgainText } from './fitted-again.ts'
import { fittedTooText } from './fitted-too.ts'
import { heldOutText } from './held-out.ts'
import { FITTED, FITTED_AGAIN, FITTED_TOO, HELD_OUT, LANGUAGES, type Language } from './languages.ts'
import { TYPED_KINDS, type TypedKind } from './typed-kind.ts'

export type TextPart = 'fitted' | 'held-out'

export interface TypedText {
  readonly text: string
  readonly kind: TextKind
  readonly language: Language
  /** Into which kind of field it is typed. */
  readonly field: 'text' | 'search'
}

/** `count` texts of each kind in each language. The same seed gives the same texts. */
export function* typedTexts(part: TextPart, seed: number, count: number): Generator<TypedText> {
  for (const language of LANGUAGES) {
    for (const kind of TYPED_KINDS) {
      const random = new Random(seed, streamOf(part), streamOf(`${language} ${kind}`))
      for (let i = 0; i < count; i++) {
        const text =
          part === 'held-out'
            ? heldOutText(kind, language, HELD_OUT[language], random)
            : knownText(i, kind, language, random)
        yield { text, kind, language, field: kind === 'search' ? 'search' : 'text' }
      }
    }
  }
}

/** From each of the three sets of templates in turn. */
function knownText(i: number, kind: TypedKind, language: Language, random: Random): string {
  if (i % 3 === 0) return fittedText(kind, language, FITTED[language], random)
  if (i % 3 === 1) return fittedTooText(kind, language, FITTED_TOO[language], random)
  return fittedAgainText(kind, language, FITTED_AGAIN[language], random)
}
