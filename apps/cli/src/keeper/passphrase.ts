/** The custodian's passphrase: from a file, the environment, or a prompt that shows nothing. Never from an argument, which others can see. */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { FairtraceError } from '@fairtrace/core'

const VARIABLE = 'FAIRTRACE_KEEPER_PASSPHRASE'
const LENGTH_MIN = 16

/**
 * @param isNew asks twice, and refuses one that is short enough to guess
 * @throws `USAGE`, `INPUT_UNREADABLE`
 */
export async function readPassphrase(file: string | undefined, isNew: boolean): Promise<string> {
  const given = file === undefined ? process.env[VARIABLE] : firstLine(file)
  const passphrase = given ?? (await prompted(isNew))
  if (isNew && passphrase.length < LENGTH_MIN) {
    throw new FairtraceError('USAGE', `a passphrase of ${passphrase.length} characters; ${LENGTH_MIN} at least`)
  }
  return passphrase
}

function firstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/, 1)[0] ?? ''
  } catch (cause) {
    throw new FairtraceError('INPUT_UNREADABLE', `the passphrase file ${file} can't be read`, { cause })
  }
}

async function prompted(isNew: boolean): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new FairtraceError('USAGE', `no terminal to ask at; use --passphrase-file or ${VARIABLE}`)
  }
  const passphrase = await ask('Passphrase of the keeper: ')
  if (isNew && (await ask('The same again: ')) !== passphrase) throw new FairtraceError('USAGE', 'the two differ')
  return passphrase
}

async function ask(question: string): Promise<string> {
  process.stderr.write(question)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true })
  try {
    return await lines.question('')
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}
