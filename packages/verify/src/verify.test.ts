/** Attacks on everything that can be verified: each change, however small, has to be found under the right code. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  base64url,
  type Charter,
  charterHash,
  consentRecord,
  LEDGER_SALT_BYTES,
  ledgerEntry,
  ledgerOrigin,
  noticeDigest,
  parseCharter,
  shardFile,
} from '@fairtrace/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkpointText,
  encodeEntryBundle,
  encodeTlogProof,
  entriesPath,
  inclusionProof,
  leafHash,
  RightEdge,
  signNote,
  tilePath,
} from '../../ledger/src/index.ts'
import { type Signer, signerFromSeed, signJws } from '../../server/src/runtime/jws.ts'
import { trustLog, verifyCommitted, verifyInclusion, verifyLedger, verifyReceipt, verifyRelease } from './index.ts'

const signerOf = (name: string) => signerFromSeed(createHash('sha256').update(name).digest('base64url'))
const LEDGER = signerOf('ledger')
const BUILDER = signerOf('builder')
const ISSUER = signerOf('issuer')
const STRANGER = signerOf('stranger')

const CHARTER_YAML = readFileSync(new URL('../../../docs/examples/charter-pilot.yaml', import.meta.url), 'utf8')
  .replace(/ledger: A\S+/, `ledger: ${LEDGER.publicKey}`)
  .replace(/builder: A\S+/, `builder: ${BUILDER.publicKey}`)
const CHARTER: Charter = parseCharter(CHARTER_YAML, 'charter.yaml')
const ORIGIN = ledgerOrigin(CHARTER.programme)
const SALT = new Uint8Array(LEDGER_SALT_BYTES).fill(5)

type Files = Map<string, Uint8Array>

/** A whole log as files, and its checkpoints at the sizes asked for. */
function aLedger(entries: readonly string[], signer: Signer = LEDGER, origin = ORIGIN): Files {
  const files: Files = new Map()
  const edge = RightEdge.empty()
  for (const entry of entries) edge.append(leafHash(Buffer.from(entry)))
  for (const { level, index, width, data } of edge.takeChanged()) files.set(tilePath(level, index, width), data)
  for (let start = 0; start < entries.length; start += 256) {
    const bundle = entries.slice(start, start + 256).map((entry) => Buffer.from(entry))
    files.set(entriesPath(start / 256, bundle.length), encodeEntryBundle(bundle))
  }
  const text = checkpointText({ origin, size: edge.size, root: edge.root() })
  files.set('/checkpoint', Buffer.from(signNote(text, { name: origin, ...signer })))
  return files
}

const ENTRIES = Array.from({ length: 600 }, (_, i) => ledgerEntry('test.entry', { i }, SALT))
const noteOf = (files: Files) => Buffer.from(files.get('/checkpoint') ?? '').toString()

function checkLedger(files: Files, options: { key?: string; origin?: string | null; seen?: string[] } = {}) {
  const { key = LEDGER.publicKey, origin = ORIGIN, seen = [] } = options
  return verifyLedger(async (path) => files.get(path) ?? null, { trust: trustLog(key, origin), seen })
}

const refused = (code: string) => ({ code })

