/**
 * `npm test`: every suite, on real services, ending with one line: `N passed, N failed, N skipped`.
 *
 * What the browser suite needs from Debian it installs when it may; otherwise it says what is skipped, and why.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import process from 'node:process'
import { startVitest } from 'vitest/node'

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

installChromium()
const filters = process.argv.slice(2)
const vitest = await startVitest('test', filters, { watch: false, passWithNoTests: filters.length > 0 })
const counts = { passed: 0, failed: 0, skipped: 0 }
for (const module of vitest.state.getTestModules()) {
  // A file that breaks while it is loaded has no tests to count, and is a failure all the same.
  if (module.state() === 'failed' && [...module.children.allTests()].every((test) => test.result().state !== 'failed'))
    counts.failed++
  for (const test of module.children.allTests()) {
    const { state } = test.result()
    if (state === 'passed') counts.passed++
    else if (state === 'failed') counts.failed++
    else counts.skipped++
  }
}
const unhandled = vitest.state.getUnhandledErrors().length
counts.failed += unhandled
await vitest.close()
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0)

function installChromium(): void {
  if (CHROMIUM.some((path) => existsSync(path))) return
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.error('Installing Chromium for the browser tests (once) …')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    spawnSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 'ignore', 'inherit'], env })
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env,
    })
  }
  if (!CHROMIUM.some((path) => existsSync(path))) {
    console.error(
      'The browser suite is skipped: no Chromium is installed and none may be installed here (apt-get install chromium).',
    )
  }
}
