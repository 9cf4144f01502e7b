/** A release on a disk that fills up: a small file system of its own, in a mount namespace, so that nothing else notices. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = new URL('..', import.meta.url).pathname
const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0
if (!canMount) process.stderr.write('release on a full disk: skipped, no mount namespaces here\n')

describe.skipIf(!canMount)('a release on a full disk', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fairtrace-disk-'))
    writeFileSync(
      join(folder, 'build.ts'),
      `import { readdirSync } from 'node:fs'
      import { stageRelease } from '${ROOT}packages/release/src/index.ts'
      import { aCharter, CHARTER_YAML } from '${ROOT}testing/src/harness/charter.ts'
      import { recordedParts } from '${ROOT}testing/src/harness/recorded-parts.ts'
      const charter = aCharter()
      const outcome = await stageRelease({
        directory: '/mnt/releases/spring', name: 'spring', charter, charterYaml: CHARTER_YAML, seed: '1',
        secret: new Uint8Array(32), recipient: 'grant 1', key: new Uint8Array(32), publishedAtMs: 0, sign: () => 'a.b.c', builder: 'A'.repeat(43),
        spillBytesInMemory: Number(process.argv[2]),
        parts: recordedParts(charter, { people: 20, recordingsPerPerson: 10, actionsPerRecording: 200 }),
      }).then((staged) => staged.publish(null)).then(() => 'built', (error) => error.code)
      console.log(JSON.stringify({ outcome, left: readdirSync('/mnt/releases') }))`,
    )
  })
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  function buildOn(size: string, spillBytesInMemory: number): { outcome: string; left: string[] } {
    const script = `mount -t tmpfs -o size=${size} tmpfs /mnt && exec "$0" --disable-warning=ExperimentalWarning "$1" ${spillBytesInMemory}`
    const run = spawnSync('unshare', ['-rm', 'sh', '-c', script, process.execPath, join(folder, 'build.ts')], {
      encoding: 'utf8',
    })
    return JSON.parse(run.stdout)
  }

  it('leaves nothing behind when there is no room for the working files', () => {
    expect(buildOn('256k', 10_000)).toEqual({ outcome: 'DISK_FULL', left: [] })
  })

  it('is there as a whole or not at all, wherever the room ends', () => {
    const outcomes = [400, 1_200, 2_400, 4_800, 7_200, 25_600].map((kilobytes) => {
      const { outcome, left } = buildOn(`${kilobytes}k`, 1_000_000_000)
      expect({ outcome, left }).toEqual({ outcome, left: outcome === 'built' ? ['spring'] : [] })
      return outcome
    })
    expect(outcomes.filter((outcome) => outcome !== 'built').length).toBeGreaterThanOrEqual(4)
    expect(new Set(outcomes)).toEqual(new Set(['DISK_FULL', 'built']))
  })

  it('is built where there is room, whether its working files fit into memory or not', () => {
    expect(buildOn('64m', 10_000)).toEqual({ outcome: 'built', left: ['spring'] })
  })
})