describe('verifyLedger', () => {
  const good = aLedger(ENTRIES)

  it('finds one changed bit in any file of the log', async () => {
    const flips = [...good].map(([path, bytes]) => fc.tuple(fc.constant(path), fc.nat(bytes.length - 1), fc.nat(7)))
    await fc.assert(
      fc.asyncProperty(fc.oneof(...flips), async ([path, at, bit]) => {
        const bytes = good.get(path) ?? new Uint8Array(0)
        const changed = new Map(good).set(path, bytes.with(at, (bytes[at] ?? 0) ^ (1 << bit)))
        await expect(checkLedger(changed)).rejects.toMatchObject({
          code: expect.stringMatching(/^(LEDGER_INVALID|INPUT_UNREADABLE)$/),
        })
      }),
      { numRuns: 60 },
    )
  })

  it.each([...good.keys()])('finds that %s is missing or cut short', async (path) => {
    const code = path === '/checkpoint' ? 'INPUT_UNREADABLE' : 'LEDGER_INVALID'
    await expect(checkLedger(new Map([...good].filter(([name]) => name !== path)))).rejects.toMatchObject(refused(code))
    const cut = new Map(good).set(path, good.get(path)?.subarray(0, -1) ?? new Uint8Array(0))
    await expect(checkLedger(cut)).rejects.toMatchObject(refused('LEDGER_INVALID'))
  })

  it('refuses a log that another key signed, under its own or the same name', async () => {
    await expect(checkLedger(aLedger(ENTRIES, STRANGER))).rejects.toMatchObject(refused('LEDGER_INVALID'))
    await expect(checkLedger(good, { key: STRANGER.publicKey })).rejects.toMatchObject(refused('LEDGER_INVALID'))
    await expect(checkLedger(good, { origin: 'fairtrace/other' })).rejects.toMatchObject(refused('LEDGER_INVALID'))
    await expect(checkLedger(good, { key: 'short' })).rejects.toMatchObject(refused('USAGE'))
  })

  it('refuses a checkpoint whose signature moved to other text, or is gone', async () => {
    const other = noteOf(aLedger(ENTRIES.slice(1)))
    const note = noteOf(good)
    const [text] = note.split('\n\n')
    for (const forged of [
      `${text}\n\n${other.split('\n\n')[1]}`,
      `${text}\n\n`,
      `${text}\n`,
      note.trimEnd(),
      `${note}x`,
      '',
    ]) {
      const code = forged === '' ? 'INPUT_UNREADABLE' : 'LEDGER_INVALID'
      await expect(checkLedger(new Map(good).set('/checkpoint', Buffer.from(forged)))).rejects.toMatchObject(
        refused(code),
      )
    }
  })

  it('ignores signatures of others, as a witness adds them', async () => {
    const cosigned = noteOf(good) + noteOf(aLedger([], STRANGER, 'witness.example')).split('\n\n')[1]
    await expect(checkLedger(new Map(good).set('/checkpoint', Buffer.from(cosigned)))).resolves.toMatchObject({
      size: 600,
    })
  })

  it('finds a rollback, even to a state that was once true', async () => {
    const earlier = aLedger(ENTRIES.slice(0, 599))
    await expect(checkLedger(earlier)).resolves.toMatchObject({ size: 599 })
    await expect(checkLedger(earlier, { seen: [noteOf(good)] })).rejects.toMatchObject(refused('LEDGER_INVALID'))
  })

  it('finds a log that was rewritten and signed again, by what was seen before', async () => {
    const rewritten = aLedger(ENTRIES.with(3, ledgerEntry('test.entry', { i: 'other' }, SALT)))
    await expect(checkLedger(rewritten)).resolves.toMatchObject({ size: 600 })
    for (const size of [4, 256, 599, 600]) {
      const seen = [noteOf(aLedger(ENTRIES.slice(0, size)))]
      await expect(checkLedger(rewritten, { seen })).rejects.toMatchObject(refused('LEDGER_INVALID'))
      await expect(checkLedger(good, { seen })).resolves.toMatchObject({ size: 600 })
    }
  })

  it('refuses a log with an entry that says more than a commitment', async () => {
    const chatty = aLedger([...ENTRIES.slice(0, 2), JSON.stringify({ type: 'grant.opened', person: 'Kim' })])
    await expect(checkLedger(chatty)).rejects.toMatchObject(refused('LEDGER_INVALID'))
  })

  it('verifies a log of any size, the empty one too', async () => {
    for (const size of [0, 1, 255, 256, 257, 600]) {
      const { types } = await checkLedger(aLedger(ENTRIES.slice(0, size)))
      expect(types.get('test.entry') ?? 0).toBe(size)
    }
  })
})

async function aProof(index: number, files: Files, size: number, extra = JSON.stringify({ salt: base64url(SALT) })) {
  const readTile = async (level: number, tile: number, width: number) => files.get(tilePath(level, tile, width)) ?? null
  const path = await inclusionProof(index, size, readTile)
  return encodeTlogProof({ index, path, checkpoint: noteOf(files), extra: Buffer.from(extra) })
}

