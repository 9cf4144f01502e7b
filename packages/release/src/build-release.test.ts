import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Charter, RELEASE_TYP, releaseManifestSchema, shardBytes, shardFile } from '@fairtrace/core'
import { aCharter, CHARTER_YAML, type GeneratedPart, recordedParts } from '@fairtrace/testing/harness'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ReleaseRequest, type StagedRelease, stageRelease } from './build-release.ts'
import { openReleaseInto } from './open-release.ts'

const charter = aCharter()
const KEY = new Uint8Array(32).fill(5)
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairtrace-release-'))
})
afterEach(() => {
  chmodSync(folder, 0o700)
  rmSync(folder, { recursive: true, force: true })
})

function aRequest(overrides: Partial<ReleaseRequest> = {}): ReleaseRequest {
  return {
    directory: join(folder, 'spring'),
    name: 'spring',
    charter,
    charterYaml: CHARTER_YAML,
    seed: 'first draw',
    secret: new Uint8Array(32).fill(9),
    recipient: 'grant 1',
    key: KEY,
    publishedAtMs: Date.UTC(2026, 9, 1),
    parts: partsOf(12),
    sign: (typ, payload) => `${typ}.${JSON.stringify(payload)}.signature`,
    builder: 'A'.repeat(43),
    ...overrides,
  }
}

function partsOf(people: number, overrides: Partial<Parameters<typeof recordedParts>[1]> = {}): GeneratedPart[] {
  return [...recordedParts(charter, { people, recordingsPerPerson: 3, actionsPerRecording: 60, ...overrides })]
}

async function built(overrides: Partial<ReleaseRequest> = {}): Promise<StagedRelease> {
  const staged = await stageRelease(aRequest(overrides))
  await staged.publish(null)
  return staged
}

/** Opened into a folder beside it, as a training room sees it. */
async function open({ manifest }: StagedRelease, name: string): Promise<string> {
  const into = join(folder, `${name}-opened`)
  await openReleaseInto(join(folder, name), manifest, KEY, into)
  return into
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted()
}

const withCode = (code: string) => expect.objectContaining({ code })

describe('stageRelease refuses', () => {
  it.each([
    ['an empty scope', () => []],
    ['fewer than k people', () => partsOf(charter.release.k - 1)],
    [
      'people of whom no k share an app',
      () => partsOf(8).map((part, i) => ({ ...part, actions: inOneApp(part, Math.floor(i / 3) % 3) })),
    ],
  ])('%s, and leaves nothing behind', async (_what, parts) => {
    await expect(stageRelease(aRequest({ parts: parts() }))).rejects.toEqual(withCode('RELEASE_EMPTY'))
    expect(readdirSync(folder)).toEqual([])
  })

  it('a name that is taken: a release never changes', async () => {
    await built()
    const before = filesIn(join(folder, 'spring')).map((path) => statSync(join(folder, 'spring', path)).mtimeMs)
    const second = await stageRelease(aRequest({ seed: 'second draw' }))
    await expect(second.publish(null)).rejects.toEqual(withCode('RELEASE_EXISTS'))
    expect(readdirSync(folder)).toEqual(['spring'])
    expect(filesIn(join(folder, 'spring')).map((path) => statSync(join(folder, 'spring', path)).mtimeMs)).toEqual(
      before,
    )
  })
})

