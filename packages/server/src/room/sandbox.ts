/**
 * One program in a sandbox (bubblewrap): namespaces of its own for everything, no network, the system read-only, a release that exists
 * in memory alone, and no way out but frames through one pipe. Whatever ends it ends everything in it.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { FairtraceError } from '@fairtrace/core'
import { watchProcesses } from './process-watch.ts'
import { OWN_TRAINER, type RunLimits } from './run-request.ts'
import { seccompProgram } from './seccomp.ts'

const NOBODY = 65_534
const PROBE_MS_MAX = 10_000
const LAST_WORDS_MS = 500
/** After what a program has, the release and its output. */
const FIRST_DESCRIPTOR = 5
/** What runtimes reserve and never touch. */
const RESERVED_BYTES = 2 * 1024 ** 3
const OPEN_FILES_MAX = 1_024
const PROCESSES_MAX = 256
/** Scratch and output beside the release; each dies with the sandbox and counts as memory. */
const SCRATCH_SHARE = 0.5
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const HERE = fileURLToPath(new URL('.', import.meta.url))
/** What of the machine a program sees: code to run, nothing that anybody wrote there. */
const SYSTEM = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/etc/ssl/certs',
]

export interface SandboxInput {
  readonly command: readonly string[]
  /** Files of the program, at /code. */
  readonly code: readonly { readonly path: string; readonly content: string }[]
  readonly environment: Readonly<Record<string, string>>
  readonly limits: RunLimits
  readonly signal: AbortSignal
  /** Writes the release as frames, and ends the stream. */
  fill(stream: Writable): Promise<void>
  /** Reads frames until the end; what it throws ends the sandbox. */
  take(stream: Readable): Promise<void>
}

/** What ended a program before its time: 'memory', 'processes' or 'time'; null if it ended by itself. */
export type LimitHit = 'memory' | 'processes' | 'time' | null

/**
 * Says whether programs can be held on this machine, by holding one.
 * @param path where to look for `bwrap`, as in `PATH`
 * @throws `ROOM_UNAVAILABLE` with the reason
 */
export async function requireSandbox(path: string = process.env.PATH ?? ''): Promise<string> {
  if (process.platform !== 'linux') throw unavailable(`it needs Linux, and this is ${process.platform}`)
  const found = path
    .split(delimiter)
    .map((folder) => join(folder, 'bwrap'))
    .find((file) => existsSync(file))
  if (found === undefined) throw unavailable('bubblewrap is not installed (`apt install bubblewrap`)')
  const args = [...namespaces(), '--ro-bind', '/usr', '/usr', '--symlink', 'usr/lib', '/lib']
  args.push('--symlink', 'usr/lib64', '/lib64', '--proc', '/proc', '--dev', '/dev', '/usr/bin/true')
  try {
    await promisify(execFile)(found, args, { timeout: PROBE_MS_MAX, env: {}, ...account() })
    return found
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim().split('\n').at(-1) : ''
    throw unavailable(said || 'bubblewrap does not start', cause)
  }
}

/**
 * Runs a program until it ends or is ended.
 * @returns which limit ended it
 * @throws what `fill` or `take` throw; the reason of `signal`
 */