describe('verifyInclusion', () => {
  const files = aLedger(ENTRIES)
  const entry = ENTRIES[300] ?? ''

  it('finds one changed character in any line of the proof that is authenticated', async () => {
    const proof = await aProof(300, files, 600)
    const from = proof.indexOf('index ')
    fc.assert(
      fc.property(
        fc.integer({ min: from, max: proof.length - 1 }),
        fc.constantFrom('A', 'B', '0', ' ', '\n', '='),
        (at, to) => {
          if (proof[at] === to) return
          const changed = proof.slice(0, at) + to + proof.slice(at + 1)
          expect(() => verifyInclusion(entry, changed, trustLog(LEDGER.publicKey, ORIGIN))).toThrow(
            expect.objectContaining(refused('LEDGER_INVALID')),
          )
        },
      ),
      { numRuns: 300 },
    )
  })

  it('refuses another entry, another log and another key', async () => {
    const proof = await aProof(300, files, 600)
    const invalid = expect.objectContaining(refused('LEDGER_INVALID'))
    expect(() => verifyInclusion(ENTRIES[301] ?? '', proof, trustLog(LEDGER.publicKey, ORIGIN))).toThrow(invalid)
    expect(() => verifyInclusion(entry, proof, trustLog(LEDGER.publicKey, 'fairtrace/other'))).toThrow(invalid)
    expect(() => verifyInclusion(entry, proof, trustLog(STRANGER.publicKey, ORIGIN))).toThrow(invalid)
    expect(() => verifyInclusion(entry, 'c2sp.org/tlog-proof@v1\n', trustLog(LEDGER.publicKey, ORIGIN))).toThrow(
      invalid,
    )
    expect(verifyInclusion(entry, proof, trustLog(LEDGER.publicKey, ORIGIN))).toEqual({
      origin: ORIGIN,
      index: 300,
      size: 600,
      witnesses: [],
    })
  })

  it('opens a commitment only with its own salt and detail', async () => {
    const invalid = expect.objectContaining(refused('LEDGER_INVALID'))
    const proof = await aProof(300, files, 600)
    expect(() => verifyCommitted('test.entry', { i: 301 }, proof, trustLog(LEDGER.publicKey, ORIGIN))).toThrow(invalid)
    expect(() => verifyCommitted('other.entry', { i: 300 }, proof, trustLog(LEDGER.publicKey, ORIGIN))).toThrow(invalid)
    for (const extra of ['{}', '{"salt":"AA"}', 'x', JSON.stringify({ salt: base64url(SALT.with(0, 1)) })]) {
      const other = await aProof(300, files, 600, extra)
      expect(() => verifyCommitted('test.entry', { i: 300 }, other, trustLog(LEDGER.publicKey, ORIGIN))).toThrow(
        invalid,
      )
    }
    expect(verifyCommitted('test.entry', { i: 300 }, proof, trustLog(LEDGER.publicKey, ORIGIN)).index).toBe(300)
  })
})

describe('verifyReceipt', () => {
  const facts = {
    pseudonym: 'A'.repeat(22),
    consentVersion: 1,
    charterHash: charterHash(CHARTER),
    categories: ['pointer'],
    apps: ['desktop:orders'],
    atMs: 1_000,
  } as const
  const receipt = {
    v: 1,
    programme: CHARTER.programme,
    pseudonym: facts.pseudonym,
    consentVersion: 1,
    noticeVersion: CHARTER.notice.version,
    noticeDigest: noticeDigest(CHARTER),
    charter: facts.charterHash,
    state: 'given',
    categories: ['pointer'],
    apps: ['desktop:orders'],
    atMs: 1_000,
    record: consentRecord({ ...facts, state: 'given' }, CHARTER),
  }
  const jws = signJws('ft-receipt+jwt', receipt, ISSUER)
  const invalid = expect.objectContaining(refused('SIGNATURE_INVALID'))

  it('refuses one changed character anywhere', () => {
    fc.assert(
      fc.property(fc.nat(jws.length - 1), fc.constantFrom('A', 'b', '-', '.', '='), (at, to) => {
        if (jws[at] === to) return
        expect(() => verifyReceipt(jws.slice(0, at) + to + jws.slice(at + 1), ISSUER.publicKey)).toThrow(invalid)
      }),
      { numRuns: 300 },
    )
  })

  it('refuses another key, another kind of token, no signature, and an algorithm that the token chose', () => {
    const [head, payload] = jws.split('.')
    const none = `${Buffer.from('{"alg":"none","typ":"ft-receipt+jwt"}').toString('base64url')}.${payload}.`
    for (const token of [
      signJws('ft-receipt+jwt', receipt, STRANGER),
      signJws('ft-lease+jwt', receipt, ISSUER),
      `${head}.${payload}.`,
      none,
      '',
      'a.b',
      `${jws}.x`,
    ]) {
      expect(() => verifyReceipt(token, ISSUER.publicKey)).toThrow(invalid)
    }
    expect(() =>
      verifyReceipt(signJws('ft-receipt+jwt', { ...receipt, name: 'Kim' }, ISSUER), ISSUER.publicKey),
    ).toThrow(invalid)
  })

  it.each([
    ['another person', { pseudonym: 'Z'.repeat(22) }],
    ['another decision', { consentVersion: 2 }],
    ['another notice', { noticeDigest: 'B'.repeat(43) }],
    ['another charter', { charter: 'B'.repeat(43) }],
    ['more choices', { categories: ['pointer', 'keyboard'] }],
    ['another app', { apps: ['desktop:mail'] }],
    ['another time', { atMs: 2_000 }],
    ['a withdrawal', { state: 'withdrawn', categories: [], apps: [] }],
    ['a record of a withdrawal', { record: consentRecord({ ...facts, state: 'withdrawn' }, CHARTER) }],
    ['a record with another context', { record: { ...receipt.record, '@context': {} } }],
    ['a record with a field too many', { record: { ...receipt.record, 'dpv:hasName': ['Kim'] } }],
  ])('refuses a receipt and a record that disagree: %s', (_what, change) => {
    const token = signJws('ft-receipt+jwt', { ...receipt, ...change }, ISSUER)
    expect(() => verifyReceipt(token, ISSUER.publicKey)).toThrow(invalid)
  })

  it('refuses, given the charter, a record that claims another purpose', () => {
    const [process] = receipt.record['dpv:hasProcess']
    const record = { ...receipt.record, 'dpv:hasProcess': [{ ...process, 'dpv:hasPurpose': ['dpv:Marketing'] }] }
    const token = signJws('ft-receipt+jwt', { ...receipt, record }, ISSUER)
    expect(() => verifyReceipt(token, ISSUER.publicKey, CHARTER)).toThrow(invalid)
  })

  it('gives the receipt as it was signed, also of a withdrawal', () => {
    expect(verifyReceipt(`${jws}\n`, ISSUER.publicKey, CHARTER)).toEqual(receipt)
    const record = consentRecord({ ...facts, state: 'withdrawn' }, CHARTER)
    const ended = { ...receipt, state: 'withdrawn', categories: [], apps: [], record }
    expect(verifyReceipt(signJws('ft-receipt+jwt', ended, ISSUER), ISSUER.publicKey, CHARTER)).toEqual(ended)
  })
})

