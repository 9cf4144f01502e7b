/** Writes docs/safeguards.md from the catalogue of safeguards. */
import { writeFileSync } from 'node:fs'
import { safeguardsPage } from '../packages/server/src/assurance/catalogue-page.ts'

writeFileSync(new URL('../docs/safeguards.md', import.meta.url), safeguardsPage())
