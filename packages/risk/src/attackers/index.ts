/** The families that every candidate is attacked with. */
import type { Attacker } from '../attacker.ts'
import { discriminant } from './discriminant.ts'
import { embedding } from './embedding.ts'
import { forest } from './forest.ts'
import { manhattan } from './manhattan.ts'
import { neighbours } from './neighbours.ts'
import { markov, ngrams } from './sequences.ts'

export const ATTACKERS: readonly Attacker[] = [manhattan, discriminant, neighbours, forest(), embedding, ngrams, markov]
