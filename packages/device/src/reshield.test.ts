import { type Action, CATEGORIES } from '@fairtrace/core'
import { aCharter } from '@fairtrace/testing/harness'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reshield } from './reshield.ts'

const charter = aCharter()
const APPS = charter.capture.apps.map(({ id }) => id)
const everything = { categories: [...CATEGORIES], apps: APPS }
const to = (app: string): Action => ({ kind: 'switch', app })
const click: Action = { kind: 'click', button: 'left', count: 1, target: { role: 'button', box: [1, 1, 9, 9] } }
const press: Action = { kind: 'press', key: 'enter' }

describe('reshield', () => {
  it('lets go of a category that is no longer chosen, and of nothing else', () => {
    const actions = [to('desktop:orders'), click, press]
    const now = { ...everything, categories: ['pointer', 'switches'] as const }
    expect(reshield(actions, charter, everything, { ...now, categories: [...now.categories] })).toEqual([
      to('desktop:orders'),
      click,
    ])
  })

  it('lets go of everything in an app that is no longer chosen', () => {
    const actions = [to('desktop:orders'), click, to('desktop:mail'), press, to('desktop:orders'), press]
    const now = { ...everything, apps: ['desktop:mail'] }
    expect(reshield(actions, charter, everything, now)).toEqual([to('desktop:mail'), press])
  })

  it('lets go of what names no app, unless all apps of then are still chosen', () => {
    const then = { categories: [...CATEGORIES], apps: ['desktop:orders', 'desktop:mail'] }
    expect(reshield([click], charter, then, then)).toEqual([click])
    expect(reshield([click], charter, then, { ...then, apps: ['desktop:mail'] })).toEqual([])
  })

  it('leaves nothing that is not chosen, changes nothing twice, and only ever lets go', () => {
    const action = fc.oneof(fc.constantFrom(...APPS).map(to), fc.constantFrom(click, press))
    const chosen = fc.record({ categories: fc.subarray([...CATEGORIES]), apps: fc.subarray(APPS) })
    fc.assert(
      fc.property(fc.array(action), chosen, (actions, now) => {
        const once = reshield(actions, charter, everything, now)
        expect(once.every((kept) => actions.includes(kept))).toBe(true)
        for (const kept of once) if (kept.kind === 'switch') expect(now.apps).toContain(kept.app)
        if (!now.categories.includes('keyboard')) expect(once).not.toContain(press)
        if (!now.categories.includes('pointer')) expect(once).not.toContain(click)
        if (now.categories.includes('switches')) expect(reshield(once, charter, everything, now)).toEqual(once)
      }),
    )
  })
})
