/** What every command shares, `fairtrace`'s too: how it says what went wrong, and how it prints JSON. */
import process from 'node:process'
import { FairtraceError, isFairtraceError } from '@fairtrace/core'

/**
 * Runs a command's action: a refusal becomes one sentence and what to do, on standard error, under the code's own exit
 * status. With `json`, standard output carries `{"error":{"code","message","advice"}}` instead.
 */
export async function runCommand(
  options: { readonly json?: boolean | undefined },
  action: () => Promise<void> | void,
): Promise<void> {
  try {
    await action()
  } catch (cause) {
    const error = asFairtraceError(cause)
    if (options.json) printJson({ error: { code: error.code, message: error.message, advice: error.advice } })
    else process.stderr.write(`${sentence(error.message)} ${error.advice} (${error.code})\n`)
    process.exitCode = error.exitCode
  }
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

export function say(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`)
}

/** @throws `USAGE` */
export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new FairtraceError('USAGE', `${name} takes a whole number from ${min} to ${max}`)
  }
  return value
}

/** An error of any kind under a code. What it says quotes no input. */
export function asFairtraceError(cause: unknown): FairtraceError {
  if (isFairtraceError(cause)) return cause
  const code = errnoOf(cause)
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR') {
    return new FairtraceError('INPUT_UNREADABLE', `the file can't be read (${code})`, { cause })
  }
  if (code === 'ENOSPC') return new FairtraceError('DISK_FULL', 'the disk is full', { cause })
  // The message of an unknown error could quote input; its kind and place in our code can't.
  const place =
    cause instanceof Error ? (cause.stack?.split('\n').find((line) => line.trim().startsWith('at ')) ?? '') : ''
  const file = /([\w.-]+\.(?:ts|mjs|js):\d+)/.exec(place)?.[1] ?? 'unknown place'
  return new FairtraceError('INTERNAL', `${cause instanceof Error ? cause.name : 'an unknown error'} at ${file}`, {
    cause,
  })
}

function errnoOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
}

function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1)
  return /[.!?]$/.test(text) ? text : `${text}.`
}
