import { RSABSSA } from '@cloudflare/blindrsa-ts'
import { CONCERN_USES, concernTokenLabel } from '@fairtrace/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { ConcernKeys } from './concern-keys.ts'

const SEED = Buffer.alloc(32, 7).toString('base64url')
const ROUND = '2026-11'

describe('ConcernKeys', () => {
  const keys = new ConcernKeys(SEED)
  let moduli: readonly string[]

  beforeAll(async () => {
    moduli = (await keys.publicKeys('a-programme', ROUND)).keys
  })

  it('are 2048 bits, all different, and follow from seed, programme and round alone', async () => {
    expect(new Set(moduli).size).toBe(CONCERN_USES.length)
    for (const modulus of moduli) {
      const bytes = Buffer.from(modulus, 'base64url')
      expect(bytes.length).toBe(256)
      expect(bytes[0]).toBeGreaterThan(127)
    }
    expect((await new ConcernKeys(SEED).publicKeys('a-programme', ROUND)).keys).toEqual(moduli)
    const other = (await keys.publicKeys('b-programme', ROUND)).keys
    expect(moduli.filter((modulus) => other.includes(modulus))).toEqual([])
  })

  it('sign as the library that devices use expects it, and accept what it opens', async () => {
    const suite = RSABSSA.SHA384.PSS.Randomized()
    const place = 3
    const use = CONCERN_USES[place] ?? 'raise'
    const message = suite.prepare(concernTokenLabel('a-programme', ROUND, use))
    const jwk = { kty: 'RSA', n: moduli[place] ?? '', e: 'AQAB', alg: 'PS384' }
    const algorithm = { name: 'RSA-PSS', hash: 'SHA-384' }
    const key = await crypto.subtle.importKey('jwk', jwk, algorithm, true, ['verify'])
    const { blindedMsg, inv } = await suite.blind(key, message)
    const blinded = Buffer.from(blindedMsg).toString('base64url')
    const signed = await keys.blindSign(
      'a-programme',
      ROUND,
      CONCERN_USES.map((_use, at) => (at === place ? blinded : `${'A'.repeat(341)}Q`)),
    )
    const signature = await suite.finalize(key, message, Buffer.from(signed[place] ?? '', 'base64url'), inv)
    const token = {
      nonce: Buffer.from(message.subarray(0, 32)).toString('base64url'),
      signature: Buffer.from(signature).toString('base64url'),
    }
    await expect(keys.requireToken('a-programme', ROUND, use, token)).resolves.toBeUndefined()
    for (const [programme, round, other] of [
      ['b-programme', ROUND, use],
      ['a-programme', '2026-12', use],
      ['a-programme', ROUND, 'raise'],
      ['a-programme', ROUND, 99],
    ] as const) {
      await expect(keys.requireToken(programme, round, other, token)).rejects.toMatchObject({
        code: 'CONCERN_TOKEN_INVALID',
      })
    }
  })

  it('sign no number that is not below the modulus, nor another count of them', async () => {
    const sign = (blinded: string[]) => keys.blindSign('a-programme', ROUND, blinded)
    await expect(sign(CONCERN_USES.map(() => '_'.repeat(342)))).rejects.toMatchObject({ code: 'BODY_INVALID' })
    await expect(sign([])).rejects.toMatchObject({ code: 'BODY_INVALID' })
  })
})
