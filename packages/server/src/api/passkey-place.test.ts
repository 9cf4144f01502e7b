import { describe, expect, it } from 'vitest'
import { passkeyPlace, requireClientData } from './passkey-place.ts'

describe('passkeyPlace', () => {
  it.each([
    ['https://fairtrace.example', 'fairtrace.example', 'https://fairtrace.example'],
    ['https://fairtrace.example:8443', 'fairtrace.example', 'https://fairtrace.example:8443'],
    ['http://127.0.0.1:7400', 'localhost', 'http://localhost:7400'],
    ['http://[::1]:7400', 'localhost', 'http://localhost:7400'],
  ])('of %s is the name %s and one origin', (address, rpId, origin) => {
    expect(passkeyPlace(address)).toEqual({ rpId, origin })
  })
})

describe('requireClientData', () => {
  const expected = { type: 'webauthn.get', challenge: 'abc', origin: 'https://fairtrace.example' }
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

  it.each([
    ['no JSON', Buffer.from('{').toString('base64url'), 'PASSKEY_INVALID'],
    ['JSON of another form', encode([]), 'PASSKEY_INVALID'],
    ['an answer made for adding', encode({ ...expected, type: 'webauthn.create' }), 'PASSKEY_INVALID'],
    ['another challenge', encode({ ...expected, challenge: 'abd' }), 'PASSKEY_CHALLENGE_OVER'],
    ['a look-alike page', encode({ ...expected, origin: 'https://fairtrace.example.evil' }), 'PASSKEY_ORIGIN_WRONG'],
    [
      'the same name without https',
      encode({ ...expected, origin: 'http://fairtrace.example' }),
      'PASSKEY_ORIGIN_WRONG',
    ],
    ['a frame on somebody else’s page', encode({ ...expected, crossOrigin: true }), 'PASSKEY_ORIGIN_WRONG'],
  ])('refuses %s', (_what, clientData, code) => {
    expect(() => requireClientData(clientData, expected)).toThrow(expect.objectContaining({ code }))
  })

  it('refuses everything where no challenge is out', () => {
    const none = { ...expected, challenge: null }
    expect(() => requireClientData(encode(expected), none)).toThrow(
      expect.objectContaining({ code: 'PASSKEY_CHALLENGE_OVER' }),
    )
  })

  it('lets through what was made here, for this', () => {
    expect(() => requireClientData(encode(expected), expected)).not.toThrow()
  })
})
