/** Rolling the key-encryption key, killed at each of its steps. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { Keystore } from '@fairtrace/server/vault/keystore'
import { openLocalKms } from '@fairtrace/server/vault/kms-local'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const child = fileURLToPath(new URL('./key-roll.child.ts', import.meta.url))
const PEOPLE = 4

describe('rolling the key-encryption key', () => {
  let root: string
  let origin: string
  const secrets = Array.from({ length: PEOPLE }, () => randomBytes(32))
  const open = (folder: string) =>
    new Keystore(folder, openLocalKms(join(folder, 'local-kms'), 'a passphrase for tests'))

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'fairtrace-roll-'))
    origin = join(root, 'origin')
    const store = open(origin)
    await store.putParticipants(secrets.map((privateKey, i) => ({ pseudonym: `p${i}`, generation: 1, privateKey })))
    store.close()
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  /** @returns how many steps it took, or null if it was killed */
  function roll(folder: string, killAt: number): number | null {
    try {
      const args = ['--disable-warning=ExperimentalWarning', child, folder, String(killAt), '20000']
      return Number(execFileSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString())
    } catch {
      // Killed, as it was told.
      return null
    }
  }

  it('loses no key and leaves no old one, wherever it is killed', async () => {
    const whole = join(root, 'whole')
    cpSync(origin, whole, { recursive: true })
    const steps = roll(whole, 0)
    if (steps === null) throw new RangeError('the roll did not end')
    expect(steps).toBeGreaterThan(15)
    for (let killAt = 1; killAt <= steps; killAt++) {
      const folder = join(root, `killed-${killAt}`)
      cpSync(origin, folder, { recursive: true })
      expect(roll(folder, killAt)).toBeNull()
      // Everything opens as it lies now.
      await expectAll(folder)
      expect(roll(folder, 0)).not.toBeNull()
      await expectAll(folder)
      const store = open(folder)
      expect([killAt, store.wrappingKeys.rows().map(({ state, madeOnDay }) => [state, madeOnDay])]).toEqual([
        killAt,
        [['current', 20_000]],
      ])
      store.close()
      // No key without a row, and the destruction stands in the log.
      expect(readdirSync(join(folder, 'local-kms')).filter((name) => name.endsWith('.key')).length).toBe(1)
      expect(readFileSync(join(folder, 'log'), 'utf8')).toContain('destroying')
    }
  })

  async function expectAll(folder: string): Promise<void> {
    const store = open(folder)
    for (const [i, secret] of secrets.entries()) expect(await store.participant(`p${i}`, 1)).toEqual(secret)
    store.close()
  }
})
