/** The extension as it is built, made once a test file in a folder of its own. */
import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Builds the extension. In the mode `testing` the browser gives it loopback addresses from the start, because nobody can answer its
 * question in a test.
 * @returns the folder that the browser loads
 */
export async function buildExtension(
  browser: 'chrome' | 'firefox' = 'chrome',
  mode: 'testing' | 'production' = 'testing',
): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), 'fairtrace-extension-'))
  const wxt = join(ROOT, 'node_modules/wxt/bin/wxt.mjs')
  await run(process.execPath, [wxt, 'build', 'apps/extension', '--mode', mode, '-b', browser, '--mv3'], {
    cwd: ROOT,
    env: { ...process.env, FAIRTRACE_EXTENSION_OUT: outDir },
  })
  return join(outDir, `${browser}-mv3${mode === 'production' ? '' : `-${mode}`}`)
}
