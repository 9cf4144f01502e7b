import { readFileSync } from 'node:fs'
import { SAFEGUARDS } from '@fairtrace/server/assurance/safeguards'
import { describe, expect, it } from 'vitest'
import { DRILLS } from './catalogue.ts'
import { patchedFile } from './preload.ts'

describe('the drills', () => {
  it('are those that the catalogue of safeguards names, each once', () => {
    expect(DRILLS.map(({ id }) => id).toSorted()).toEqual(SAFEGUARDS.map(({ drill }) => drill).toSorted())
  })

  it.each(DRILLS.map((drill) => [drill.id, drill] as const))('have a twin: %s', (_id, { without }) => {
    expect((without.patches?.length ?? 0) > 0 || without.once !== undefined).toBe(true)
    for (const patch of without.patches ?? []) {
      const parts = readFileSync(patchedFile(patch), 'utf8').split(patch.from)
      expect(parts, `${patch.file}: what the twin takes away`).toHaveLength(2)
      expect(patch.to).not.toBe(patch.from)
    }
  })
})
