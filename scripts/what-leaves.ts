/** Draws `docs/what-leaves.md` from a run of the shield: `node scripts/run.mjs scripts/what-leaves.ts`, or `--check` to see if it is stale. */
import process from 'node:process'
import { stalePages, writePage } from './what-leaves/page.ts'

if (process.argv.includes('--check')) {
  const stale = stalePages()
  for (const file of stale) console.error(`docs/${file} is stale: run node scripts/run.mjs scripts/what-leaves.ts`)
  process.exitCode = stale.length > 0 ? 1 : 0
} else writePage()
