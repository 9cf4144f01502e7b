/** The verifier as a page would carry it: bundled, in real Chromium, on real files, without a network. */
import { createHash } from 'node:crypto'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { LEDGER_SALT_BYTES, ledgerEntry } from '@fairtrace/core'
import {
  checkpointText,
  encodeTlogProof,
  inclusionProof,
  leafHash,
  RightEdge,
  signNote,
  tilePath,
} from '@fairtrace/ledger'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { createCosigner, formatVerifierKey, LOG_KEY_TYPE, verifierKey } from '@fairtrace/verify'
import { type Browser, chromium } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CHROMIUM, FLAGS } from './chromium.ts'

const ENTRY = fileURLToPath(new URL('../../packages/verify/src/index.ts', import.meta.url))
const ORIGIN = 'fairtrace/orders'
const seedOf = (name: string) => createHash('sha256').update(name).digest('base64url')
const LOG = signerFromSeed(seedOf('log'))
const WITNESS = createCosigner('union.example', seedOf('witness'))
const SALT = new Uint8Array(LEDGER_SALT_BYTES).fill(5)
const DETAIL = { grant: 'g1', approvers: ['Dana Weiss', 'Robin Okafor'] }
/** What a page that carries the verifier may weigh, compressed. */
const GZIP_BYTES_MAX = 120_000

/** What one of 300 entries says, with its proof under a cosigned checkpoint, and the policy that judges it. */
async function aProof(): Promise<{ proof: string; policy: string }> {
  const edge = RightEdge.empty()
  for (let i = 0; i < 300; i++) {
    const entry = i === 123 ? ledgerEntry('grant.opened', DETAIL, SALT) : ledgerEntry('test.entry', { i }, SALT)
    edge.append(leafHash(Buffer.from(entry)))
  }
  const tiles = new Map(
    edge.takeChanged().map(({ level, index, width, data }) => [tilePath(level, index, width), data]),
  )
  const read = async (level: number, index: number, width: number) => tiles.get(tilePath(level, index, width)) ?? null
  const text = checkpointText({ origin: ORIGIN, size: 300, root: edge.root() })
  const checkpoint = signNote(text, { name: ORIGIN, ...LOG }) + WITNESS.cosign(text, 1_700_000_000_000)
  const extra = { salt: Buffer.from(SALT).toString('base64url'), type: 'grant.opened', detail: DETAIL }
  const path = await inclusionProof(123, 300, read)
  const key = verifierKey(ORIGIN, LOG_KEY_TYPE, Buffer.from(LOG.publicKey, 'base64url'))
  return {
    proof: encodeTlogProof({ index: 123, path, checkpoint, extra: Buffer.from(JSON.stringify(extra)) }),
    policy: `log ${formatVerifierKey(key)}\nwitness union ${formatVerifierKey(WITNESS.key)}\nquorum union\n`,
  }
}

describe('the verifier in a browser', () => {
  let browser: Browser
  let bundle = ''

  beforeAll(async () => {
    const built = await build({
      configFile: false,
      logLevel: 'silent',
      build: { write: false, minify: true, lib: { entry: ENTRY, formats: ['iife'], name: 'fairtraceVerify' } },
    })
    const [output] = Array.isArray(built) ? built : [built]
    if (output === undefined || !('output' in output)) throw new RangeError('nothing was built')
    bundle = output.output[0].code
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  })
  afterAll(() => browser?.close())

  it('is small enough to be carried by a page', () => {
    const size = gzipSync(bundle).length
    process.stdout.write(`the verifier: ${bundle.length} bytes, ${size} compressed\n`)
    expect(size).toBeLessThan(GZIP_BYTES_MAX)
    expect(/["'`]node:\w+["'`]|\brequire\(["'`]/.test(bundle)).toBe(false)
  })

  it('verifies a proof under a policy of witnesses, and finds one changed character', async () => {
    const { proof, policy } = await aProof()
    const page = await browser.newPage()
    await page.context().setOffline(true)
    await page.addScriptTag({ content: bundle })
    const judge = (file: string) =>
      page.evaluate(
        ([text, trusted]) => {
          const { parsePolicy, trustPolicy, verifyOpening } = (globalThis as unknown as { fairtraceVerify: Verifier })
            .fairtraceVerify
          try {
            return verifyOpening(text ?? '', trustPolicy(parsePolicy(trusted ?? '')))
          } catch (error) {
            return { code: (error as { code: string }).code }
          }
        },
        [file, policy] as const,
      )
    expect(await judge(proof)).toEqual({
      origin: ORIGIN,
      index: 123,
      size: 300,
      witnesses: ['union.example'],
      type: 'grant.opened',
      detail: DETAIL,
    })
    for (const forged of [
      proof.replace('index 123', 'index 124'),
      proof.replace('\n300\n', '\n301\n'),
      proof.split('— union')[0] ?? '',
    ]) {
      expect(await judge(forged)).toEqual({ code: 'LEDGER_INVALID' })
    }
    await page.close()
  })
})

type Verifier = typeof import('@fairtrace/verify')
