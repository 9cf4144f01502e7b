/** Cutting a part out of a recording: what is left on both sides. */
import { type Action, type AppId, FairtraceError } from '@fairtrace/core'

/**
 * Without `[from, to)`; `after` begins with a `switch` to the app it happens in, which the deleted part may have said.
 * @throws `USAGE` if the part is not inside
 */
export function splitActions(
  actions: readonly Action[],
  from: number,
  to: number,
): { readonly before: readonly Action[]; readonly after: readonly Action[] } {
  if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from < to && to <= actions.length)) {
    throw new FairtraceError('USAGE', `the part ${from} to ${to} is not inside ${actions.length} actions`)
  }
  const after = actions.slice(to)
  let app: AppId | null = null
  for (const action of actions.slice(0, to)) if (action.kind === 'switch') app = action.app
  if (app !== null && after.length > 0 && after[0]?.kind !== 'switch') after.unshift({ kind: 'switch', app })
  return { before: actions.slice(0, from), after }
}
