import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const root = new URL('../', import.meta.url)
const pages = ['README.md', 'ARCHITECTURE.md', 'THREAT_MODEL.md', 'CONTRIBUTING.md', 'CHANGELOG.md'] as const
const read = (page: string) => readFileSync(new URL(page, root), 'utf8')
const main = read('apps/cli/src/main.ts')
const scripts: Readonly<Record<string, string>> = JSON.parse(read('package.json')).scripts

describe.each(pages)('%s', (page) => {
  it('links only to pages that exist', () => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path ?? '')
    expect(links.filter((path) => !existsSync(new URL(path, root)))).toEqual([])
  })

  it('names only commands that exist', () => {
    const commands = [...read(page).matchAll(/fairtrace ([a-z]+)\b(?= |`|$)/gm)].map(([, name]) => name ?? '')
    const known = [...main.matchAll(/^ {2}([a-z]+): \{$/gm)].map(([, name]) => name)
    expect(commands.filter((name) => !known.includes(name))).toEqual([])
    const runs = [...read(page).matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name ?? '')
    expect(runs.filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
  })
})
