/**
 * Content keys: under one, the chunks of one participant are encrypted for a while.
 *
 * The key itself stays in this process's memory, for a day at most; at rest it exists sealed to the participant's two public keys
 * alone (`content-key-wrap.ts`). So writing needs no private key, and who takes the database and the objects can read nothing.
 */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { wrapContentKey } from './content-key-wrap.ts'

const LIFETIME_MS = 86_400_000
const KEYS_MAX = 20_000

/** A content key as the database has it. */
export interface SealedContentKey {
  /** 128 random bits, base64url. */
  readonly id: string
  readonly pseudonym: string
  readonly generation: number
  readonly enc: Uint8Array
  readonly sealed: Uint8Array
}

export interface ContentKey {
  readonly key: KeyObject
  readonly record: SealedContentKey
  /** False until the record is known to be stored: until then it is stored along with every use. */
  isStored: boolean
}

export interface ParticipantPublicKey {
  readonly generation: number
  /** The vault's half, raw, 32 bytes. */
  readonly publicKey: Uint8Array
  /** The keeper's half. */
  readonly keeperPublicKey: Uint8Array
}

export class ContentKeys {
  readonly #keys = new Map<string, ContentKey & { readonly madeAt: number }>()

  /** The participant's current key, or a new one. */
  keyFor(pseudonym: string, { generation, publicKey, keeperPublicKey }: ParticipantPublicKey): ContentKey {
    const found = this.#keys.get(pseudonym)
    const isFresh =
      found !== undefined && found.record.generation === generation && performance.now() - found.madeAt < LIFETIME_MS
    if (isFresh) {
      // Moved to the end: the least recently used stands first.
      this.#keys.delete(pseudonym)
      this.#keys.set(pseudonym, found)
      return found
    }
    const key = randomBytes(32)
    const id = randomBytes(16).toString('base64url')
    const keys = { vaultKey: publicKey, keeperKey: keeperPublicKey }
    const { enc, sealed } = wrapContentKey({ id, pseudonym, generation }, keys, key)
    const made = {
      key: createSecretKey(key),
      record: { id, pseudonym, generation, enc, sealed },
      isStored: false,
      madeAt: performance.now(),
    }
    this.#keys.set(pseudonym, made)
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size <= KEYS_MAX) break
      this.#keys.delete(oldest)
    }
    return made
  }

  /** Their keys were destroyed: what is encrypted from here on is under another one. */
  forget(pseudonyms: readonly string[]): void {
    for (const pseudonym of pseudonyms) this.#keys.delete(pseudonym)
  }

  /** The records of these participants' keys are stored durably. */
  confirm(stored: readonly Pick<SealedContentKey, 'id' | 'pseudonym'>[]): void {
    for (const { id, pseudonym } of stored) {
      const key = this.#keys.get(pseudonym)
      if (key?.record.id === id) key.isStored = true
    }
  }
}
