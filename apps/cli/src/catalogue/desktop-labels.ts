/** Labels of a desktop app that runs here, from the accessibility tree. */
import { type AppId, FairtraceError } from '@fairtrace/core'
import type { SeenLabel } from './catalogue.ts'

/** @throws `CATALOGUE_EMPTY` if nothing here tells what an app shows */
export async function readDesktopLabels(app: AppId): Promise<readonly SeenLabel[]> {
  const { readInterfaceLabels } = await import('fairtrace-agent')
  try {
    return await readInterfaceLabels(app)
  } catch (cause) {
    throw new FairtraceError('CATALOGUE_EMPTY', 'the accessibility service of this desktop does not answer', { cause })
  }
}
