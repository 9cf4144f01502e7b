import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ERRORS, FairtraceError } from './errors.ts'

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
const documented = new Map(
  [...page.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (\d+) \| (.+) \|$/gm)].map(([, code, status, exit, advice]) => [
    code,
    { status: Number(status), exit: Number(exit), advice },
  ]),
)

describe('docs/errors.md', () => {
  it('documents no code that does not exist', () => {
    expect([...documented.keys()].filter((code) => !Object.hasOwn(ERRORS, code ?? ''))).toEqual([])
  })

  it.each(Object.entries(ERRORS))('says what %s means', (code, entry) => {
    expect(documented.get(code)).toEqual(entry)
  })
})

describe('FairtraceError', () => {
  it('carries status, exit code and advice of its code', () => {
    const error = new FairtraceError('PORT_IN_USE', 'port 7400 is in use')
    expect([error.status, error.exitCode]).toEqual([503, 11])
    expect(error.advice).toContain('--port')
  })

  it('never ends a command with success', () => {
    expect(
      Object.values(ERRORS)
        .map<number>(({ exit }) => exit)
        .filter((exit) => exit === 0),
    ).toEqual([])
  })
})
