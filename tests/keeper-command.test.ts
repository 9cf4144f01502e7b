/** `fairtrace keeper` as its custodian uses it, and as a process that is killed at any moment. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { charterHash, isFairtraceError, parseCharter } from '@fairtrace/core'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { generateX25519 } from '@fairtrace/server/vault/hpke'
import { openKeeperClient } from '@fairtrace/server/vault/keeper-client'
import { CHARTER_YAML, charterApprovals, randomId, TEST_PUBLIC_KEYS, TEST_SEEDS } from '@fairtrace/testing/harness'
import { afterAll, describe, expect, it } from 'vitest'

const MAIN = new URL('../apps/cli/src/main.ts', import.meta.url).pathname
const NODE_ARGS = ['--disable-warning=ExperimentalWarning', MAIN, 'keeper']

describe('fairtrace keeper', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-keeper-command-'))
  const keeper = join(folder, 'keeper')
  const env = { ...process.env, FAIRTRACE_KEEPER_PASSPHRASE: 'only the custodian knows this' }
  let publicKey = ''
  let running: ChildProcess | null = null

  afterAll(() => {
    running?.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  async function fairtrace(args: readonly string[], passphrase = env.FAIRTRACE_KEEPER_PASSPHRASE) {
    return await new Promise<{ code: number; stdout: string }>((resolve) => {
      const options = { env: { ...env, FAIRTRACE_KEEPER_PASSPHRASE: passphrase } }
      execFile(process.execPath, [...NODE_ARGS, ...args, '--keeper', keeper, '--json'], options, (error, stdout) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout })
      })
    })
  }
  const codeOf = (stdout: string): string => JSON.parse(stdout).error.code

  it('makes no keeper with a passphrase that is short enough to guess', async () => {
    const answer = await fairtrace(['init'], 'short')
    expect([codeOf(answer.stdout), answer.code]).toEqual(['USAGE', 2])
  })

  it('makes one, once, and prints its public key', async () => {
    const made = await fairtrace(['init'])
    publicKey = JSON.parse(made.stdout).publicKey
    expect(publicKey).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(codeOf((await fairtrace(['init'])).stdout)).toBe('DATA_DIR_UNUSABLE')
    expect(codeOf((await fairtrace(['status'], 'another passphrase altogether')).stdout)).toBe('KEY_UNAVAILABLE')
  })

  describe('with a charter', () => {
    const charter = () => CHARTER_YAML.replaceAll(TEST_PUBLIC_KEYS.keeper, publicKey)
    const pin = async (yaml: string, approvals: unknown) => {
      const [charterFile, approvalsFile] = [join(folder, 'charter.yaml'), join(folder, 'approvals.json')]
      writeFileSync(charterFile, yaml)
      writeFileSync(approvalsFile, JSON.stringify(approvals))
      return await fairtrace(['pin', '--charter', charterFile, '--approvals', approvalsFile])
    }

    it('pins none that names another keeper, or that its approvers have not signed', async () => {
      const hashOf = (yaml: string) => charterHash(parseCharter(yaml, 'charter.yaml'))
      expect(codeOf((await pin(CHARTER_YAML, charterApprovals(hashOf(CHARTER_YAML)))).stdout)).toBe('KEEPER_REFUSED')
      expect(codeOf((await pin(charter(), charterApprovals(hashOf(charter())).slice(0, 1))).stdout)).toBe(
        'KEEPER_REFUSED',
      )
      expect(JSON.parse((await pin(charter(), charterApprovals(hashOf(charter())))).stdout)).toMatchObject({
        programme: 'test-programme',
        charter: hashOf(charter()),
      })
    })

    it('loses nothing that it acknowledged to kill -9 at any moment, and brings nothing back that it destroyed', async () => {
      let url = await start(0)
      const port = Number(new URL(url).port)
      const line = () =>
        openKeeperClient({ url, key: publicKey }, signerFromSeed(TEST_SEEDS.vault), { nowMs: () => Date.now() })
      const kept = new Map<string, string>()
      let made = 0
      const erased: { pseudonym: string; generation: number }[] = []
      for (const afterMs of [150, 300, 450]) {
        const deadline = performance.now() + afterMs
        const kill = setTimeout(() => running?.kill('SIGKILL'), afterMs)
        while (performance.now() < deadline) {
          const person = { pseudonym: randomId(), generation: 1 }
          const vaultKey = generateX25519().publicKeyRaw.toString('base64url')
          try {
            const { result } = await line().call<'make-shares'>({
              call: 'make-shares',
              people: [{ ...person, vaultKey }],
            })
            kept.set(`${person.pseudonym} ${vaultKey}`, result.keys[0]?.keeperKey ?? '')
            if (++made % 3 === 0) {
              await line().call<'erase'>({ call: 'erase', people: [person] })
              kept.delete(`${person.pseudonym} ${vaultKey}`)
              erased.push(person)
            }
          } catch (error) {
            // Killed in between: what was not acknowledged may be there or not.
            if (!isFairtraceError(error) || error.code !== 'KEEPER_UNREACHABLE') throw error
            kept.delete(`${person.pseudonym} ${vaultKey}`)
            break
          }
        }
        clearTimeout(kill)
        running?.kill('SIGKILL')
        if (running !== null && running.exitCode === null && running.signalCode === null) await once(running, 'exit')
        url = await start(port)
      }
      expect(kept.size).toBeGreaterThan(3)
      expect(erased.length).toBeGreaterThan(0)
      for (const [name, keeperKey] of kept) {
        const [pseudonym = '', vaultKey = ''] = name.split(' ')
        const people = [{ pseudonym, generation: 1, vaultKey }]
        const { result } = await line().call<'make-shares'>({ call: 'make-shares', people })
        expect(result.keys[0]?.keeperKey).toBe(keeperKey)
      }
      const { result } = await line().call<'which-erased'>({ call: 'which-erased', people: erased })
      expect(result.people).toEqual(erased)
      running?.kill('SIGTERM')
      if (running !== null) await once(running, 'exit')
    })

    it('says what it holds, and how many it destroyed', async () => {
      const status = JSON.parse((await fairtrace(['status'])).stdout)
      expect(status).toMatchObject({ publicKey, programme: 'test-programme', epoch: 0, grants: 0 })
      const report = JSON.parse((await fairtrace(['erase-report'])).stdout)
      expect(report).toEqual({ erased: status.erased, people: status.people })
      expect(report.erased).toBeGreaterThan(0)
      expect(JSON.parse((await fairtrace(['end-grant', 'A'.repeat(43)])).stdout)).toEqual({
        grant: 'A'.repeat(43),
        ended: true,
      })
      expect(codeOf((await fairtrace(['end-grant', 'no-hash'])).stdout)).toBe('USAGE')
    })
  })

  async function start(port: number): Promise<string> {
    const args = [...NODE_ARGS, 'run', '--keeper', keeper, '--port', String(port), '--json']
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
    running = child
    let printed = ''
    for await (const chunk of child.stdout) {
      printed += String(chunk)
      if (printed.trimEnd().endsWith('}')) break
    }
    return JSON.parse(printed).address
  }
})
