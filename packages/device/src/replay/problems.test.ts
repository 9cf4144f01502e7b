import { readFileSync } from 'node:fs'
import { DROP_REASONS } from '@fairtrace/core'
import { describe, expect, it } from 'vitest'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const page = read('../../../../docs/formats.md')

/** Reasons of the table that follows a heading of the page. */
function documented(heading: string): readonly string[] {
  const table = page.slice(page.indexOf(heading)).split(/\n#+ /)[0] ?? ''
  return [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, reason]) => reason ?? '')
}

describe('docs/formats.md', () => {
  it('says what each problem of a recording is, and names no other', () => {
    const union = read('./problems.ts').split('export interface Problem')[0] ?? ''
    const reasons = [...union.matchAll(/^ {2}\| '([a-z-]+)'$/gm)].map(([, reason]) => reason)
    expect(reasons.length).toBeGreaterThan(10)
    expect(documented('#### What is wrong with a recording').toSorted()).toEqual(reasons.toSorted())
  })

  it('says why the shield drops something, and names no other reason', () => {
    expect(documented('#### What the shield drops').toSorted()).toEqual(DROP_REASONS.toSorted())
  })
})