interface ReleaseChange {
  readonly manifest?: Record<string, unknown>
  readonly signer?: Signer
}

const SHARDS = ['agentnet/train-00000.jsonl', 'data/train-00000.parquet'] as const
const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
/** Where a shard of `aRelease` lies: by the digest of what is stored, with room for magic and tag. */
function shardAt(i: number): string {
  return shardFile(sha256Of(Buffer.concat([Buffer.from(`sealed rows of ${SHARDS[i]}`), Buffer.alloc(20)])))
}

async function aRelease({ manifest = {}, signer = BUILDER }: ReleaseChange = {}): Promise<Files> {
  const sealed = SHARDS.map((path, i) => {
    const bytes = Buffer.concat([Buffer.from(`sealed rows of ${path}`), Buffer.alloc(20)])
    return { path, stored: shardAt(i), bytes }
  })
  const card = Buffer.from('# first')
  const text = JSON.stringify({
    v: 2,
    programme: CHARTER.programme,
    name: 'first',
    charter: charterHash(CHARTER),
    charterVersion: CHARTER.version,
    shield: '1',
    builder: '0.1.0',
    parameters: { k: 5, apps: ['desktop:orders'] },
    counts: { actions: 12, byKind: { click: 12 } },
    documents: [{ path: 'README.md', bytes: card.length, sha256: sha256Of(card) }],
    shards: sealed.map(({ path, bytes }) => ({ path, bytes: bytes.length - 20, sha256: sha256Of(bytes), rows: 1 })),
    previous: [],
    ...manifest,
  })
  const id = createHash('sha256').update(text).digest('base64url')
  const entries = [...ENTRIES.slice(0, 20), ledgerEntry('release.published', { manifest: id }, SALT)]
  return new Map<string, Uint8Array>([
    ...sealed.map(({ stored, bytes }) => [stored, bytes] as const),
    ['README.md', card],
    ['manifest.json', Buffer.from(text)],
    ['manifest.jws', Buffer.from(signJws('ft-release+jwt', { manifest: id }, signer))],
    ['charter.yaml', Buffer.from(CHARTER_YAML)],
    ['ledger.tlog-proof', Buffer.from(await aProof(20, aLedger(entries), 21))],
  ])
}

function checkRelease(files: Files, charter: string | null = charterHash(CHARTER)) {
  const list = async () => [...files.keys()]
  const read = async (path: string) => {
    const bytes = files.get(path)
    return bytes === undefined ? null : pieces(bytes)
  }
  return verifyRelease({ list, read }, { charter })
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7)
}

