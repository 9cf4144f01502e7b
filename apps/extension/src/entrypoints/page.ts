/** The script in every frame of the chosen sites. It connects, and does nothing until it is told to. */
import type { UnlistedScriptDefinition } from 'wxt'
import { defineUnlistedScript } from 'wxt/utils/define-unlisted-script'
import { PageLink } from '../page/page-link.ts'

const MARK = Symbol.for('fairtrace')

const page: UnlistedScriptDefinition = defineUnlistedScript(() => {
  // Registered and put into an open tab at the same moment: once is enough. The page sees none of this world.
  const world = globalThis as { [MARK]?: true }
  if (world[MARK] === true) return
  world[MARK] = true
  new PageLink().connect()
})

// biome-ignore lint/style/noDefaultExport: the build takes an entry point by its default export.
export default page
