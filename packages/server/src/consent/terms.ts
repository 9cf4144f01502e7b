/**
 * The terms that bind one person now. Until they agree to a widening, the charter that they agreed to holds for them, in their
 * leases, on their devices, in the vault and in releases.
 */
import { type Charter, type CharterHash, charterHash, narrowedBy, type Widening, widens } from '@fairtrace/core'
import type { Programme } from '../runtime/programme.ts'
import type { ConsentState } from './state.ts'

export interface Terms {
  readonly charter: Charter
  readonly charterHash: CharterHash
}

/** By the charter in force, then by the one consented to: there are few pairs, and comparing two charters costs more than a lease. */
const known = new WeakMap<Charter, WeakMap<Charter, Terms | null>>()

/**
 * The charter in force if the person agreed to it, or if it only narrows what they agreed to; else what they agreed to,
 * narrowed by everything in which the one in force is narrower.
 * @returns null without consent, and where their consent can't carry anything any more: then nothing is captured
 */
export function termsFor(programme: Programme, consent: ConsentState): Terms | null {
  if (consent.state !== 'given') return null
  const { charter, charterHash: hash } = programme
  if (consent.charter === hash) return { charter, charterHash: hash }
  const consented = programme.charters.get(consent.charter as CharterHash)
  if (consented === undefined) return null
  const terms = termsBetween(consented, programme)
  // The vault must know them as well: a batch captured under terms that nobody stored would be refused.
  return terms !== null && (terms.charterHash === hash || programme.charters.has(terms.charterHash)) ? terms : null
}

/** In what the charter in force gives more than this person agreed to: what they are asked about again. */
export function askedAgainFor(programme: Programme, consent: ConsentState): readonly Widening[] {
  if (consent.state !== 'given') return []
  const consented = programme.charters.get(consent.charter as CharterHash)
  return consented === undefined ? [] : widens(consented, programme.charter)
}

function termsBetween(consented: Charter, { charter, charterHash: hash }: Programme): Terms | null {
  let byConsented = known.get(charter)
  if (byConsented === undefined) {
    byConsented = new WeakMap()
    known.set(charter, byConsented)
  }
  const found = byConsented.get(consented)
  if (found !== undefined) return found
  const terms = widens(consented, charter).length === 0 ? { charter, charterHash: hash } : narrowed(consented, charter)
  byConsented.set(consented, terms)
  return terms
}

function narrowed(consented: Charter, inForce: Charter): Terms | null {
  const charter = narrowedBy(consented, inForce)
  return charter === null ? null : { charter, charterHash: charterHash(charter) }
}