describe('verifyRelease', () => {
  it.each([
    ['manifest.json', 'SIGNATURE_INVALID'],
    ['manifest.jws', 'SIGNATURE_INVALID'],
    [shardAt(0), 'RELEASE_SHARD_MISMATCH'],
    [shardAt(1), 'RELEASE_SHARD_MISMATCH'],
    ['README.md', 'RELEASE_SHARD_MISMATCH'],
    ['ledger.tlog-proof', 'LEDGER_INVALID'],
  ])('finds one changed byte anywhere in %s', async (path, code) => {
    const good = await aRelease()
    const bytes = good.get(path) ?? new Uint8Array(0)
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
        const changed = new Map(good).set(path, bytes.with(at, (bytes[at] ?? 0) ^ (1 << bit)))
        await expect(checkRelease(changed)).rejects.toMatchObject(refused(code))
      }),
      { numRuns: 40 },
    )
  })

  it.each([
    ['manifest.json', 'RELEASE_NOT_FOUND'],
    ['manifest.jws', 'SIGNATURE_INVALID'],
    ['charter.yaml', 'SIGNATURE_INVALID'],
    [shardAt(0), 'RELEASE_SHARD_MISMATCH'],
  ])('finds that %s is missing', async (path, code) => {
    const files = await aRelease()
    files.delete(path)
    await expect(checkRelease(files)).rejects.toMatchObject(refused(code))
  })

  it('finds a file that is not listed, two that changed places, and one that grew', async () => {
    const good = await aRelease()
    const [a, b] = [good.get(shardAt(0)) ?? Buffer.of(), good.get(shardAt(1)) ?? Buffer.of()]
    for (const changed of [
      new Map(good).set('agentnet/part-1.jsonl', Buffer.from('x')),
      new Map(good).set('.hidden', Buffer.from('x')),
      new Map(good).set(shardAt(0), b).set(shardAt(1), a),
      new Map(good).set(shardAt(0), Buffer.concat([a, Buffer.from('\n')])),
      new Map(good).set(shardAt(0), a.subarray(0, -1)),
    ]) {
      await expect(checkRelease(changed)).rejects.toMatchObject(refused('RELEASE_SHARD_MISMATCH'))
    }
  })

  it('refuses the signature of anybody but the builder that the charter names', async () => {
    await expect(checkRelease(await aRelease({ signer: STRANGER }))).rejects.toMatchObject(refused('SIGNATURE_INVALID'))
    const another = (await aRelease({ manifest: { name: 'second' } })).get('manifest.jws') ?? Buffer.of()
    await expect(checkRelease((await aRelease()).set('manifest.jws', another))).rejects.toMatchObject(
      refused('SIGNATURE_INVALID'),
    )
  })

  it('refuses another charter than the one that the reader trusts, even one that is valid in itself', async () => {
    const yaml = CHARTER_YAML.replace('k: 5', 'k: 3')
    const swapped = (await aRelease()).set('charter.yaml', Buffer.from(yaml))
    await expect(checkRelease(swapped)).rejects.toMatchObject(refused('SIGNATURE_INVALID'))
    await expect(checkRelease(swapped, null)).rejects.toMatchObject(refused('SIGNATURE_INVALID'))
    const signedSo = await aRelease({ manifest: { charter: charterHash(parseCharter(yaml, 'c')) } })
    await expect(checkRelease(signedSo.set('charter.yaml', Buffer.from(yaml)))).rejects.toMatchObject(
      refused('SIGNATURE_INVALID'),
    )
  })

  it.each(['../outside', '/etc/passwd', 'a/../b', './a', 'a//b', '.hidden', 'a\\b', 'manifest.json', ''])(
    'refuses a manifest that lists %j, although the builder signed it',
    async (path) => {
      const shards = [{ path, bytes: 1, sha256: 'a'.repeat(64), rows: 1 }]
      await expect(checkRelease(await aRelease({ manifest: { shards } }))).rejects.toMatchObject(
        refused('RELEASE_SHARD_MISMATCH'),
      )
    },
  )

  it('says where the ledger has the release, and that nothing was checked where there is no proof', async () => {
    const good = await aRelease()
    await expect(checkRelease(good)).resolves.toMatchObject({
      ledger: { index: 20, size: 21 },
      manifest: { name: 'first' },
    })
    good.delete('ledger.tlog-proof')
    await expect(checkRelease(good)).resolves.toMatchObject({ ledger: null })
  })
})
