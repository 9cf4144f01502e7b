/** What is held when the charter narrows: it leaves under the charter in force, not under the one it was captured under. */
import { type Action, type AppId, type Charter, checkConformance, shieldSettings } from '@fairtrace/core'

/**
 * The actions that still conform. After a `switch` to an app that is no longer listed, everything goes until the next
 * `switch` that is: otherwise it would seem to have happened in the app before.
 */
export function reshield(actions: readonly Action[], charter: Charter): readonly Action[] {
  const settings = shieldSettings(charter)
  let app: AppId | undefined
  let listed = true
  return actions.filter((action) => {
    if (action.kind === 'switch') {
      listed = settings.apps.has(action.app)
      app = action.app
    }
    return listed && checkConformance(action, settings, app) === null
  })
}
