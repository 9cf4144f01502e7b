/**
 * What anybody who reads another process than the vault finds of its keys, and another than the scanner of the honey key: nothing.
 *
 * A demonstration runs with every role; then the real keys are taken from the keystore, and looked for, in every way in which they
 * could be written, in the memory, environment, arguments and logs of each other process. Linux alone shows a process's memory.
 */
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { DataDir, type Embedded, startEmbedded } from '@fairtrace/server'
import { Keystore } from '@fairtrace/server/vault/keystore'
import { openLocalKms } from '@fairtrace/server/vault/kms-local'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEMO_CLOCK_START_MS, runCycle } from '../../apps/cli/src/demo/cycle.ts'

const ENTRY = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))
const READ_BYTES = 64 * 1024 * 1024
const OVERLAP = 128
const isLinux = process.platform === 'linux'

interface Secret {
  readonly what: string
  readonly bytes: Buffer
}

describe.skipIf(!isLinux)("the vault's keys (Linux alone shows a process's memory)", () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-heap-'))
  const dir = new DataDir(join(folder, 'data'))
  let embedded: Embedded
  let secrets: Secret[]
  let honeyKey: Secret

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
    secrets = await keysOf(dir, folder)
    honeyKey = { what: 'honey key', bytes: Buffer.from(dir.secrets('scanner').honeyKey ?? '', 'base64url') }
  })
  afterAll(async () => {
    await embedded?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('are many, and are found where they belong: in the memory of the vault', () => {
    expect(new Set(secrets.map(({ what }) => what))).toEqual(
      new Set(['participant', 'day', 'period', 'index', 'wrapping key', 'signing seed', 'passphrase']),
    )
    const [vault] = processes(dir).filter(({ name }) => name === 'vault')
    const found = keysInMemory(vault?.pid ?? 0, secrets)
    expect(found).toEqual(expect.arrayContaining(['day', 'index']))
  })

  it("are in no memory of any other process, nor is the honey key in any but the scanner's", () => {
    const others = processes(dir).filter(({ name }) => name !== 'vault')
    const [vault] = processes(dir).filter(({ name }) => name === 'vault')
    expect(keysInMemory(vault?.pid ?? 0, [honeyKey])).toEqual([])
    expect(new Set(others.map(({ name }) => name))).toEqual(
      new Set(['portal', 'intake', 'ledger', 'builder', 'keeper', 'sentinel', 'scanner', 'room', 'postgres']),
    )
    for (const { name, pid } of others) {
      const own = name === 'scanner' ? ['honey key'] : []
      expect([name, keysInMemory(pid, [...secrets, honeyKey])]).toEqual([name, own])
    }
  })

  it('are in no environment, no arguments, no log and no file but those of the keystore', () => {
    for (const { name, pid } of processes(dir)) {
      for (const file of ['environ', 'cmdline']) {
        if (!existsSync(`/proc/${pid}/${file}`)) continue
        expect([name, file, inBytes(readFileSync(`/proc/${pid}/${file}`), [...secrets, honeyKey])]).toEqual([
          name,
          file,
          [],
        ])
      }
    }
    const kept = [join(dir.root, 'keys'), join(dir.root, 'secrets', 'vault.json')]
    const keptHoney = join(dir.root, 'secrets', 'scanner.json')
    for (const path of filesIn(folder)) {
      if (kept.some((own) => path.startsWith(own)) || path.includes('copy-of-keys')) continue
      const own = path === keptHoney ? ['honey key'] : []
      expect([path, inBytes(readFileSync(path), [...secrets, honeyKey])]).toEqual([path, own])
    }
  })
})

