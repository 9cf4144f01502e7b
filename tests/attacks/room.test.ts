/** Programs that try to leave the training room, or to take more than they asked for. */
import { readdirSync, readFileSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { END_FRAME, encodeFrame } from '@fairtrace/server/room/frames'
import { type TakenOutput, takeOutput } from '@fairtrace/server/room/output'
import { DEFAULT_OUTPUT } from '@fairtrace/server/room/run-request'
import { type LimitHit, requireSandbox, runInSandbox } from '@fairtrace/server/room/sandbox'
import { waitFor } from '@fairtrace/testing/harness'
import { describe, expect, it } from 'vitest'

const SECRET = 'secret-5d1e7c'
const bwrap = await requireSandbox().catch((error: Error) => error)
const why = bwrap instanceof Error ? ` (not here: ${bwrap.message})` : ''
const MIB = 1024 * 1024

interface Ran {
  readonly hit: LimitHit
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

async function ran(script: string, memoryBytes = 512 * MIB): Promise<Ran> {
  let output: TakenOutput | null = null
  const hit = await runInSandbox(String(bwrap), {
    command: ['/bin/sh', '-c', script],
    code: [],
    environment: {},
    limits: { cpus: 1, memoryBytes, wallMs: 20_000, outputBytes: MIB },
    signal: AbortSignal.timeout(30_000),
    async fill(stream: Writable) {
      stream.write(encodeFrame('/release/a.txt', Buffer.from('a')))
      stream.end(END_FRAME)
    },
    take: async (stream) => {
      output = await takeOutput(stream, DEFAULT_OUTPUT)
    },
  })
  const taken = output as TakenOutput | null
  const textOf = (name: string) => taken?.files.find(({ path }) => path === name)?.content.toString('utf8') ?? ''
  return { hit, exitCode: taken?.exitCode ?? -1, stdout: textOf('stdout.txt'), stderr: textOf('stderr.txt') }
}

const python = (code: string) => `/usr/bin/python3 -c '${code}'`

describe.skipIf(bwrap instanceof Error)(`a program in the training room${why}`, () => {
  it.each([
    ['an internet socket', python('import socket; socket.socket(socket.AF_INET)')],
    ['a socket to the host of a virtual machine', python('import socket; socket.socket(40, socket.SOCK_STREAM)')],
    ['a name of the network', 'getent hosts example.com'],
    ['a file of the host', `cat ${process.cwd()}/package.json`],
    ['an account of the host', 'cat /etc/shadow'],
    ['a process of the host', `cat /proc/${process.pid}/environ`],
    ['the memory of a process of the host', `cat /proc/${process.pid}/mem`],
    ['the root of the first process beyond its own', 'cat /proc/1/root/root/.profile'],
    ['a place in the system to write to', 'touch /usr/bin/x'],
    ['a place at the root to write to', 'touch /x'],
    // Asked, not tried: one that could would change this machine.
    ['setting of the kernel to write to', '[ -n "$(find /proc/sys -type f -writable -print -quit 2> /dev/null)" ]'],
    ['file of the host’s /proc to write to', '[ -w /proc/sysrq-trigger ] || [ -w /proc/irq/default_smp_affinity ]'],
    ['a namespace of its own', 'unshare --user --map-root-user true'],
    ['a mount', 'mount -t tmpfs none /scratch'],
    [
      'a trace of another process',
      python('import ctypes,sys; sys.exit(0 if ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0 else 1)'),
    ],
    ['a program that makes it root', 'chmod 4755 /bin/sh'],
  ])('gets no %s', async (_what, script) => {
    const { exitCode, hit } = await ran(script)
    expect(hit).toBeNull()
    expect(exitCode).not.toBe(0)
  })

  it('is not the machine’s root, whatever it is called inside', async () => {
    const running = ran('sleep 1.625')
    const account = await waitFor(async () => accountOf('sleep\0' + '1.625\0'))
    expect(account).not.toBe(0)
    await running
  })

  it('finds nothing of this process’s environment', async () => {
    process.env.FAIRTRACE_TEST_SECRET = SECRET
    try {
      const { stdout } = await ran('env; cat /proc/*/environ | tr "\\0" "\\n"; cat /proc/*/cmdline | tr "\\0" "\\n"')
      expect(stdout).not.toContain(SECRET)
      expect(stdout).toContain('FAIRTRACE_RELEASE=/release')
      expect(stdout).not.toContain(process.cwd())
    } finally {
      delete process.env.FAIRTRACE_TEST_SECRET
    }
  })

  it('sees its own processes alone, and holds no descriptor of the host’s files', async () => {
    const { stdout } = await ran(
      'ls /proc | grep -c "^[0-9]"; readlink /proc/*/fd/* | grep -v "pipe:\\|/dev/null\\|socket:\\|anon_inode\\|/proc"; true',
    )
    expect(Number(stdout.split('\n')[0])).toBeLessThan(10)
    expect(stdout).not.toMatch(/\/(?:root|work|home|tmp\/fairtrace)/)
  })

  it.each([
    ['a link', 'ln -s /etc/passwd /output/model.json'],
    ['a pipe', 'mkfifo /output/model.json'],
    ['a file that was not declared', 'echo a > /output/other.txt'],
    ['a file in a folder that was not declared', 'mkdir /output/a; echo a > /output/a/model.json'],
    ['a file beyond its size', 'head -c 5000000 /dev/zero > /output/model.json'],
    ['a file of another type', 'echo no > /output/metrics.json'],
  ])('puts out no %s', async (_what, script) => {
    await expect(ran(script)).rejects.toMatchObject({ code: 'ROOM_OUTPUT_REFUSED' })
  })

  it('is ended for more processes than it may have', async () => {
    const { hit, stderr } = await ran('bomb() { sleep 5 & bomb; }; bomb').catch(() => ({
      hit: 'processes',
      stderr: '',
    }))
    expect(hit === 'processes' || /fork|Resource/.test(stderr)).toBe(true)
    expect(running('sleep\0' + '5\0')).toEqual([])
  })

  it('is ended for more memory than it asked for, all processes taken together', async () => {
    const hog = python('import time; a = bytearray(90 * 2**20); time.sleep(5)')
    expect((await ran(`${hog} & ${hog} & ${hog} & wait`, 256 * MIB)).hit).toBe('memory')
  })

  it('can fill no more memory through its files', async () => {
    const { stderr } = await ran('head -c 400000000 /dev/zero > /scratch/a')
    expect(stderr).toContain('No space left')
  })
})

/** Its number on this machine; null while nothing runs it. */
function accountOf(command: string): number | null {
  const [pid] = running(command)
  const uid = pid === undefined ? undefined : /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return uid === undefined ? null : Number(uid)
}

function running(command: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === command
    } catch {
      // Ended meanwhile.
      return false
    }
  })
}