describe('stageRelease leaves no half release', () => {
  it.each([
    [
      'the recordings break off',
      {
        parts: (function* () {
          yield* partsOf(12)
          throw new Error('a chunk did not open')
        })(),
      },
    ],
    [
      'the signing key is gone',
      {
        sign: () => {
          throw new Error('no key')
        },
      },
    ],
  ])('when %s', async (_what, overrides: Partial<ReleaseRequest>) => {
    await expect(stageRelease(aRequest(overrides))).rejects.toThrow()
    expect(readdirSync(folder)).toEqual([])
  })

  it('when it is discarded after all', async () => {
    const staged = await stageRelease(aRequest())
    expect(existsSync(join(folder, 'spring'))).toBe(false)
    await staged.discard()
    expect(readdirSync(folder)).toEqual([])
  })

  it('when the disk turns a write down', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    const parts = (function* () {
      yield* partsOf(12)
      throw full
    })()
    await expect(stageRelease(aRequest({ parts }))).rejects.toEqual(withCode('DISK_FULL'))
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('a release', () => {
  it('lists every file with its digest, and is signed by its manifest', async () => {
    const { id, manifest } = await built()
    const directory = join(folder, 'spring')
    const unlisted = ['charter.yaml', 'manifest.json', 'manifest.jws']
    const shards = manifest.shards.map(({ sha256, bytes }) => ({
      path: shardFile(sha256),
      bytes: shardBytes(bytes),
      sha256,
    }))
    const stored = [...shards, ...manifest.documents]
    expect(filesIn(directory)).toEqual([...stored.map(({ path }) => path), ...unlisted].toSorted())
    for (const { path, bytes: size, sha256 } of stored) {
      const bytes = readFileSync(join(directory, path))
      expect([bytes.length, createHash('sha256').update(bytes).digest('hex')]).toEqual([size, sha256])
    }
    const bytes = readFileSync(join(directory, 'manifest.json'))
    expect(releaseManifestSchema.parse(JSON.parse(bytes.toString()))).toEqual(manifest)
    expect(createHash('sha256').update(bytes).digest('base64url')).toBe(id)
    expect(readFileSync(join(directory, 'manifest.jws'), 'utf8')).toContain(`${RELEASE_TYP}.{"manifest":"${id}"}`)
    expect(readFileSync(join(directory, 'charter.yaml'), 'utf8')).toBe(CHARTER_YAML)
  })

  it('is readable by its owner alone', async () => {
    await built()
    const directory = join(folder, 'spring')
    for (const path of filesIn(directory)) expect(statSync(join(directory, path)).mode & 0o777).toBe(0o600)
    for (const path of ['', 'shards']) {
      expect(statSync(join(directory, path)).mode & 0o777).toBe(0o700)
    }
  })

  it('holds the proof of the ledger if there is one', async () => {
    const staged = await stageRelease(aRequest())
    await staged.publish(Buffer.from('c2sp.org/tlog-proof@v1\n'))
    expect(readFileSync(join(folder, 'spring/ledger.tlog-proof'), 'utf8')).toBe('c2sp.org/tlog-proof@v1\n')
  })

  it('is the same, byte for byte, for the same recordings and seed', async () => {
    const first = await built({ rowsPerShard: 300 })
    const second = await built({ directory: join(folder, 'again'), rowsPerShard: 300 })
    expect(second.id).toBe(first.id)
    for (const path of filesIn(join(folder, 'spring'))) {
      expect(readFileSync(join(folder, 'again', path)).equals(readFileSync(join(folder, 'spring', path))), path).toBe(
        true,
      )
    }
  })

  it('is another one for another secret, though the published seed is the same', async () => {
    const first = await built()
    const second = await built({ directory: join(folder, 'again'), secret: new Uint8Array(32).fill(10) })
    const names = async (release: StagedRelease, directory: string) => {
      const opened = await open(release, directory)
      const lines = readFileSync(join(opened, 'agentnet/train-00000-of-00001.jsonl'), 'utf8')
      return lines.match(/"task_id":"\w+"/g) ?? []
    }
    expect(second.id).not.toBe(first.id)
    const again = new Set(await names(second, 'again'))
    expect((await names(first, 'spring')).filter((name) => again.has(name))).toEqual([])
  })

  it('has other names for another recipient of the same draw', async () => {
    const first = await open(await built(), 'spring')
    const second = await open(await built({ directory: join(folder, 'again'), recipient: 'grant 2' }), 'again')
    const names = (directory: string) =>
      readFileSync(join(directory, 'csv/train-00000-of-00001.csv'), 'utf8').match(/^[0-9a-f]{32}(?=,)/gm) ?? []
    const again = new Set(names(second))
    expect(again.size).toBeGreaterThan(charter.release.k)
    expect(names(first).filter((name) => again.has(name))).toEqual([])
  })

  it('names types the same, whatever numbers apps and shortcuts have in it', async () => {
    const chord = (keys: ('ctrl' | 'c' | 'v')[]): GeneratedPart['actions'][number] => ({ kind: 'hotkey', keys })
    // The first person decides in which order shortcuts are met.
    const parts = (order: 'cv' | 'vc') =>
      Array.from({ length: 6 }, (_, person) => {
        const actions: GeneratedPart['actions'] = [
          { kind: 'switch', app: 'desktop:mail' },
          ...[...(person === 0 ? order : 'cv')].map((key) => chord(['ctrl', key === 'c' ? 'c' : 'v'])),
          { kind: 'press', key: 'f12' },
        ]
        return { ...ofPerson(person), actions }
      })
    const turned: Charter = {
      ...charter,
      capture: { ...charter.capture, apps: charter.capture.apps.toReversed() },
    }
    const rules = (of: Charter): Charter => ({ ...of, release: { ...of.release, typeActions: 1 } })
    const first = await built({ parts: parts('cv'), charter: rules(charter) })
    const second = await built({ directory: join(folder, 'again'), parts: parts('vc'), charter: rules(turned) })
    const names = ['desktop:mail hotkey ctrl+c', 'desktop:mail hotkey ctrl+v', 'desktop:mail press f12']
    expect([...(first.contributions.get('person-0') ?? new Map()).keys()].toSorted()).toEqual(names)
    expect(second.contributions).toEqual(first.contributions)
  })

  it('holds no name of a person, a recording or a device, anywhere', async () => {
    const parts = partsOf(12)
    const directory = await open(await built({ parts }), 'spring')
    const markers = new Set(parts.flatMap(({ person, recording, device }) => [person, recording, device]))
    const hexMarkers = [...markers].map((marker) => Buffer.from(marker, 'base64url').toString('hex'))
    for (const path of filesIn(directory)) {
      const bytes = readFileSync(join(directory, path))
      for (const marker of [...markers, ...hexMarkers]) expect(bytes.includes(marker), path).toBe(false)
    }
  })

  it('leaves totals below k out', async () => {
    const { manifest } = await built({ parts: partsOf(6, { recordingsPerPerson: 2, actionsPerRecording: 12 }) })
    const counts = Object.values(manifest.counts).flatMap((count) =>
      typeof count === 'number' ? [count] : Object.values(count),
    )
    for (const count of counts) expect(count).toBeGreaterThanOrEqual(charter.release.k)
    // Six, in steps of five: two releases don't subtract to a person.
    expect(manifest.counts.people).toBe(5)
  })

  it('drops what the charter in force no longer allows', async () => {
    const narrowed: Charter = { ...charter, shield: { ...charter.shield, keyboard: 'none' } }
    const { manifest } = await built({ charter: narrowed })
    expect(manifest.counts.byKind).not.toHaveProperty('type')
    expect(manifest.counts.byKind).not.toHaveProperty('press')
    expect(manifest.counts.dropped).toHaveProperty('notShielded')
  })

  it('stays within the cap of the charter', async () => {
    const capped: Charter = { ...charter, release: { ...charter.release, segmentsPerPersonMax: 2 } }
    const { manifest } = await built({ charter: capped })
    expect(manifest.counts.actions).toBeLessThanOrEqual(24 * charter.release.segmentActionsMax)
    expect(manifest.counts.dropped).toHaveProperty('segmentsOverCap')
  })
})

function ofPerson(person: number): Omit<GeneratedPart, 'actions'> {
  return {
    person: `person-${person}`,
    recording: `recording-${person}`,
    device: `device-${person}`,
    part: 0,
    task: null,
    outcome: null,
  }
}

function inOneApp(part: GeneratedPart, app: number): GeneratedPart['actions'] {
  const id = charter.capture.apps[app]?.id ?? ''
  return part.actions.map((action) => (action.kind === 'switch' ? { kind: 'switch', app: id } : action))
}