/** The real keys, out of a copy of the keystore, through the key management, as the vault itself reads them. */
async function keysOf(dir: DataDir, folder: string): Promise<Secret[]> {
  const copy = join(folder, 'copy-of-keys')
  cpSync(dir.path('keys'), copy, { recursive: true })
  const { kmsPassphrase = '', signingSeed = '' } = dir.secrets('vault')
  const kms = openLocalKms(join(copy, 'local-kms'), kmsPassphrase)
  const keystore = new Keystore(copy, kms)
  const file = new DatabaseSync(join(copy, 'keystore.sqlite'))
  const names = (text: string) => file.prepare(text).all()
  const found: Secret[] = [
    { what: 'signing seed', bytes: Buffer.from(signingSeed, 'base64url') },
    { what: 'passphrase', bytes: Buffer.from(kmsPassphrase, 'base64url') },
    { what: 'index', bytes: await keystore.secret('index') },
  ]
  const add = (what: string, bytes: Buffer | null) => {
    if (bytes !== null) found.push({ what, bytes })
  }
  for (const { key_id: id } of names('select key_id from day_keys limit 2')) add('day', await keystore.day(String(id)))
  for (const { id } of names('select id from period_keys order by day desc limit 1'))
    add('period', await keystore.period(String(id)))
  for (const row of names('select pseudonym, generation from participant_keys limit 2')) {
    add('participant', await keystore.participant(String(row.pseudonym), Number(row.generation)))
  }
  for (const row of names(`select name, kms_key, wrapped from wrapping_keys where state = 'current'`)) {
    const context = `fairtrace/wrapping-key/v1/${row.name}`
    add('wrapping key', await kms.unwrap(String(row.kms_key), context, row.wrapped as Uint8Array))
  }
  file.close()
  keystore.close()
  return found
}

/** Every process of this installation: roles by their arguments, PostgreSQL's by the folder that they work in. */
function processes(dir: DataDir): { readonly name: string; readonly pid: number }[] {
  const found: { name: string; pid: number }[] = []
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      const role = args[args.indexOf('--role') + 1] ?? ''
      if (args.includes('--role') && args.some((arg) => arg.startsWith(dir.root))) found.push({ name: role, pid })
      else if (args.some((arg) => arg === 'keeper') && args.some((arg) => arg.startsWith(dir.root)))
        found.push({ name: 'keeper', pid })
      else if (readlinkSync(`/proc/${pid}/cwd`).startsWith(dir.path('postgres'))) found.push({ name: 'postgres', pid })
    } catch {
      // It ended meanwhile, or is a thread of the system's own.
    }
  }
  return found
}

const seen = new Set<string>()

/** A connection's process of the database may have ended since it was listed: then there is nothing to read. */
function keysInMemory(pid: number, secrets: readonly Secret[]): string[] {
  if (!existsSync(`/proc/${pid}/mem`)) return []
  const needles = needlesOf(secrets)
  const found = new Set<string>()
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const buffer = Buffer.allocUnsafe(READ_BYTES + OVERLAP)
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, from = '', to = ''] = /^([0-9a-f]+)-([0-9a-f]+) r[w-][x-][ps]/.exec(line) ?? []
    if (from === '' || line.includes('[vvar') || line.includes('[vsyscall') || seen.has(line)) continue
    // The database's processes share most of their memory: once is enough.
    if (/^\S+ \S{3}s/.test(line)) seen.add(line)
    const [start, end] = [Number(`0x${from}`), Number(`0x${to}`)]
    for (let at = start; at < end; at += READ_BYTES) {
      let length = 0
      try {
        length = readSync(memory, buffer, 0, Math.min(READ_BYTES + OVERLAP, end - at), at)
      } catch {
        // Reserved and never written: there is nothing.
        continue
      }
      for (const what of inBytes(buffer.subarray(0, length), secrets, needles)) found.add(what)
    }
  }
  closeSync(memory)
  return [...found]
}

/** As bytes, and as people and programs write bytes. */
function needlesOf(secrets: readonly Secret[]): { readonly what: string; readonly bytes: Buffer }[] {
  return secrets.flatMap(({ what, bytes }) => [
    { what, bytes },
    // Base64 differs from base64url in two letters; what both share of the beginning finds either.
    { what, bytes: Buffer.from(bytes.toString('hex'), 'latin1') },
    { what, bytes: Buffer.from(bytes.toString('base64url'), 'latin1') },
  ])
}

function inBytes(bytes: Buffer, secrets: readonly Secret[], needles = needlesOf(secrets)): string[] {
  return [...new Set(needles.filter((needle) => bytes.includes(needle.bytes)).map(({ what }) => what))]
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
