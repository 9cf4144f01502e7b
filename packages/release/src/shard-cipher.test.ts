import { createDecipheriv, hkdfSync } from 'node:crypto'
import { SHARD_CHUNK_BYTES, shardBytes } from '@fairtrace/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encryptShard, openShard } from './shard-cipher.ts'

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

const KEY = new Uint8Array(32).fill(7)
const PATH = 'data/train-00000-of-00002.parquet'
const sealed = async (plaintext: Uint8Array, path = PATH, key = KEY) =>
  Buffer.concat(await all(encryptShard([plaintext], key, path)))
const opened = async (bytes: Uint8Array, size: number, path = PATH, key = KEY) =>
  Buffer.concat(await all(openShard([bytes], key, { path, bytes: size })))
const mismatch = expect.objectContaining({ code: 'RELEASE_SHARD_MISMATCH' })
const text = (bytes: number) => Buffer.from(Array.from({ length: bytes }, (_, i) => i % 251))

describe('a shard', () => {
  it('opens under no other key and no other path', async () => {
    const bytes = await sealed(text(100))
    await expect(opened(bytes, 100, PATH, KEY.with(0, 1))).rejects.toEqual(mismatch)
    await expect(opened(bytes, 100, 'csv/train-00000-of-00002.csv')).rejects.toEqual(mismatch)
  })

  it('does not open with one bit changed, cut short, or longer', async () => {
    const plaintext = text(SHARD_CHUNK_BYTES + 10)
    const bytes = await sealed(plaintext)
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
        const changed = Uint8Array.from(bytes).with(at, (bytes[at] ?? 0) ^ (1 << bit))
        await expect(opened(changed, plaintext.length)).rejects.toEqual(mismatch)
      }),
      { numRuns: 30 },
    )
    await expect(opened(bytes.subarray(0, -1), plaintext.length)).rejects.toEqual(mismatch)
    await expect(opened(Buffer.concat([bytes, bytes]), plaintext.length)).rejects.toEqual(mismatch)
    // Cut at a chunk's end, with a manifest that says so: the last chunk was not sealed as the last.
    const head = bytes.subarray(0, shardBytes(SHARD_CHUNK_BYTES))
    await expect(opened(head, SHARD_CHUNK_BYTES)).rejects.toEqual(mismatch)
  })

  it.each([0, 1, SHARD_CHUNK_BYTES - 1, SHARD_CHUNK_BYTES, SHARD_CHUNK_BYTES + 1, 3 * SHARD_CHUNK_BYTES])(
    'of %i bytes comes back, whatever pieces it comes in',
    async (size) => {
      const bytes = await sealed(text(size))
      expect(bytes.length).toBe(shardBytes(size))
      const pieces = Array.from({ length: Math.ceil(bytes.length / 40_000) }, (_, i) =>
        bytes.subarray(i * 40_000, (i + 1) * 40_000),
      )
      const back = await all(openShard(pieces, KEY, { path: PATH, bytes: size }))
      expect(Buffer.concat(back).equals(text(size))).toBe(true)
    },
  )

  it('lies as its format says, by another implementation', async () => {
    const bytes = await sealed(text(50))
    const info = 'fairtrace/release-shard/v1\ndata/train-00000.parquet'
    const key = Buffer.from(hkdfSync('sha256', KEY, '', info, 32))
    const nonce = Buffer.from('000000000000000000000001', 'hex')
    const decipher = createDecipheriv('aes-256-gcm', key, nonce)
      .setAAD(Buffer.from('FTR1'))
      .setAuthTag(bytes.subarray(-16))
    expect(bytes.subarray(0, 4).toString()).toBe('FTR1')
    expect(Buffer.concat([decipher.update(bytes.subarray(4, -16)), decipher.final()]).equals(text(50))).toBe(true)
  })
})
