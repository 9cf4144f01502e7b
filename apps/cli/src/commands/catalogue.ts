/**
 * `fairtrace catalogue`: the labels of an app's interface, for a person to review and put into a charter. What it prints may
 * leave devices afterwards, so it is taken from an empty account, and nothing is written anywhere.
 */
import { once } from 'node:events'
import process from 'node:process'
import { appIdPattern, FairtraceError } from '@fairtrace/core'
import { Command } from 'commander'
import { catalogueYaml, makeCatalogue, type SeenLabel } from '../catalogue/catalogue.ts'
import { readDesktopLabels } from '../catalogue/desktop-labels.ts'
import { readWebLabels } from '../catalogue/web-labels.ts'
import { printJson, runCommand } from '../terminal.ts'

interface Options {
  readonly headless?: boolean
  readonly also: readonly string[]
  readonly browser?: string
  readonly json?: boolean
}

export function catalogueCommand(): Command {
  return new Command('catalogue')
    .description("Extracts an app's interface labels for a charter, from an empty account, for a person to review.")
    .argument('<app>', 'address of a web app, or desktop:<name> of an app that runs here')
    .option('--headless', 'open no window: only the pages named, without signing in')
    .option('--also <path...>', 'with --headless: further pages of the same site', [])
    .option('--browser <file>', 'the Chromium or Chrome to open')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nA window opens: sign in to an account that holds nobody’s data, visit the pages, open the menus and dialogs that people use,' +
        '\nand close the window. The catalogue goes to standard output. Labels that look personal are left out, each with its reason.',
    )
    .action((app: string, options: Options) => runCommand(options, () => catalogue(app, options)))
}

async function catalogue(app: string, options: Options): Promise<void> {
  const { id, title, seen } = app.startsWith('desktop:')
    ? { id: app, title: app.slice('desktop:'.length), seen: await readDesktopLabels(requireAppId(app)) }
    : await ofSite(app, options)
  if (seen.length === 0) throw new FairtraceError('CATALOGUE_EMPTY', 'no label was seen')
  const made = makeCatalogue(id, title, seen)
  if (options.json === true) printJson(made)
  else process.stdout.write(catalogueYaml(made))
  process.stderr.write(`${made.labels.length} labels, ${made.leftOut.length} left out. Review every line.\n`)
}

async function ofSite(app: string, options: Options) {
  const url = parseUrl(app)
  const id = requireAppId(`web:${url.origin}`)
  if (options.headless !== true) {
    process.stderr.write(
      'A browser opens. Sign in to an account that holds nobody’s data, visit the pages that people use, then close the window.\n',
    )
  }
  const seen: readonly SeenLabel[] = await readWebLabels(url, {
    headless: options.headless === true,
    also: options.also,
    browser: options.browser ?? null,
    onSeen: (count) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${count} labels seen `)
    },
    ended: once(process, 'SIGINT').then(() => undefined),
  })
  if (process.stderr.isTTY) process.stderr.write('\r')
  return { id, title: url.hostname, seen }
}

/** @throws `USAGE` */
function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new FairtraceError('USAGE', 'name a web app by its address (https://…), a desktop app as desktop:<name>')
  }
  return url
}

/** @throws `USAGE` */
function requireAppId(id: string): string {
  if (!appIdPattern.test(id)) throw new FairtraceError('USAGE', 'a charter can’t list an app of this name')
  return id
}
