/** Writes the table of `docs/errors.md` from the registry: `node scripts/run.mjs scripts/errors-page.ts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { ERRORS } from '../packages/core/src/errors.ts'

const file = new URL('../docs/errors.md', import.meta.url)
const head = readFileSync(file, 'utf8').split('| code |')[0]
const rows = Object.entries(ERRORS).map(
  ([code, { status, exit, advice }]) => `| \`${code}\` | ${status} | ${exit} | ${advice} |`,
)
writeFileSync(file, `${head}| code | HTTP | exit | what to do |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`)
