/** `fairtrace risk`: trains attackers on a file of recordings, raw or protected, and says how well people can be found in it. */
import { CONTROLS } from '@fairtrace/risk'
import { Command, Option } from 'commander'
import { riskOfActions } from '../risk/risk-of-actions.ts'
import { riskOfRecordings } from '../risk/risk-of-recordings.ts'
import { RISK_FORMATS, type RiskOptions } from '../risk/risk-options.ts'
import { runCommand, wholeNumber } from '../terminal.ts'

type Options = RiskOptions & { readonly format: (typeof RISK_FORMATS)[number] }

export function riskCommand(): Command {
  return new Command('risk')
    .description('Trains attackers on recordings, raw or protected, and says how well people can be found in them.')
    .argument(
      '[recordings]',
      'a file of many people, plain or gzip; except for actions the one below FAIRTRACE_RECORDINGS if left out',
    )
    .addOption(new Option('--format <format>', 'how it was recorded').choices([...RISK_FORMATS]).makeOptionMandatory())
    .option(
      '--protect <levels>',
      `none, default; except for actions also levels (pointer=cell,keyboard=kind,cap=keys), or a control that must fail (${CONTROLS.join(', ')})`,
      'default',
    )
    .option('--people <count>', 'only the first so many people', (text: string) =>
      wholeNumber('--people', text, 2, 1_000_000),
    )
    .option(
      '--seed <number>',
      'the same seed gives the same report',
      (text: string) => wholeNumber('--seed', text, 0, 2 ** 31 - 1),
      1,
    )
    .option('--json <file>', 'write the whole report there; - for standard output')
    .option('--plot <file>', 'draw attack success against amount of data there, as SVG')
    .action((path: string | undefined, options: Options) =>
      // The report's own --json is a file: a refusal is said in words.
      runCommand({ json: options.json === '-' }, () =>
        options.format === 'actions' ? riskOfActions(path, options) : riskOfRecordings(options.format, path, options),
      ),
    )
}
