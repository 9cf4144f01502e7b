/** `docs/safeguards.md`, made from the catalogue. */
import { PROMISE_CLAIMS } from './case.ts'
import type { Safeguard } from './safeguard.ts'
import { SAFEGUARDS } from './safeguards.ts'

export function safeguardsPage(): string {
  const promises = [...new Set(SAFEGUARDS.map(({ promise }) => promise))].toSorted()
  const sections = promises.flatMap((promise) => [
    `## ${promise}. ${PROMISE_CLAIMS[promise] ?? ''}`,
    '',
    '| safeguard | what holds | drill | what the drill does | owner |',
    '| --- | --- | --- | --- | --- |',
    ...SAFEGUARDS.filter((safeguard) => safeguard.promise === promise).map(row),
    '',
  ])
  return [
    '# Safeguards',
    '',
    'Made from `packages/server/src/assurance/safeguards.ts` by `scripts/safeguards-page.ts`; a test keeps the two equal. How drills, twins and',
    'evidence work: [assurance.md](assurance.md).',
    '',
    ...sections,
  ].join('\n')
}

function row({ id, statement, drill, attack, owner }: Safeguard): string {
  return `| ${id} | ${statement} | \`${drill}\` | ${attack} | ${owner} |`
}
