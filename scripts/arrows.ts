/** Checks the import arrows, and that there was something to check: a cruiser that sees nothing also finds no fault. */
import { spawnSync } from 'node:child_process'
import process from 'node:process'

const MODULES_MIN = 80

const run = spawnSync(
  process.execPath,
  [
    'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
    '--config',
    '.dependency-cruiser.mjs',
    '--output-type',
    'json',
    'packages',
    'apps',
    'testing',
  ],
  { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 },
)
interface Cruise {
  readonly modules: readonly {
    readonly source: string
    readonly dependencies: readonly { readonly resolved: string }[]
  }[]
  readonly summary: {
    readonly violations: readonly {
      readonly from: string
      readonly to: string
      readonly rule: { readonly name: string }
    }[]
  }
}
let cruise: Cruise
try {
  cruise = JSON.parse(run.stdout)
} catch {
  console.error(run.stderr || 'dependency-cruiser printed no JSON')
  process.exit(1)
}
const own = cruise.modules.filter((module) => /^(packages|apps|testing)\//.test(module.source))
const arrowsAcross = own
  .flatMap((module) => module.dependencies)
  .filter((to) => to.resolved.startsWith('packages/core/src/')).length
for (const { from, to, rule } of cruise.summary.violations) console.error(`${rule.name}: ${from} → ${to}`)
console.log(`${own.length} modules, ${arrowsAcross} arrows to core, ${cruise.summary.violations.length} violations`)
if (own.length < MODULES_MIN || arrowsAcross === 0) {
  console.error(`Only ${own.length} modules were seen: the check itself is broken.`)
  process.exit(1)
}
process.exit(cruise.summary.violations.length > 0 ? 1 : 0)
