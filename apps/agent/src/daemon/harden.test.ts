import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { describe, expect, it } from 'vitest'
import { dumps, refuseExposed } from './harden.ts'

const HARDEN = new URL('./harden.ts', import.meta.url).href

describe('refuseExposed', () => {
  it.each([
    '--inspect',
    '--inspect=0.0.0.0:9229',
    '--inspect-brk',
    '--heapsnapshot-signal=SIGUSR2',
    '--heapsnapshot-near-heap-limit=1',
    '--heap-prof',
    '--report-on-signal',
    '--report-uncaught-exception',
    '--diagnostic-dir=/tmp',
    '--abort-on-uncaught-exception',
    '--require=/tmp/evil.js',
    '-r',
    '--import=/tmp/evil.mjs',
    '--trace-events-enabled',
  ])('refuses %s, wherever it stands', (flag) => {
    expect(() => refuseExposed([flag], undefined)).toThrow(expect.objectContaining({ code: 'AGENT_EXPOSED' }))
    expect(() => refuseExposed([], `--max-old-space-size=128 ${flag}`)).toThrow(
      expect.objectContaining({ code: 'AGENT_EXPOSED' }),
    )
  })

  it('lets what opens nothing pass', () => {
    expect(() => refuseExposed(['--disable-warning=ExperimentalWarning', '--disable-sigusr1'], '')).not.toThrow()
    expect(() => refuseExposed([], '--max-old-space-size=128')).not.toThrow()
  })
})

describe.skipIf(process.platform !== 'linux')('forbidDumps (on Linux)', () => {
  it('leaves a process of which the kernel writes no core, and whose inspector no signal opens', () => {
    const script = `
      import { dumps, forbidDumps } from '${HARDEN}'
      import inspector from 'node:inspector'
      const before = dumps(process.pid)
      forbidDumps()
      process.kill(process.pid, 'SIGUSR1')
      setTimeout(() => console.log(JSON.stringify([before, dumps(process.pid), inspector.url() ?? null])), 200)`
    const run = spawnSync(
      '/bin/sh',
      [
        '-c',
        'ulimit -c unlimited 2>/dev/null; exec "$@"',
        'sh',
        process.execPath,
        '--disable-warning=ExperimentalWarning',
        '--input-type=module',
        '-e',
        script,
      ],
      { encoding: 'utf8' },
    )
    const [, after, url] = JSON.parse(run.stdout)
    expect([after, url]).toEqual(['off', null])
  })

  it('says what it does not know', () => {
    expect(dumps(2 ** 22 + 1)).toBe('unknown')
  })
})
