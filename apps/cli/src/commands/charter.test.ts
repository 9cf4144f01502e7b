import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { charterHash, parseCharter } from '@fairtrace/core'
import { CHARTER_YAML, charterApproval, TEST_SEEDS } from '@fairtrace/testing/harness'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const MAIN = new URL('../main.ts', import.meta.url).pathname

describe('fairtrace charter', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fairtrace-charter-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const written = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const wider = CHARTER_YAML.replace('version: 1\ntitle', 'version: 2\ntitle').replace(
    '{ group: agent-training, sizeMax: 4, grantMax: 8 hours }',
    '{ group: everybody, sizeMax: 80000, grantMax: 8 hours }',
  )
  const groups = JSON.stringify({ 'agent-training': ['ada', 'grace', 'edsger', 'barbara'], everybody: 71_312 })

  describe('plan', () => {
    it('refuses a charter of another programme, and one whose version does not rise', async () => {
      const old = written('old.yaml', CHARTER_YAML)
      const other = written('other.yaml', CHARTER_YAML.replace('test-programme', 'other-programme'))
      for (const next of [other, old]) {
        const { code, stdout } = await fairtrace('plan', old, next, '--json')
        expect([code, JSON.parse(stdout).error.code]).toEqual([5, 'CHARTER_NOT_IN_FORCE'])
      }
    })

    it('refuses groups that are no lists of people, without a word of what they hold', async () => {
      const old = written('old.yaml', CHARTER_YAML)
      const { code, stdout } = await fairtrace(
        'plan',
        old,
        written('next.yaml', wider),
        '--groups',
        written('g.json', '{"a":{"secret":1}}'),
        '--json',
      )
      expect([code, JSON.parse(stdout).error.code]).toEqual([3, 'INPUT_UNREADABLE'])
      expect(stdout).not.toContain('secret')
    })

    it('counts readers from the groups, before and after', async () => {
      const args = [
        written('old.yaml', CHARTER_YAML),
        written('next.yaml', wider),
        '--groups',
        written('g.json', groups),
      ]
      const { code, stdout } = await fairtrace('plan', ...args)
      expect(code).toBe(0)
      expect(stdout).toContain('this WIDENS the charter')
      expect(stdout).toContain('readers 4 → 71,312')
      expect(stdout).toContain('agent-training: 4 people, 8 hours at a time → no access')
      expect(stdout).toContain('the countersignature of a worker representative: Robin Okafor')
      expect(stdout).toContain('14 days of notice')
      const plan = JSON.parse((await fairtrace('plan', ...args, '--json')).stdout)
      expect(plan).toMatchObject({ effect: 'widens', readers: { before: { count: 4 }, after: { count: 71_312 } } })
    })

    it('takes the charter’s own maximum for a group that nobody counted, and says so', async () => {
      const { stdout } = await fairtrace('plan', written('old.yaml', CHARTER_YAML), written('next.yaml', wider))
      expect(stdout).toContain('readers at most 4 → at most 80,000')
    })

    it('says that a narrowing waits for nothing', async () => {
      const narrower = CHARTER_YAML.replace('version: 1\ntitle', 'version: 2\ntitle').replace('k: 5', 'k: 9')
      const { stdout } = await fairtrace('plan', written('old.yaml', CHARTER_YAML), written('next.yaml', narrower))
      expect(stdout).toContain('release.k: 5 → 9')
      expect(stdout).toContain('It applies at once, to everybody.')
    })
  })

  describe('init', () => {
    it('writes a charter whose only faults are the places to fill in, and never over a file', async () => {
      const file = join(folder, 'mine.yaml')
      expect((await fairtrace('init', file)).code).toBe(0)
      const lines = readFileSync(file, 'utf8').split('\n')
      const { code, stdout } = await fairtrace('check', file)
      expect(code).toBe(3)
      const faulty = stdout
        .trim()
        .split('\n')
        .map((fault) => Number(fault.split(':')[1]))
      for (const line of faulty) expect(lines.slice(line - 1, line + 5).join('\n')).toContain('FILL-IN')
      expect(faulty.length).toBeGreaterThan(20)
      expect((await fairtrace('init', file)).code).toBe(2)
    })
  })

  describe('sign', () => {
    it('refuses a key file that is none, and does not quote it', async () => {
      const { code, stderr } = await fairtrace(
        'sign',
        written('c.yaml', CHARTER_YAML),
        '--key',
        written('k.json', '{"seed":"hidden"}'),
      )
      expect(code).toBe(3)
      expect(stderr).not.toContain('hidden')
    })

    it('signs the charter’s hash as its approver', async () => {
      const key = written('k.json', JSON.stringify({ name: 'Dana Weiss', seed: TEST_SEEDS.dataProtection }))
      const { stdout } = await fairtrace('sign', written('c.yaml', CHARTER_YAML), '--key', key)
      const charter = charterHash(parseCharter(CHARTER_YAML, 'c.yaml'))
      expect(JSON.parse(stdout)).toEqual({
        charter,
        ...charterApproval(charter, 'Dana Weiss', TEST_SEEDS.dataProtection),
      })
    })
  })

  it('says where nothing runs that a charter could be sent to', async () => {
    const file = written('c.yaml', CHARTER_YAML)
    for (const args of [
      ['apply', file, '--data', folder],
      ['apply', file, '--server', 'http://127.0.0.1:9', '--session', 'x'],
    ]) {
      const { code, stdout } = await fairtrace(...args, '--json')
      expect([code, JSON.parse(stdout).error.code]).toEqual([6, 'SERVER_UNREACHABLE'])
    }
  })
})

function fairtrace(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const argv = ['--disable-warning=ExperimentalWarning', MAIN, 'charter', ...args]
    execFile(process.execPath, argv, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}
