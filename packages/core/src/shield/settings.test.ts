import { describe, expect, it } from 'vitest'
import type { Charter } from '../charter/charter-schema.ts'
import { defaultShieldSettings, shieldSettings } from './settings.ts'

type Levels = Pick<Charter, 'capture' | 'shield'>

/** The two sections that the settings come from; the rest of a charter has no say. */
function levelsOf(capture: Partial<Levels['capture']>, shield: Partial<Levels['shield']>): Charter {
  const levels: Levels = {
    capture: {
      categories: ['pointer', 'keyboard'],
      apps: [{ id: 'desktop:notes', title: 'Notes', labels: ['Save'] }],
      tasks: [],
      ...capture,
    },
    shield: { pointer: 'target', keyboard: 'kind-and-length', labels: 'catalogue', roles: ['button'], ...shield },
  }
  return levels as Charter
}

describe('shieldSettings', () => {
  it('lets nothing out of a charter that lists nothing', () => {
    const settings = shieldSettings(
      levelsOf({ categories: ['pointer'], apps: [] }, { labels: 'none', pointer: 'cell' }),
    )
    expect(settings).toEqual({
      pointer: 'cell',
      keyboard: 'none',
      labels: new Map(),
      roles: new Set(['button']),
      apps: new Set(),
    })
  })

  it("takes each app's labels from its own catalogue", () => {
    const settings = shieldSettings(levelsOf({}, {}))
    expect(settings.labels).toEqual(new Map([['desktop:notes', new Set(['Save'])]]))
    expect(settings.keyboard).toBe('kind-and-length')
  })
})

describe('defaultShieldSettings', () => {
  it('has no labels, and no apps but those given', () => {
    const settings = defaultShieldSettings(['desktop:notes'])
    expect(settings.labels.size).toBe(0)
    expect([...settings.apps]).toEqual(['desktop:notes'])
  })
})
