import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { CATEGORIES, type Category, FairtraceError } from '@fairtrace/core'
import type { Command } from 'commander'
import type { Ask, ChoicesAnswer } from '../control/answers.ts'
import { withAgent } from '../control/ask-agent.ts'
import { printJson, runCommand, say, wholeNumber } from '../terminal.ts'
import { type DeviceOptions, deviceCommand, localTime } from './common.ts'

interface Options extends DeviceOptions {
  readonly notice?: string
  readonly categories?: string
  readonly apps?: string
}

const CATEGORY_WORDS: Readonly<Record<Category, string>> = {
  pointer: 'Mouse: which button or field you click, drag or scroll. Never the path, never a time.',
  keyboard:
    'Keyboard: shortcuts, keys such as Enter, and that you typed something of some kind and length. Never the text.',
  switches: 'Change of app: which of the apps below you change to.',
}

/** Shows what can be chosen and asks; with `--notice`, `--categories` and `--apps` it asks nothing. */
export function consentCommand(): Command {
  return deviceCommand(
    'consent',
    'Shows the notice and what holds now, and takes your choice for each kind of input and each app.',
  )
    .option('--notice <version>', 'version of the notice that you read; says yes without asking, with the two lists')
    .option('--categories <list>', `kinds of input that you allow, separated by commas: ${CATEGORIES.join(', ')}`)
    .option('--apps <list>', 'apps that you allow, separated by commas')
    .action((options: Options) => runCommand(options, () => withAgent(options.device, (ask) => consent(ask, options))))
}

async function consent(ask: Ask, options: Options): Promise<void> {
  const choices = await ask({ ask: 'choices' })
  const { notice, categories, apps, json } = options
  if (notice === undefined) {
    if (categories !== undefined || apps !== undefined) {
      throw new FairtraceError('USAGE', '--categories and --apps need --notice, the version that you read')
    }
    if (json) return printJson(choices)
    return askPerson(ask, choices)
  }
  if (categories === undefined || apps === undefined) {
    throw new FairtraceError('USAGE', 'a yes names its kinds of input and its apps: --categories and --apps')
  }
  const { receipt } = await ask({
    ask: 'consent',
    noticeVersion: wholeNumber('--notice', notice, 1, Number.MAX_SAFE_INTEGER),
    categories: chosen(categories, choices.categories),
    apps: chosen(
      apps,
      choices.apps.map(({ id }) => id),
    ),
    version: choices.consent.version,
  })
  if (json) return printJson({ receipt })
  saidYes(receipt)
}

async function askPerson(ask: Ask, choices: ChoicesAnswer): Promise<void> {
  const { notice, reflectionEndsAtMs, consent: holds, given, nowMs } = choices
  say(notice.text, '', `This is notice ${notice.version} of “${choices.title}”.`, saysHolding(choices))
  if (nowMs < reflectionEndsAtMs) {
    return say(`You have until ${localTime(reflectionEndsAtMs)} to think about it; then you can say yes.`)
  }
  if (!process.stdin.isTTY) {
    return say('To say yes here, give --notice, --categories and --apps; `--help` lists them.')
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    say('', 'Answer y for yes; anything else, or nothing, is no. Ctrl-C leaves everything as it is.')
    const isYes = async (question: string, was: boolean) =>
      /^y(?:es)?$/i.test((await terminal.question(`${question}${was ? ' (yes until now)' : ''} [y/N] `)).trim())
    const categories: Category[] = []
    for (const category of choices.categories) {
      if (await isYes(CATEGORY_WORDS[category], given.categories.includes(category))) categories.push(category)
    }
    const apps: string[] = []
    for (const { id, title } of choices.apps) {
      if (await isYes(`In ${title} (${id})?`, given.apps.includes(id))) apps.push(id)
    }
    if (categories.length === 0 || apps.length === 0) {
      return say('That leaves nothing to record, so nothing was changed and nobody is told.')
    }
    if (
      !(await isYes(`Say yes to ${categories.join(', ')} in ${apps.length} of ${choices.apps.length} apps?`, false))
    ) {
      return say('Nothing was changed.')
    }
    const { receipt } = await ask({
      ask: 'consent',
      noticeVersion: notice.version,
      categories,
      apps,
      version: holds.version,
    })
    saidYes(receipt)
  } finally {
    terminal.close()
  }
}

function saysHolding({ consent, given }: ChoicesAnswer): string {
  if (consent.state !== 'given') return 'You have not said yes. Nothing is recorded.'
  return `You said yes to ${given.categories.join(', ')} in ${given.apps.join(', ')}.`
}

function saidYes(receipt: string): void {
  say('You said yes. `fairtrace-agent start` starts recording; `fairtrace-agent withdraw` ends it for good.')
  say('Keep this receipt:', receipt)
}

/** @throws `USAGE` for what isn't offered */
function chosen<T extends string>(list: string, offered: readonly T[]): T[] {
  const names = list.split(',').map((name) => name.trim())
  if (!names.every((name) => offered.some((one) => one === name))) {
    throw new FairtraceError('USAGE', `the charter offers: ${offered.join(', ')}`)
  }
  return offered.filter((one) => names.includes(one))
}
