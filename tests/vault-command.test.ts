/** `fairtrace vault check`, as an operator runs it against a running installation. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { DataDir, type Embedded, startEmbedded } from '@fairtrace/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEMO_CLOCK_START_MS, runCycle } from '../apps/cli/src/demo/cycle.ts'

const ENTRY = fileURLToPath(new URL('../apps/cli/src/main.ts', import.meta.url))

describe('fairtrace vault check', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-check-'))
  const dir = new DataDir(join(folder, 'data'))
  let embedded: Embedded

  beforeAll(async () => {
    embedded = await startEmbedded({
      dir,
      kindIfNew: 'demonstration',
      host: '127.0.0.1',
      port: 0,
      entry: ENTRY,
      clockOffsetIfNewMs: -DEMO_CLOCK_START_MS,
    })
    await runCycle(embedded, dir, { participants: 6, recordings: null })
  })
  afterAll(async () => {
    await embedded?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const check = (...args: string[]) => {
    const all = ['--disable-warning=ExperimentalWarning', ENTRY, 'vault', 'check', '--data', dir.root, ...args]
    const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8' })
    return { status, stdout, stderr }
  }

  it('refuses a rate that is none', () => {
    expect(check('--rate', 'fast')).toMatchObject({ status: 2 })
  })

  it('ends with 0 where everything is as it was written', () => {
    const { status, stdout } = check('--json')
    expect([status, JSON.parse(stdout)]).toMatchObject([0, { findings: [] }])
    expect(JSON.parse(stdout).bytes).toBeGreaterThan(0)
  })

  it('ends with 4 and says what was found', () => {
    writeFileSync(dir.path('objects', 'segments', 'planted'), 'x')
    expect(check().stdout).toContain('the index does not name: segments/planted')
    const { status, stdout } = check('--json')
    expect([status, JSON.parse(stdout)]).toMatchObject([
      4,
      { findings: [{ kind: 'object-unnamed', what: 'segments/planted' }] },
    ])
  })
})
