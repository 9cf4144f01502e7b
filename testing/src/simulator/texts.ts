/** What simulated people type: neutral words, reserved domains and numbers of no one. */
import type { Random } from './random.ts'

export type SampleText =
  | 'word'
  | 'sentence'
  | 'paragraph'
  | 'number'
  | 'date'
  | 'email'
  | 'url'
  | 'phone'
  | 'code'
  | 'search'

const WORDS = [
  ...['the', 'and', 'with', 'for', 'from', 'this', 'that', 'when', 'after', 'before', 'please', 'about', 'will'],
  ...['order', 'invoice', 'meeting', 'report', 'budget', 'draft', 'review', 'office', 'paper', 'printer', 'table'],
  ...['window', 'garden', 'river', 'letter', 'number', 'second', 'summer', 'winter', 'morning', 'station', 'bridge'],
  ...['check', 'send', 'write', 'share', 'change', 'follow', 'prepare', 'answer', 'collect', 'deliver', 'confirm'],
  ...['green', 'quiet', 'early', 'short', 'simple', 'useful', 'weekly', 'common', 'several', 'another', 'together'],
] as const satisfies readonly string[]

/** A text of this sort, in lower case but for the start of a sentence. */
export function sampleText(sort: SampleText, random: Random): string {
  switch (sort) {
    case 'word':
      return word(random)
    case 'sentence':
      return `${capital(words(random, 5 + random.below(7)))}.`
    case 'paragraph':
      return Array.from({ length: 2 + random.below(3) }, () => sampleText('sentence', random)).join(' ')
    case 'number':
      return `${10 + random.below(9_990)}${random.chance(0.5) ? `.${digits(random, 2)}` : ''}`
    case 'date':
      return `${1 + random.below(28)}.${1 + random.below(12)}.20${20 + random.below(10)}`
    case 'email':
      return `${word(random)}.${word(random)}@${word(random)}.example`
    case 'url':
      return `https://${word(random)}.example/${word(random)}/${digits(random, 3)}`
    case 'phone':
      return `+00 555 ${digits(random, 4)}`
    case 'code':
      return `=sum(b${1 + random.below(9)}:b${10 + random.below(89)})`
    case 'search':
      return words(random, 1 + random.below(3))
  }
}

/** What goes into secure fields: nothing of it, not even that it was typed, may leave. */
export function samplePassword(random: Random): string {
  return `${word(random)}#${digits(random, 4)}`
}

function word(random: Random): string {
  return random.pick(WORDS)
}

function words(random: Random, count: number): string {
  return Array.from({ length: count }, () => word(random)).join(' ')
}

function digits(random: Random, count: number): string {
  return Array.from({ length: count }, () => String(random.below(10))).join('')
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
