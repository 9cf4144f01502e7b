import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import process from 'node:process'
import { FairtraceError, type ReleaseManifest, releaseManifestSchema } from '@fairtrace/core'
import { releaseId } from '@fairtrace/release'
import { DataDir } from '@fairtrace/server'
import { releaseNamePattern } from '@fairtrace/server/builder/job'
import { Command } from 'commander'
import { dataOption } from '../data-dir.ts'
import { requestRelease } from '../release/request-release.ts'
import { printJson, progress, runCommand } from '../terminal.ts'

const SHARES = 1_000

interface Shared {
  readonly data: string
  readonly json?: boolean
}

/** `fairtrace release build|show`. */
export function releaseCommand(): Command {
  const build = new Command('build')
    .description('Builds a release of a running demonstration, under a grant that its two approvers sign.')
    .addOption(dataOption())
    .requiredOption('--name <name>', 'name of the release: a-z, 0-9 and -')
    .option('--seed <seed>', 'name of the draw; the same recordings and seed make the same release', '1')
    .option('--json', 'print JSON')
    .action((options: Shared & { name: string; seed: string }) => runCommand(options, () => buildRelease(options)))
  const show = new Command('show')
    .description('Lists the releases of a data directory, or shows one.')
    .argument('[name]', 'name of a release')
    .addOption(dataOption())
    .option('--json', 'print JSON')
    .action((name: string | undefined, options: Shared) => runCommand(options, () => showReleases(name, options)))
  return new Command('release').description('Builds and shows releases.').addCommand(build).addCommand(show)
}

async function buildRelease(options: Shared & { name: string; seed: string }): Promise<void> {
  const name = requireName(options.name)
  const dir = new DataDir(options.data)
  const bar = progress('release', SHARES)
  try {
    const release = await requestRelease(
      dir,
      { name, seed: options.seed },
      {
        onGrant(requester, approvers) {
          const names = approvers.map((approver) => `${approver.name} (${approver.role})`).join(' and ')
          process.stderr.write(`${requester} asks to open the recordings for a release; ${names} approve.\n`)
          process.stderr.write('These are software keys of the demonstration; in a real programme two people sign.\n')
        },
        onProgress: (share) => bar.update(Math.round(SHARES * share)),
      },
    )
    bar.stop()
    const { manifest } = await readRelease(dir, name)
    if (options.json) printJson({ ...release, manifest })
    else process.stdout.write(`${summary(manifest)}\n${release.directory}\n`)
  } finally {
    bar.stop()
  }
}

async function showReleases(name: string | undefined, options: Shared): Promise<void> {
  const dir = new DataDir(options.data)
  dir.installation()
  if (name !== undefined) {
    const release = await readRelease(dir, requireName(name))
    if (options.json) printJson(release)
    else process.stdout.write(`${details(release.manifest)}\nid ${release.id}\n${release.directory}\n`)
    return
  }
  const releases = await Promise.all((await releaseNames(dir)).map((each) => readRelease(dir, each)))
  if (options.json) printJson({ releases })
  else if (releases.length === 0)
    process.stdout.write('No release yet. Build one with `fairtrace release build --name NAME`.\n')
  else process.stdout.write(`${releases.map(({ manifest }) => summary(manifest)).join('\n')}\n`)
}

function requireName(name: string): string {
  if (releaseNamePattern.test(name)) return name
  throw new FairtraceError('USAGE', 'a release name is 1 to 63 characters of a-z, 0-9 and -, without - at either end')
}

async function releaseNames(dir: DataDir): Promise<string[]> {
  const folder = dir.path('objects', 'releases')
  if (!existsSync(folder)) return []
  // Names that are no release names are working folders of a build under way.
  return (await readdir(folder)).filter((name) => releaseNamePattern.test(name)).toSorted()
}

interface ShownRelease {
  readonly id: string
  readonly directory: string
  readonly manifest: ReleaseManifest
}

async function readRelease(dir: DataDir, name: string): Promise<ShownRelease> {
  const directory = folderOf(dir, name)
  const bytes = await readFile(`${directory}/manifest.json`)
  try {
    return {
      id: releaseId(bytes),
      directory,
      manifest: releaseManifestSchema.parse(JSON.parse(bytes.toString('utf8'))),
    }
  } catch (cause) {
    throw new FairtraceError('RELEASE_SHARD_MISMATCH', 'manifest.json is no release manifest', { cause })
  }
}

function folderOf(dir: DataDir, name: string): string {
  const directory = dir.path('objects', 'releases', name)
  if (existsSync(`${directory}/manifest.json`)) return directory
  throw new FairtraceError('RELEASE_NOT_FOUND', `there is no release ${name} in this data directory`)
}

function summary({ name, counts, shards }: ReleaseManifest): string {
  const count = (what: string) => (counts[what] === undefined ? '' : `, ${counts[what]} ${what}`)
  const bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0)
  return `${name}${count('people')}${count('segments')}${count('actions')}${count('trajectories')}, ${shards.length} files, ${bytes} bytes`
}

function details(manifest: ReleaseManifest): string {
  const lines = Object.entries({ ...manifest.parameters, ...manifest.counts }).flatMap(([name, value]) =>
    isGroup(value)
      ? Object.entries(value).map(([part, count]) => `  ${name}.${part} ${count}`)
      : [`  ${name} ${value}`],
  )
  const { programme, charterVersion } = manifest
  return [summary(manifest), `programme ${programme}, charter version ${charterVersion}`, ...lines].join('\n')
}

function isGroup(value: unknown): value is Readonly<Record<string, number>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
