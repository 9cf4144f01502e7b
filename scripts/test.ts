/**
 * `npm test`: every suite, on real services, ending with one line: `N passed, N failed, N skipped`.
 *
 * What the browser suite and the agent's tests need from Debian it installs when it may, in one go; otherwise it says what is
 * skipped, and why.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { startVitest } from 'vitest/node'

/** What a test needs, where it stands once it is installed, and the Debian packages that bring it. */
const NEEDED = [
  {
    what: 'Chromium',
    at: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
    packages: ['chromium'],
  },
  { what: 'an X server', at: tool('Xvfb'), packages: ['xvfb'] },
  { what: 'an X keyboard map', at: tool('setxkbmap'), packages: ['x11-xkb-utils'] },
  { what: 'a window manager', at: tool('openbox'), packages: ['openbox'] },
  { what: 'xdotool', at: tool('xdotool'), packages: ['xdotool'] },
  { what: 'a session bus', at: tool('dbus-daemon'), packages: ['dbus'] },
  {
    what: 'an accessibility bus',
    at: ['/usr/libexec/at-spi-bus-launcher', '/usr/lib/at-spi2-core/at-spi-bus-launcher'],
    packages: ['at-spi2-core'],
  },
  { what: 'GTK in Python', at: ['/usr/lib/python3/dist-packages/gi'], packages: ['python3-gi'] },
  {
    what: 'GTK 3',
    at: gobjectTypelib('Gtk-3.0'),
    packages: ['gir1.2-gtk-3.0'],
  },
  { what: 'a keyring', at: tool('gnome-keyring-daemon'), packages: ['gnome-keyring'] },
  { what: 'a debugger', at: tool('gcore'), packages: ['gdb'] },
] as const satisfies readonly { what: string; at: readonly string[]; packages: readonly string[] }[]

installNeeded()
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

function tool(name: string): readonly string[] {
  return ['/usr/bin', '/usr/local/bin', '/bin'].map((folder) => join(folder, name))
}

function gobjectTypelib(name: string): readonly string[] {
  const machine = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
  return [`/usr/lib/${machine}/girepository-1.0`, '/usr/lib/girepository-1.0'].map((folder) =>
    join(folder, `${name}.typelib`),
  )
}

function isMissing({ at }: { readonly at: readonly string[] }): boolean {
  return !at.some((path) => existsSync(path))
}

function installNeeded(): void {
  const missing = NEEDED.filter(isMissing)
  if (missing.length > 0 && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const packages = missing.flatMap((needed) => [...needed.packages])
    console.error(`Installing what the tests need (once): ${packages.join(' ')} …`)
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    spawnSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 'ignore', 'inherit'], env })
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env,
    })
  }
  for (const { what, packages } of NEEDED.filter(isMissing)) {
    console.error(
      `Tests that need ${what} are skipped: it may not be installed here (apt-get install ${packages.join(' ')}).`,
    )
  }
}
