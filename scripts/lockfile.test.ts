import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

interface Locked {
  readonly version?: string
  readonly link?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const packages: Readonly<Record<string, Locked>> = JSON.parse(
  readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'),
).packages

describe('package-lock.json', () => {
  it('has a version for every package, on every platform', () => {
    const without = Object.entries(packages).filter(
      ([path, { version, link }]) => path.includes('node_modules/') && !link && !version,
    )
    expect(without.map(([path]) => path)).toEqual([])
  })

  // npm leaves out platform packages that a registry didn't have when the lock was made; elsewhere `npm ci` then fails.
  it('knows every optional dependency that a package names', () => {
    const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')))
    const missing = Object.values(packages).flatMap(({ optionalDependencies }) =>
      Object.keys(optionalDependencies ?? {}).filter((name) => !names.has(name)),
    )
    expect(missing).toEqual([])
  })
})
