/**
 * The release's source of chance: a keystream that is the same for the same secret, and a guess for everybody else.
 *
 * The secret never leaves the builder. A published seed that drove the shuffle itself would undo it: whoever repeats the
 * draws puts every person's segments side by side again.
 */
import { createCipheriv, createHmac } from 'node:crypto'

const BLOCK = Buffer.alloc(16_384)
const WORDS = 2 ** 32

export interface Random {
  /** Uniform over 0 … `bound` − 1, `bound` at most 2^32. */
  below(bound: number): number
  /** Uniform 32 bits as a signed integer. */
  word(): number
}

/** @param purpose names the stream; streams of different purposes or contexts are independent */
export function randomStream(secret: Uint8Array, purpose: string, context = ''): Random {
  const key = createHmac('sha256', secret).update(`fairtrace/release-random/v1\n${purpose}\n${context}`).digest()
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  let block: Buffer = Buffer.alloc(0)
  let at = 0
  const unsigned = (): number => {
    if (at === block.length) {
      // A stream that decides little stays cheap: one is made for each person.
      block = cipher.update(block.length === 0 ? BLOCK.subarray(0, 256) : BLOCK)
      at = 0
    }
    const value = block.readUInt32LE(at)
    at += 4
    return value
  }
  return {
    below(bound) {
      // Values above the last whole multiple are drawn again, so that no remainder is likelier than another.
      const end = WORDS - (WORDS % bound)
      let value = unsigned()
      while (value >= end) value = unsigned()
      return value % bound
    },
    word: () => unsigned() | 0,
  }
}

/** Fisher–Yates, in place. */
export function shuffle(values: Uint32Array, random: Random): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const kept = values[i] ?? 0
    values[i] = values[j] ?? 0
    values[j] = kept
  }
}
