/** A vocabulary that the format gives, and no release: which words there are must not depend on anybody where a budget is kept. */
import { NAMED_KEYS, ROLES, TEXT_KINDS } from '@fairtrace/core'

const DIRECTIONS = ['up', 'down', 'left', 'right']

export const PUBLIC_WORDS: readonly string[] = [
  'rare',
  ...['hover', 'click', 'drag'].flatMap((kind) => [...ROLES, 'unknown'].map((role) => `${kind} ${role}`)),
  ...DIRECTIONS.map((direction) => `scroll ${direction}`),
  ...NAMED_KEYS.map((key) => `press ${key}`),
  ...TEXT_KINDS.map((kind) => `type ${kind}`),
]
