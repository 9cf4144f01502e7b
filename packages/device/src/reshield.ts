/**
 * What is held when the charter, or the person's own choice, narrows: it leaves under the terms of now, not under those that it
 * was captured under.
 */
import {
  type Action,
  type ActionKind,
  type AppId,
  type Category,
  type Charter,
  checkConformance,
  type Lease,
  shieldSettings,
} from '@fairtrace/core'

/** What a person chose, as a lease says it. */
export type Chosen = Pick<Lease, 'categories' | 'apps'>

/**
 * The actions that still conform. After a `switch` to an app that is no longer listed or chosen, everything goes until the next
 * `switch` that is: otherwise it would seem to have happened in the app before. What no `switch` precedes may be of any app that
 * was chosen at its time, so it goes unless all of them still are.
 * @param then what the person had chosen when it was captured
 * @param now what they choose now
 */
export function reshield(actions: readonly Action[], charter: Charter, then: Chosen, now: Chosen): readonly Action[] {
  const settings = shieldSettings(charter)
  const isAllowed = (app: AppId) => settings.apps.has(app) && now.apps.includes(app)
  let app: AppId | undefined
  let allowed = then.apps.every(isAllowed)
  return actions.filter((action) => {
    if (action.kind === 'switch') {
      allowed = isAllowed(action.app)
      app = action.app
    }
    return allowed && now.categories.includes(CATEGORY[action.kind]) && checkConformance(action, settings, app) === null
  })
}

const CATEGORY: Readonly<Record<ActionKind, Category>> = {
  hover: 'pointer',
  click: 'pointer',
  drag: 'pointer',
  scroll: 'pointer',
  press: 'keyboard',
  hotkey: 'keyboard',
  type: 'keyboard',
  switch: 'switches',
}
