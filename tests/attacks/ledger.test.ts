/**
 * Attacks on the ledger by whoever runs it: the real ledger process, a witness that is a process of its own, and a verifier.
 * Each fault is planted, and has to be found by the witness, by `fairtrace verify`, or by the ledger itself.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { charterHash, ledgerOrigin, parseCharter } from '@fairtrace/core'
import { signNote } from '@fairtrace/ledger'
import { appendToLedger } from '@fairtrace/server/ledger/append'
import { ledgerProof } from '@fairtrace/server/ledger/proof'
import { readLedgerFile } from '@fairtrace/server/ledger/tiles'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import {
  CHARTER_YAML,
  ledgerContext,
  type RoleProcess,
  startRoleProcess,
  startTestDatabase,
  type TestDatabase,
} from '@fairtrace/testing/harness'
import { charterPolicy, trustPolicy, verifyCommitted } from '@fairtrace/verify'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))
const ORIGIN = ledgerOrigin('test-programme')
const LEDGER_TABLES = ['inbox', 'entries', 'tiles', 'checkpoints'].map((name) => `ledger.${name}`)

let server: TestDatabase
let superuser: OpenDatabase
let caller: OpenDatabase
let folder: string
let ledger: RoleProcess | null = null
let web: Server
let address = ''
/** What the log shows in place of its own files; null keeps a file back. */
const tampered = new Map<string, (bytes: Buffer | null) => Buffer | null>()
const stopping: (() => Promise<void>)[] = []

const file = (name: string) => join(folder, name)

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

async function fairtrace(...args: readonly string[]): Promise<Ended> {
  const running = spawn(process.execPath, ['--no-warnings', MAIN, ...args])
  let [out, err] = ['', '']
  running.stdout.on('data', (chunk) => (out += chunk))
  running.stderr.on('data', (chunk) => (err += chunk))
  const [code] = await once(running, 'close')
  return { code, out, err }
}

/** One look of a witness that only polls. */
const look = (dir = 'poller') =>
  fairtrace('witness', '--dir', file(dir), '--charter', file('charter.yaml'), '--poll', address, '--once', '--json')
const verify = (path: string, ...args: readonly string[]) =>
  fairtrace('verify', path, '--charter', file('charter.yaml'), '--json', ...args)

interface Listening {
  readonly key: string
  readonly url: string
  stop(): Promise<void>
}

