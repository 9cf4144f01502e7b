/**
 * The data sheet, `README.md`: the card in words, for the person who opens the folder.
 *
 * Its front matter is what Hugging Face `datasets` reads: `load_dataset('<folder>')` loads the actions,
 * `load_dataset('<folder>', 'trajectories')` the AgentNet lines.
 */
import type { CardFacts } from './croissant.ts'
import { COLUMNS } from './parquet.ts'
import { STATEMENTS } from './statements.ts'

export function dataSheet(facts: CardFacts): string {
  const { charter, counts, name, shards } = facts
  const trajectories = shards.some((shard) => shard.path.endsWith('.jsonl'))
  const totals = Object.entries({
    People: counts.people,
    Segments: counts.segments,
    Actions: counts.actions,
    Trajectories: counts.trajectories,
    Schematics: counts.images,
  }).flatMap(([what, count]) => (typeof count !== 'number' ? [] : [`| ${what} | ${count} |`]))
  return `---
pretty_name: ${JSON.stringify(name)}
configs:
  - config_name: actions
    default: true
    data_files: [{ split: train, path: "data/train-*.parquet" }]
${trajectories ? '  - config_name: trajectories\n    data_files: [{ split: train, path: "agentnet/train-*.jsonl" }]\n' : ''}---
# ${name}

${STATEMENTS.summary}
${charter.demonstration ? `${STATEMENTS.demonstration}\n` : ''}
Programme: ${inline(charter.title)} (${charter.programme}), charter version ${charter.version}.
Purpose: ${inline(charter.purpose.sentence)}
${STATEMENTS.licence}

| | |
| --- | --- |
${totals.join('\n')}

Counts below ${charter.release.k} are not shown.

## What was done
${list([...STATEMENTS.preprocessing(charter), STATEMENTS.bound(facts.cap), STATEMENTS.gate(facts.gate)])}

## What to know before training on it
${list(STATEMENTS.limitations)}
- ${STATEMENTS.biases}
- ${STATEMENTS.missing}

## About people
${STATEMENTS.collection}
${STATEMENTS.personal(charter)}
${STATEMENTS.maintenance}

## Files
Encrypted, each under its SHA-256 in \`shards/\`; a training room, or an export where the charter allows one, opens them under these names:
- \`data/\`: Parquet, one row for each action. \`csv/\`: the same as CSV.
${trajectories ? '- `agentnet/`: AgentNet (OpenCUA) JSON lines, one trajectory each; `schematic/`: their pictures, named by content.\n' : ''}- \`croissant.json\`: this sheet for machines. \`lineage.json\`: where it comes from (W3C PROV). \`manifest.json\`, \`manifest.jws\`: every file with its digest, signed.
- \`charter.yaml\`: the charter under which this was collected. \`fairtrace verify\` checks all of it, offline.

| column | type | meaning |
| --- | --- | --- |
${COLUMNS.map((column) => `| ${column.name} | ${column.type} | ${column.meaning} |`).join('\n')}
`
}

const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n')

/** The charter's words are text here, whatever they contain. */
const inline = (text: string): string => text.replaceAll(/[\r\n]+/g, ' ').replaceAll(/[\\`*_[\]<>#|]/g, (c) => `\\${c}`)
