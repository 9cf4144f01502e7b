import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, describe, expect, it } from 'vitest'
import { DataDir } from './data-dir.ts'

const SETTINGS = {
  issuer: 'https://login.example',
  clientId: 'fairtrace',
  groupsClaim: 'groups',
  roles: { 'fairtrace-owners': 'programme-owner' },
}

describe('sign-in.json', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-sign-in-'))
  const path = join(folder, 'sign-in.json')
  const dir = new DataDir(folder)
  const write = (value: unknown, mode = 0o600) => {
    writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
    chmodSync(path, mode)
  }
  afterAll(() => rmSync(folder, { recursive: true }))

  it('connects nothing where it is not there', () => {
    expect(dir.signIn()).toBeNull()
  })

  it.each([
    ['no JSON', '{', /JSON/],
    ['a field that nobody knows', { ...SETTINGS, isAdmin: true }, /isAdmin/],
    ['a provider without https', { ...SETTINGS, issuer: 'http://login.example' }, /issuer: https/],
    ['a look-alike of the loopback address', { ...SETTINGS, issuer: 'http://127.0.0.1.evil.example' }, /issuer: https/],
    ['a portal with a path', { ...SETTINGS, portal: 'https://fairtrace.example/portal' }, /portal: the address alone/],
    ['scopes without openid', { ...SETTINGS, scopes: ['profile'] }, /scopes: openid/],
    ['a scope that holds two', { ...SETTINGS, scopes: ['openid', 'a b'] }, /scopes\.1/],
    ['no roles', { ...SETTINGS, roles: {} }, /roles: at least one/],
    ['a role that does not exist', { ...SETTINGS, roles: { everybody: 'superuser' } }, /roles\.everybody/],
    ['no claim for groups', { ...SETTINGS, groupsClaim: '' }, /groupsClaim/],
  ])('is refused with %s', (_what, value, sentence) => {
    write(value)
    expect(() => dir.signIn()).toThrow(
      expect.objectContaining({ code: 'SIGN_IN_SETTINGS_INVALID', message: expect.stringMatching(sentence) }),
    )
  })

  it.skipIf(process.platform === 'win32')('keeps its secret to its owner (Windows has no such bits)', () => {
    write({ ...SETTINGS, clientSecret: 'very-secret' }, 0o640)
    const refusal = expect.objectContaining({ message: expect.not.stringContaining('very-secret') })
    expect(() => dir.signIn()).toThrow(refusal)
    write({ ...SETTINGS, clientSecret: 'very-secret' })
    expect(dir.signIn()).toMatchObject({ clientSecret: 'very-secret' })
  })

  it('may be as the operator’s page shows it', () => {
    const page = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8')
    const example = /```json\n([^`]+)```/.exec(page)?.[1] ?? ''
    write(example)
    expect(dir.signIn()).toEqual(JSON.parse(example))
  })

  it('asks for name and profile by default, and takes http on this machine itself', () => {
    write({ ...SETTINGS, issuer: 'http://127.0.0.1:9000', portal: 'http://localhost:7400/' })
    expect(dir.signIn()).toEqual({
      ...SETTINGS,
      issuer: 'http://127.0.0.1:9000',
      portal: 'http://localhost:7400',
      scopes: ['openid', 'profile'],
    })
  })
})
