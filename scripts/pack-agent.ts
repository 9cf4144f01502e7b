/**
 * Packs the desktop agent alone: `node scripts/run.mjs scripts/pack-agent.ts [FOLDER]` writes `fairtrace-agent-VERSION.tgz`.
 *
 * Our own code and the libraries it runs on become one bundle, so that what is installed is what was packed, and needs no
 * registry; `x11` and `dbus-native` go along as they are, in the package's own `node_modules`. Only what has native code is
 * fetched at installation, for the platform at hand, and may be missing: the keyring, the hook library of macOS and Windows,
 * and a Node for who has an older one.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'vite'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const AGENT = join(ROOT, 'apps/agent')
/** CommonJS packages that load parts of themselves by name: they stay as they are. */
const CARRIED = ['x11', 'dbus-native']

interface Manifest {
  readonly version: string
  readonly license: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** @returns the tarball */
export async function packAgent(folder: string): Promise<string> {
  const manifest = readManifest(AGENT)
  const native = { ...readManifest(ROOT).optionalDependencies, ...manifest.optionalDependencies }
  const stage = mkdtempSync(join(tmpdir(), 'fairtrace-pack-'))
  try {
    await bundle(join(stage, 'dist'), Object.keys(native))
    cpSync(join(AGENT, 'src/page/assets'), join(stage, 'dist/assets'), { recursive: true })
    cpSync(join(AGENT, 'bin'), join(stage, 'bin'), { recursive: true })
    cpSync(join(ROOT, 'scripts/node24.mjs'), join(stage, 'bin/node24.mjs'))
    cpSync(join(ROOT, 'LICENSE'), join(stage, 'LICENSE'))
    const carried = carry(CARRIED, stage)
    writeFileSync(join(stage, 'package.json'), JSON.stringify(packageOf(manifest, native, carried), null, 2))
    mkdirSync(folder, { recursive: true })
    const packed = spawnSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', resolve(folder)], {
      cwd: stage,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    })
    if (packed.status !== 0) throw new Error(`npm pack ended with ${packed.status}: ${packed.stderr}`)
    return join(resolve(folder), `fairtrace-agent-${manifest.version}.tgz`)
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

async function bundle(outDir: string, native: readonly string[]): Promise<void> {
  await build({
    configFile: false,
    root: AGENT,
    logLevel: 'error',
    // Every package of ours and of others, but those that can't be.
    ssr: { noExternal: true, external: [...CARRIED, ...native] },
    build: {
      ssr: join(AGENT, 'src/main.ts'),
      outDir,
      emptyOutDir: true,
      target: 'node24',
      minify: false,
      license: { fileName: 'LICENSES.md' },
      rolldownOptions: { output: { entryFileNames: 'main.js', chunkFileNames: '[name].js', format: 'es' } },
    },
  })
}

/** Copies packages and what they depend on into the stage. @returns their names */
function carry(names: readonly string[], stage: string): string[] {
  const carried = new Set<string>()
  const take = (name: string): void => {
    if (carried.has(name)) return
    carried.add(name)
    const from = join(ROOT, 'node_modules', name)
    if (!existsSync(from)) throw new Error(`${name} is not installed`)
    cpSync(from, join(stage, 'node_modules', name), {
      recursive: true,
      filter: (path) => !/\/(?:test|docs|website|examples|autogen|browser|\.github)$/.test(path),
    })
    for (const next of Object.keys(readManifest(from).dependencies ?? {})) take(next)
  }
  for (const name of names) take(name)
  return [...carried]
}

function packageOf(manifest: Manifest, native: Readonly<Record<string, string>>, carried: readonly string[]) {
  return {
    name: 'fairtrace-agent',
    version: manifest.version,
    description: 'The desktop agent of Fairtrace, alone.',
    license: manifest.license,
    type: 'module',
    engines: { node: '>=20' },
    bin: { 'fairtrace-agent': 'bin/fairtrace-agent.mjs' },
    files: ['bin', 'dist'],
    dependencies: Object.fromEntries(
      carried.map((name) => [name, readManifest(join(ROOT, 'node_modules', name)).version]),
    ),
    bundleDependencies: carried,
    optionalDependencies: native,
  }
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(await packAgent(process.argv[2] ?? '.'))
}