export async function runInSandbox(bwrap: string, input: SandboxInput): Promise<LimitHit> {
  input.signal.throwIfAborted()
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-room-'))
  // Nothing in it is secret but to other accounts' programs: the researcher's code, which they could only run if they knew its name.
  chmodSync(folder, 0o711)
  const opened: number[] = []
  try {
    const given = (name: string, content: string | Buffer): number => {
      const file = join(folder, name)
      writeFileSync(file, content)
      opened.push(openSync(file, 'r'))
      return FIRST_DESCRIPTOR + opened.length - 1
    }
    const args = [...namespaces(), ...mounts(input, folder), ...environment(input)]
    const filter = seccompProgram()
    if (filter !== null) args.push('--seccomp', String(given('filter.bpf', filter)))
    // Through a descriptor: bwrap is the first process inside, and its command line would name places of this machine.
    const settings = given('arguments', args.map((arg) => `${arg}\0`).join(''))
    const run = [...limits(input.limits), '/room/node', '--disable-warning=ExperimentalWarning']
    const command = [...run, '/room/sandbox-init.ts', ...input.command]
    const child = spawn(bwrap, ['--args', String(settings), '--', ...command], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', ...opened],
      env: {},
      detached: true,
      ...account(),
    })
    return await held(child, input)
  } finally {
    for (const file of opened) closeSync(file)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function held(child: ChildProcess, input: SandboxInput): Promise<LimitHit> {
  let hit: LimitHit = null
  const end = () => {
    try {
      // The whole group; and the first process inside dies with bwrap, and with it the namespace.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has ended already.
    }
  }
  const over = (reason: Exclude<LimitHit, null>) => {
    hit ??= reason
    end()
  }
  const timer = setTimeout(() => over('time'), input.limits.wallMs)
  const watch = watchProcesses(
    child.pid ?? 0,
    { memoryBytes: input.limits.memoryBytes, processes: PROCESSES_MAX },
    over,
  )
  input.signal.addEventListener('abort', end, { once: true })
  let fault = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    fault = (fault + chunk.toString('utf8')).slice(-500)
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  const [, , , into, from] = child.stdio as unknown as [null, null, Readable, Writable, Readable]
  // A program that closes its end is heard of through its output.
  into.on('error', () => undefined)
  try {
    const [taken, filled] = await Promise.allSettled([
      input.take(from).finally(() => from.resume()),
      input.fill(into).catch((error: unknown) => {
        end()
        throw error
      }),
    ])
    // What isn't heard any more is ended; what died by itself has a moment to say why.
    if (taken.status === 'rejected') setTimeout(end, LAST_WORDS_MS)
    const status = await ended
    input.signal.throwIfAborted()
    if (hit !== null) return hit
    if (filled.status === 'rejected' && !isBrokenPipe(filled.reason)) throw filled.reason
    if (taken.status === 'rejected') {
      if (taken.reason instanceof FairtraceError) throw taken.reason
      const said = fault.trim().split('\n').at(-1) || `status ${status}`
      throw new FairtraceError('ROOM_PROGRAM_FAILED', `the program took the room down with it (${said})`)
    }
    return null
  } finally {
    clearTimeout(timer)
    watch.stop()
    input.signal.removeEventListener('abort', end)
    end()
  }
}

/**
 * Never the machine's root: a namespace hides its name, but the kernel would still know it by its number wherever it asks for the
 * owner of a file, as in /proc. An ordinary account stays what it is, and can become no other.
 */
function account(): { readonly uid?: number; readonly gid?: number } {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
}

function namespaces(): string[] {
  const flags = [
    '--unshare-user',
    '--unshare-ipc',
    '--unshare-pid',
    '--unshare-net',
    '--unshare-uts',
    '--unshare-cgroup-try',
  ]
  return [...flags, '--uid', String(NOBODY), '--gid', String(NOBODY), '--hostname', 'room', '--disable-userns'].concat([
    '--die-with-parent',
    '--new-session',
    '--cap-drop',
    'ALL',
  ])
}

function mounts({ code, limits: { memoryBytes } }: SandboxInput, folder: string): string[] {
  const scratch = String(Math.floor(memoryBytes * SCRATCH_SHARE))
  const args = SYSTEM.flatMap((path) => (existsSync(path) ? ['--ro-bind', path, path] : []))
  // What lies in /proc/sys belongs to the machine: bwrap leaves it writable for whoever the machine's own account is.
  args.push('--proc', '/proc', '--ro-bind', '/proc/sys', '/proc/sys', '--dev', '/dev')
  for (const place of ['/release', '/scratch', '/output', '/tmp', '/dev/shm'])
    args.push('--size', scratch, '--tmpfs', place)
  const readOnly = (from: string, to: string) => args.push('--ro-bind', from, to)
  readOnly(process.execPath, '/room/node')
  for (const file of ['sandbox-init.ts', 'frames.ts']) readOnly(join(HERE, file), `/room/${file}`)
  const package_ = join(folder, 'package.json')
  writeOpen(package_, '{"type":"module"}')
  readOnly(package_, '/room/package.json')
  for (const part of ['packages/core', 'packages/training', 'node_modules']) readOnly(join(ROOT, part), `/room/${part}`)
  const trainer = join(folder, OWN_TRAINER)
  writeOpen(trainer, TRAINER)
  readOnly(trainer, `/room/bin/${OWN_TRAINER}`)
  for (const [i, { path, content }] of code.entries()) {
    const file = join(folder, `code-${i}`)
    writeOpen(file, Buffer.from(content, 'base64'))
    readOnly(file, `/code/${path}`)
  }
  args.push('--remount-ro', '/')
  return args
}

/** Readable inside, whatever the umask of this process is. */
function writeOpen(file: string, content: string | Buffer): void {
  writeFileSync(file, content)
  chmodSync(file, 0o755)
}

const TRAINER =
  '#!/bin/sh\nexec /room/node --disable-warning=ExperimentalWarning /room/packages/training/src/main.ts "$@"\n'

function environment({ environment: own }: SandboxInput): string[] {
  const all = {
    PATH: '/room/bin:/usr/local/bin:/usr/bin:/bin',
    HOME: '/scratch',
    LANG: 'C.UTF-8',
    TMPDIR: '/tmp',
    FAIRTRACE_RELEASE: '/release',
    FAIRTRACE_OUTPUT: '/output',
    ...own,
  }
  return ['--clearenv', ...Object.entries(all).flatMap(([name, value]) => ['--setenv', name, value])]
}

/** Of each process; what all of them take together is watched from outside. */
function limits({ memoryBytes, wallMs, cpus }: RunLimits): string[] {
  const cpuSeconds = Math.ceil((wallMs / 1_000) * cpus) + 1
  return [
    '/usr/bin/prlimit',
    `--data=${Math.ceil(memoryBytes) + RESERVED_BYTES}`,
    `--cpu=${cpuSeconds}`,
    `--nproc=${PROCESSES_MAX}`,
    `--nofile=${OPEN_FILES_MAX}`,
    '--core=0',
    '--',
  ]
}

function isBrokenPipe(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_PREMATURE_CLOSE')
  )
}

function unavailable(reason: string, cause?: unknown): FairtraceError {
  return new FairtraceError('ROOM_UNAVAILABLE', `this machine has no sandbox: ${reason}`, { cause })
}
