/** The keeper's halves of participants' keys: made, used and destroyed. */
import { setImmediate as breathe } from 'node:timers/promises'
import {
  FairtraceError,
  KEEPER_SHARES_INFO,
  type KeeperItem,
  type KeeperReleaseItem,
  type KeeperResult,
  type ParticipantKeys,
  participantKeysMessage,
  type ReleaseKeys,
  releaseKeysMessage,
} from '@fairtrace/core'
import { agree, generateX25519, type Signer, type X25519Pair, x25519Pair } from './curves.ts'
import { hpkeSeal } from './hpke-seal.ts'
import { type KeeperStore, RELEASE_SHARE_PREFIX } from './store.ts'

const SHARE_BYTES = 32
/** Agreements between two turns of the event loop. */
const AT_ONCE = 100

interface Person {
  readonly pseudonym: string
  readonly generation: number
}

/**
 * Makes what is missing; durable before anybody sees a public half.
 * @throws `KEEPER_REFUSED` for a generation that was destroyed, or one that exists for another key of the vault's
 */
export function makeShares(
  people: readonly (Person & { readonly vaultKey: string })[],
  store: KeeperStore,
  programme: string,
  signer: Signer,
): ParticipantKeys[] {
  const made: { person: Person & { readonly vaultKey: string }; keeperKey: string }[] = []
  store.transaction(() => {
    for (const person of people) {
      const { pseudonym, generation, vaultKey } = person
      if (generation <= store.erasedUpTo(pseudonym)) throw refused('this generation of a person was destroyed')
      const existing = store.share(pseudonym, generation)
      if (existing !== null && existing.vaultKey !== vaultKey)
        throw refused("the vault's key of a person is another one")
      const pair = existing === null ? generateX25519() : x25519Pair(existing.privateKey)
      if (existing === null) store.putShare(pseudonym, generation, { privateKey: pair.privateRaw, vaultKey })
      made.push({ person, keeperKey: pair.publicRaw.toString('base64url') })
    }
  })
  return made.map(({ person, keeperKey }) => {
    const keys = { ...person, keeperKey }
    return { ...keys, signature: signer.sign(participantKeysMessage(programme, keys)) }
  })
}

export function eraseShares(people: readonly Person[], store: KeeperStore): void {
  store.transaction(() => {
    for (const { pseudonym, generation } of people) store.eraseShares(pseudonym, generation)
  })
  store.overwriteJournal()
}

export function whichErased(people: readonly Person[], store: KeeperStore): Person[] {
  return people.filter(({ pseudonym, generation }) => generation <= store.erasedUpTo(pseudonym))
}

/** One agreement for each item, sealed to `replyKey`; zeros for who has no share any more. */
export async function sealShares(
  items: readonly KeeperItem[],
  replyKey: string,
  nonce: string,
  store: KeeperStore,
): Promise<KeeperResult<'open'>> {
  const plaintext = Buffer.alloc(items.length * SHARE_BYTES)
  const pairs = new Map<string, X25519Pair | null>()
  for (const [i, { pseudonym, generation, e }] of items.entries()) {
    const name = `${pseudonym} ${generation}`
    let pair = pairs.get(name)
    if (pair === undefined) {
      const share = store.share(pseudonym, generation)
      pair = share === null ? null : x25519Pair(share.privateKey)
      pairs.set(name, pair)
    }
    if (pair !== null) agreed(pair, e).copy(plaintext, i * SHARE_BYTES)
    if ((i + 1) % AT_ONCE === 0) await breathe()
  }
  const { enc, sealed } = hpkeSeal(replyKey, KEEPER_SHARES_INFO, Buffer.from(nonce), plaintext)
  plaintext.fill(0)
  return { enc: enc.toString('base64url'), sealed: sealed.toString('base64url') }
}

/**
 * Makes the half of a release. Its name in the store is none that a participant can have, so that no call about people reaches it.
 * @throws `KEEPER_REFUSED` for a release that was closed, or one that exists for another key of the vault's
 */
export function makeReleaseShare(
  { release, vaultKey }: { readonly release: string; readonly vaultKey: string },
  store: KeeperStore,
  programme: string,
  signer: Signer,
): ReleaseKeys {
  const { keeperKey } = only(makeShares([{ ...releasePerson(release), vaultKey }], store, programme, signer))
  const keys = { release, vaultKey, keeperKey }
  return { ...keys, signature: signer.sign(releaseKeysMessage(programme, keys)) }
}

export function closeRelease(release: string, store: KeeperStore): void {
  eraseShares([releasePerson(release)], store)
}

export async function sealReleaseShare(
  { release, e }: KeeperReleaseItem,
  replyKey: string,
  nonce: string,
  store: KeeperStore,
): Promise<KeeperResult<'open-release'>> {
  const item = { ...releasePerson(release), contentKeyId: release, e }
  return await sealShares([item], replyKey, nonce, store)
}

function releasePerson(release: string): Person {
  return { pseudonym: `${RELEASE_SHARE_PREFIX}${release}`, generation: 1 }
}

function only<T>(values: readonly T[]): T {
  const [value] = values
  if (value === undefined) throw refused('no share was made')
  return value
}

function agreed({ privateKey }: X25519Pair, e: string): Buffer {
  try {
    return agree(privateKey, e)
  } catch {
    // Fails closed: a point of small order would tell something of the private key.
    throw refused('an ephemeral key is no key')
  }
}

function refused(message: string): FairtraceError {
  return new FairtraceError('KEEPER_REFUSED', message)
}