async function startWitness(name: string, listen = '127.0.0.1:0'): Promise<Listening> {
  const args = ['witness', '--dir', file(name), '--name', `${name}.example`, '--listen', listen, '--json']
  const running = spawn(process.execPath, ['--no-warnings', MAIN, ...args, '--charter', file('charter.yaml')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const facts: Record<string, unknown> = {}
  for await (const line of createInterface({ input: running.stdout })) {
    Object.assign(facts, JSON.parse(line))
    if ('listening' in facts) break
  }
  const gone = once(running, 'close')
  const stop = async () => {
    running.kill('SIGTERM')
    await gone
  }
  stopping.push(stop)
  return { key: String(facts.key), url: String(facts.listening), stop }
}

/** Puts a charter with these witnesses in force. */
async function trust(...witnesses: readonly { name: string; key: string; url: string }[]): Promise<void> {
  const listed = witnesses.map(({ name, key, url }) => `    - { name: ${name}, key: ${key}, url: "${url}" }\n`)
  const field = witnesses.length === 0 ? '' : `ledger:\n  quorum: ${witnesses.length}\n  witnesses:\n${listed.join('')}`
  const yaml = `${CHARTER_YAML}${field}`
  writeFileSync(file('charter.yaml'), yaml)
  await superuser.pool.query('delete from install.programme')
  await superuser.pool.query(`insert into install.programme values ('test-programme', 'running', 0, $1, $2)`, [
    charterHash(parseCharter(yaml, 'charter.yaml')),
    yaml,
  ])
}

const charter = () => parseCharter(readFileSync(file('charter.yaml'), 'utf8'), 'charter.yaml')
const append = (detail: unknown) => appendToLedger(caller, 'test.entry', detail, { waitForCheckpoint: true })

async function appendMany(from: number, to: number): Promise<void> {
  await Promise.all(Array.from({ length: to - from }, (_, i) => append({ i: from + i })))
}

async function startHere(): Promise<void> {
  ledger = await startRoleProcess(ledgerContext(server.url('ledger')))
}

async function stopHere(): Promise<void> {
  await ledger?.stop()
  ledger = null
}

async function keepBackup(): Promise<void> {
  for (const table of LEDGER_TABLES) await superuser.pool.query(`create table ${table}_kept as select * from ${table}`)
}

async function restoreBackup(): Promise<void> {
  await superuser.pool.query(`truncate ${LEDGER_TABLES.join(', ')}`)
  for (const table of LEDGER_TABLES.slice(1)) {
    await superuser.pool.query(`insert into ${table} select * from ${table}_kept`)
  }
}

/** The only evidence that a witness kept, and its file. */
function evidenceOf(dir: string): { readonly path: string; readonly kind: string } {
  const [name = '', ...more] = readdirSync(join(file(dir), 'evidence'))
  expect(more).toEqual([])
  const path = join(file(dir), 'evidence', name)
  return { path, kind: JSON.parse(readFileSync(path, 'utf8')).kind }
}

beforeAll(async () => {
  server = await startTestDatabase()
  superuser = openDatabase(server.superuserUrl, 2)
  caller = openDatabase(server.url('portal'), 4)
  web = createServer(async (request, response) => {
    const path = request.url ?? ''
    const own = await readLedgerFile(caller, path)
    const shown = (tampered.get(path) ?? ((bytes: Buffer | null) => bytes))(own)
    response.writeHead(shown === null ? 404 : 200).end(shown)
  })
  web.listen(0, '127.0.0.1')
  await once(web, 'listening')
  address = `http://127.0.0.1:${(web.address() as AddressInfo).port}`
})
afterAll(async () => {
  web.closeAllConnections()
  web.close()
  await superuser.close()
  await caller.close()
  await server.stop()
})
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairtrace-witness-'))
  await superuser.pool.query(
    `truncate ${LEDGER_TABLES.join(', ')}, install.exposures restart identity;
     ${LEDGER_TABLES.map((table) => `drop table if exists ${table}_kept`).join(';')}`,
  )
  await trust()
})
afterEach(async () => {
  tampered.clear()
  await stopHere()
  for (const stop of stopping.splice(0)) await stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('a log that shows two histories', () => {
  it.each([
    ['of the same length', 30, 30, 'split-view'],
    ['of which the second is longer', 30, 45, 'inconsistent'],
    ['of which the second is longer, and the first a power of two', 32, 45, 'inconsistent'],
  ])('is caught by its own signatures: %s', async (_what, first, second, kind) => {
    await startHere()
    await appendMany(0, first)
    expect((await look()).code).toBe(0)
    await stopHere()
    await superuser.pool.query(`truncate ${LEDGER_TABLES.join(', ')} restart identity`)
    await startHere()
    await appendMany(1_000, 1_000 + second)
    const { code, err } = await look()
    expect(code).toBe(4)
    expect(err).toContain('ALARM')
    const evidence = evidenceOf('poller')
    expect(evidence.kind).toBe(kind)
    expect(JSON.parse((await verify(evidence.path)).out)).toMatchObject({ verified: true, isProof: 'true' })
    // It goes on refusing: what it has seen stays.
    expect((await look()).code).toBe(4)
  })

  it('can’t be framed: evidence with a changed root, or about another log, is none', async () => {
    await startHere()
    await appendMany(0, 20)
    await look()
    await appendMany(20, 40)
    const checkpoint = String(await readLedgerFile(caller, '/checkpoint'))
    const stranger = signerFromSeed(Buffer.alloc(32, 7).toString('base64url'))
    const forged = signNote(`${ORIGIN}\n40\n${Buffer.alloc(32, 7).toString('base64')}\n`, { name: ORIGIN, ...stranger })
    const evidence = { v: 1, kind: 'split-view', origin: ORIGIN, seen: checkpoint, offered: forged, found: '', atMs: 1 }
    writeFileSync(file('framed.json'), JSON.stringify(evidence))
    expect((await verify(file('framed.json'))).code).toBe(4)
    writeFileSync(file('framed.json'), JSON.stringify({ ...evidence, offered: checkpoint }))
    expect((await verify(file('framed.json'))).code).toBe(4)
  })
})

describe('a log that goes back', () => {
  it('is caught by a witness that polls it', async () => {
    await startHere()
    await appendMany(0, 10)
    await keepBackup()
    await appendMany(10, 300)
    await look()
    await stopHere()
    await restoreBackup()
    const { code, out } = await look()
    expect(code).toBe(4)
    expect(out).toContain('LEDGER_MISBEHAVED')
    const evidence = evidenceOf('poller')
    expect(evidence.kind).toBe('rollback')
    expect(JSON.parse((await verify(evidence.path)).out)).toMatchObject({ isProof: 'false', offeredSize: 10 })
  })

  it('notices it itself, by its witness, before it signs anything more', async () => {
    const witness = await startWitness('union')
    await trust({ name: 'union.example', ...witness })
    await startHere()
    await appendMany(0, 10)
    await keepBackup()
    await appendMany(10, 300)
    await stopHere()
    await restoreBackup()
    await startHere()
    await expect(append({ after: 'the backup' })).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
    const { rows } = await superuser.pool.query('select kind, detail from install.exposures')
    expect(rows).toEqual([{ kind: 'ledger-rolled-back', detail: { witness: 'union.example', ours: 10, seen: 300 } }])
    const { rows: sizes } = await superuser.pool.query('select max(size) as size from ledger.checkpoints')
    expect(sizes).toEqual([{ size: 10 }])
  }, 60_000)

  it('finds its other history by its witness', async () => {
    const witness = await startWitness('union')
    await trust({ name: 'union.example', ...witness })
    await startHere()
    await appendMany(0, 10)
    await stopHere()
    await superuser.pool.query(`truncate ${LEDGER_TABLES.join(', ')} restart identity`)
    await trust()
    await startHere()
    await appendMany(100, 140)
    await stopHere()
    await trust({ name: 'union.example', ...witness })
    await startHere()
    await expect(append({ after: 'the fork' })).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
    const { rows } = await superuser.pool.query('select kind from install.exposures')
    expect(rows).toEqual([{ kind: 'ledger-split' }])
  }, 60_000)
})

describe('a log that keeps back what it signed', () => {
  it.each([
    ['its last tile is missing', '/tile/0/001.p/44', () => null],
    [
      'a tile is wider than it says',
      '/tile/0/001.p/44',
      (bytes: Buffer | null) => Buffer.concat([bytes ?? Buffer.of(), Buffer.alloc(32)]),
    ],
    ['a tile is narrower than it says', '/tile/0/000', (bytes: Buffer | null) => bytes?.subarray(32) ?? null],
    ['a leaf is another one', '/tile/0/000', (bytes: Buffer | null) => bytes && Buffer.from(bytes).fill(1, 320, 352)],
    [
      'an entry is another one',
      '/tile/entries/001.p/44',
      (bytes: Buffer | null) =>
        bytes &&
        Buffer.from(
          bytes
            .toString('latin1')
            .replace('commitment":"', 'commitment":"A')
            .replace(/.("})$/, '$1'),
          'latin1',
        ),
    ],
    ['its entries are cut off', '/tile/entries/001.p/44', (bytes: Buffer | null) => bytes?.subarray(0, -90) ?? null],
  ] as const)('is caught: %s', async (_what, path, change) => {
    await startHere()
    await appendMany(0, 300)
    tampered.set(path, change)
    const { code } = await look()
    expect(code).toBe(4)
    expect(evidenceOf('poller').kind).toBe('withheld')
    const { code: verified, out } = await verify(`${address}`)
    expect(verified).toBe(4)
    expect(out).toContain('LEDGER_INVALID')
  })

  it('is caught while it grows: the new tree has tiles that don’t fit', async () => {
    await startHere()
    await appendMany(0, 100)
    await look()
    await appendMany(100, 300)
    tampered.set('/tile/0/000', (bytes) => bytes && Buffer.from(bytes).fill(1, 0, 32))
    expect((await look()).code).toBe(4)
    expect(evidenceOf('poller').kind).toBe('withheld')
  })

  it('can’t pass a checkpoint of somebody else’s for its own', async () => {
    await startHere()
    await appendMany(0, 5)
    const stranger = signerFromSeed(Buffer.alloc(32, 7).toString('base64url'))
    tampered.set('/checkpoint', (bytes) => {
      const text = String(bytes).split('\n\n')[0] ?? ''
      return Buffer.from(signNote(`${text}\n`, { name: ORIGIN, ...stranger }))
    })
    const { code, out } = await look()
    expect(code).toBe(4)
    expect(out).toContain('LEDGER_INVALID')
    tampered.clear()
    expect(JSON.parse((await look()).out.trim().split('\n').at(-1) ?? '')).toMatchObject({ state: 'grown', before: 0 })
  })
})

describe('cosignatures', () => {
  it('are waited for, and the proof holds under the charter’s policy; without the witness nothing is announced', async () => {
    const [one, two] = [await startWitness('union'), await startWitness('auditor')]
    await trust({ name: 'union.example', ...one }, { name: 'auditor.example', ...two })
    await startHere()
    const detail = { opening: 1 }
    const { index, salt } = await append(detail)
    const policy = trustPolicy(charterPolicy(charter()))
    const proof = await ledgerProof(caller, index, salt, { type: 'test.entry', detail })
    expect(verifyCommitted('test.entry', detail, proof, policy).witnesses.toSorted()).toEqual([
      'auditor.example',
      'union.example',
    ])
    writeFileSync(file('opening.tlog-proof'), proof)
    expect(JSON.parse((await verify(file('opening.tlog-proof'))).out)).toMatchObject({
      verified: true,
      type: 'test.entry',
    })
    await two.stop()
    await expect(append({ opening: 2 })).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
    // Sequencing went on, and what is shown is what both have seen.
    const { rows } = await superuser.pool.query('select max(size) as size from ledger.checkpoints')
    expect(rows[0].size).toBe(index + 2)
    expect(String(await readLedgerFile(caller, '/checkpoint')).split('\n')[1]).toBe(String(index + 1))
    await startWitness('auditor', new URL(two.url).host)
    await expect
      .poll(async () => String(await readLedgerFile(caller, '/checkpoint')).split('\n')[1], { timeout: 40_000 })
      .toBe(String(index + 2))
  }, 90_000)

  it('of an earlier checkpoint, or of a key that is not the witness’s, publish nothing', async () => {
    const honest = await startWitness('union')
    let line = ''
    const liar = createServer((request, response) => {
      request.resume()
      response.writeHead(request.method === 'POST' ? 200 : 404).end(line)
    })
    liar.listen(0, '127.0.0.1')
    await once(liar, 'listening')
    stopping.push(async () => {
      liar.closeAllConnections()
      liar.close()
    })
    const { port } = liar.address() as AddressInfo
    await trust({ name: 'union.example', ...honest })
    await startHere()
    await append({ first: true })
    const checkpoint = String(await readLedgerFile(caller, '/checkpoint'))
    line = `${checkpoint.split('\n').find((each) => each.startsWith('— union.example')) ?? ''}\n`
    await trust({ name: 'union.example', key: honest.key, url: `http://127.0.0.1:${port}` })
    await superuser.pool.query(`select pg_notify('fairtrace_programme', '')`)
    await sleep(1_200)
    await expect(append({ second: true })).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' })
    // Nor does a reader take it, whoever glues it on.
    const { rows } = await superuser.pool.query('select note from ledger.checkpoints order by size desc limit 1')
    expect(() => trustPolicy(charterPolicy(charter()))(`${rows[0].note}${line}`)).toThrow(
      expect.objectContaining({ code: 'LEDGER_INVALID' }),
    )
  }, 60_000)

  it('are given by one witness at a time from one folder', async () => {
    await startWitness('union')
    const second = await fairtrace(
      'witness',
      '--dir',
      file('union'),
      '--charter',
      file('charter.yaml'),
      '--listen',
      '127.0.0.1:0',
    )
    expect(second.err).toContain('DATA_IN_USE')
  })
})
