import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { ERRORS, type ErrorCode, ledgerEntry } from '@fairtrace/core'
import {
  checkpointText,
  encodeEntryBundle,
  encodeTlogProof,
  entriesPath,
  inclusionProof,
  leafHash,
  RightEdge,
  signNote,
  tilePath,
} from '@fairtrace/ledger'
import type { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { signerFromSeed, signJws } from '../../../../packages/server/src/runtime/jws.ts'
import { charterCommand } from './charter.ts'
import { verifyCommand } from './verify.ts'

const EXAMPLE = new URL('../../../../docs/examples/charter-pilot.yaml', import.meta.url)
const SIGNER = signerFromSeed(createHash('sha256').update('a key').digest('base64url'))
const ENTRY = ledgerEntry('test.entry', {}, new Uint8Array(32))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairtrace-verify-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
  process.exitCode = undefined
})

/** Runs a command in this process. */
async function run(command: Command, ...args: string[]): Promise<{ out: string; err: string; exit: number }> {
  const out: string[] = []
  const err: string[] = []
  const outSpy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0)
  const errSpy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => err.push(String(text)) > 0)
  process.exitCode = undefined
  await command.parseAsync(args, { from: 'user' })
  outSpy.mockRestore()
  errSpy.mockRestore()
  return { out: out.join(''), err: err.join(''), exit: Number(process.exitCode ?? 0) }
}

function write(path: string, bytes: string | Uint8Array): string {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
  return file
}

/** A log with one entry, as files, and the proof of that entry. */
async function writeLedger(): Promise<string> {
  const edge = RightEdge.empty()
  edge.append(leafHash(Buffer.from(ENTRY)))
  const tiles = edge.takeChanged()
  for (const { level, index, width, data } of tiles) write(tilePath(level, index, width), data)
  write(entriesPath(0, 1), encodeEntryBundle([Buffer.from(ENTRY)]))
  const text = checkpointText({ origin: 'fairtrace/test', size: 1, root: edge.root() })
  const checkpoint = signNote(text, { name: 'fairtrace/test', ...SIGNER })
  write('checkpoint', checkpoint)
  const path = await inclusionProof(0, 1, async () => null)
  return write('proofs/entry.tlog-proof', encodeTlogProof({ index: 0, path, checkpoint }))
}

describe('fairtrace verify', () => {
  const refusals: readonly (readonly [string, () => string, ErrorCode])[] = [
    ['a folder with nothing to verify', () => folder, 'VERIFY_UNKNOWN_KIND'],
    ['a file of another kind', () => write('notes.txt', 'hello'), 'VERIFY_UNKNOWN_KIND'],
    ['nothing at all', () => join(folder, 'missing'), 'INPUT_UNREADABLE'],
    ['a receipt without a key to check it with', () => write('a.jws', 'a.b.c'), 'USAGE'],
    ['an address where nobody is', () => 'http://127.0.0.1:1/ledger', 'SERVER_UNREACHABLE'],
  ]
  it.each(refusals)('refuses %s', async (_what, path, code) => {
    const { out, exit } = await run(verifyCommand(), path(), '--json')
    expect(JSON.parse(out).error.code).toBe(code)
    expect(exit).toBe(ERRORS[code].exit)
  })

  it('says what it checked of a ledger, and ends with 4 once a byte is changed', async () => {
    await writeLedger()
    const good = await run(verifyCommand(), folder, '--key', SIGNER.publicKey)
    expect(good).toMatchObject({ exit: 0, err: '' })
    expect(good.out).toContain('ok  All 1 entries and every tile hash to the signed root.')
    write('tile/0/000.p/1', Buffer.alloc(32))
    const bad = await run(verifyCommand(), folder, '--key', SIGNER.publicKey)
    expect(bad).toMatchObject({ exit: 4, out: '' })
    expect(bad.err).toContain('LEDGER_INVALID')
  })

  it('takes no link for a file: what it points to may change after it was verified', async () => {
    await writeLedger()
    const tile = join(folder, 'tile/0/000.p/1')
    const elsewhere = write('elsewhere', readFileSync(tile))
    rmSync(tile)
    symlinkSync(elsewhere, tile)
    expect((await run(verifyCommand(), folder, '--key', SIGNER.publicKey)).exit).toBe(4)
  })

  it('verifies a proof about the entry that it is given, and no other', async () => {
    const proof = await writeLedger()
    expect((await run(verifyCommand(), proof, '--key', SIGNER.publicKey)).exit).toBe(ERRORS.USAGE.exit)
    expect((await run(verifyCommand(), proof, '--key', SIGNER.publicKey, '--entry', `${ENTRY} `)).exit).toBe(4)
    const { out, exit } = await run(verifyCommand(), proof, '--key', SIGNER.publicKey, '--entry', ENTRY, '--json')
    expect(exit).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ verified: true, kind: 'proof', index: 0, size: 1 })
  })

  it('refuses a receipt that the given key did not sign', async () => {
    const file = write('receipt.jws', signJws('ft-receipt+jwt', { v: 1 }, SIGNER))
    const { out, exit } = await run(verifyCommand(), file, '--key', 'A'.repeat(43), '--json')
    expect(exit).toBe(4)
    expect(JSON.parse(out).error.code).toBe('SIGNATURE_INVALID')
  })
})

describe('fairtrace charter check', () => {
  it('lists every fault with its line, and ends with the code of a charter that is not valid', async () => {
    const file = write(
      'bad.yaml',
      readFileSync(EXAMPLE, 'utf8').replace('review: 3 days', 'review: 3').replace('k: 5', 'k: 1'),
    )
    const { out, err, exit } = await run(charterCommand(), 'check', file)
    expect(exit).toBe(ERRORS.CHARTER_INVALID.exit)
    expect(out.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^bad\.yaml:\d+: review: /),
      expect.stringMatching(/^bad\.yaml:\d+: release\.k: must be at least 3$/),
    ])
    expect(err).toContain('2 faults')
  })

  it('refuses what is no text', async () => {
    const file = write('bad.yaml', Uint8Array.of(0xff, 0xfe, 0x00))
    expect((await run(charterCommand(), 'check', file, '--json')).exit).toBe(ERRORS.CHARTER_UNREADABLE.exit)
  })

  it('says what a valid charter means', async () => {
    const file = write('good.yaml', readFileSync(EXAMPLE))
    const { out, exit } = await run(charterCommand(), 'check', file)
    expect(exit).toBe(0)
    expect(out).toContain('Nothing leaves a device before 3 days of review are over')
    const json = JSON.parse((await run(charterCommand(), 'check', file, '--json')).out)
    expect(json).toMatchObject({ valid: true, programme: 'orders-pilot', version: 1 })
  })
})
