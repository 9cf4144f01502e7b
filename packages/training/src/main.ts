/** `fairtrace-train`, as the training room starts it: reads the release from memory, writes the model and its figures. */
import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { PUBLIC_WORDS } from './public-words.ts'
import { readRelease, tablesIn } from './segments.ts'
import { type Budget, trainBaseline } from './train.ts'

const { values } = parseArgs({ options: { seed: { type: 'string', default: '1' } } })
const release = process.env.FAIRTRACE_RELEASE ?? '/release'
const output = process.env.FAIRTRACE_OUTPUT ?? '/output'
const budget = budgetOf(process.env)
const segments = await readRelease(release)
// A withdrawal's plan says which shards a model has read.
const shards = tablesIn(release).map((file) => relative(release, file))
const { weights, metrics } = trainBaseline(segments, {
  seed: Number(values.seed),
  budget,
  ...(budget === null ? {} : { words: PUBLIC_WORDS }),
})
writeFileSync(join(output, 'model.json'), JSON.stringify(weights))
writeFileSync(join(output, 'metrics.json'), JSON.stringify({ ...metrics, shards }, null, 1))
const percent = (share: number) => `${(100 * share).toFixed(1)} %`
process.stdout.write(
  `accuracy ${percent(metrics.accuracy.model)}, majority ${percent(metrics.accuracy.majority)}, n-gram ${percent(metrics.accuracy.nGram)}\n`,
)

function budgetOf(environment: Readonly<Record<string, string | undefined>>): Budget | null {
  const { FAIRTRACE_EPSILON: epsilon, FAIRTRACE_DELTA: delta, FAIRTRACE_SEGMENTS_MAX: segmentsMax } = environment
  if (epsilon === undefined) return null
  const budget = { epsilon: Number(epsilon), delta: Number(delta), segmentsMax: Number(segmentsMax) }
  const isSound = budget.epsilon > 0 && budget.delta > 0 && budget.delta < 1 && budget.segmentsMax >= 1
  // Fails closed: without all of it nobody knows what would be spent.
  if (!isSound) throw new RangeError('the budget is not whole')
  return budget
}
