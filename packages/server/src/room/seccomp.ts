/**
 * A system call filter (classic BPF, seccomp(2)) for what runs in a training room.
 *
 * Namespaces already hide everything; this takes away the calls by which sandboxes were left before: tracing, other processes'
 * memory, mounts, new namespaces, kernel keys, BPF, io_uring, and every socket that is not a local one (AF_VSOCK knows no namespace).
 */
import process from 'node:process'

const LD_ABS = 0x20
const JEQ = 0x15
const JSET = 0x45
const RET = 0x06
const ALLOW = 0x7fff0000
const ERRNO = 0x00050000
const EPERM = 1
const ENOSYS = 38
const KILL = 0x80000000
const AF_UNIX = 1
/** Every CLONE_NEW… flag. */
const CLONE_NEW = 0x7e020000
/** Offsets in struct seccomp_data. */
const AT_NUMBER = 0
const AT_ARCH = 4
const AT_ARGUMENT_0 = 16

interface Machine {
  readonly arch: number
  readonly denied: readonly number[]
  readonly clone: number
  readonly clone3: number
  readonly socket: number
  /** x32 calls have this bit, and would pass every number by. */
  readonly otherAbiBit: number
}

const MACHINES: Readonly<Record<string, Machine>> = {
  x64: {
    arch: 0xc000003e,
    // ptrace, process_vm_readv/writev, kcmp, mount family, pivot_root, chroot, swap, reboot, modules, kexec, keys, bpf,
    // perf_event_open, userfaultfd, open_by_handle_at, unshare, setns, io_uring, pidfd_getfd, acct, quotactl, personality.
    denied: [
      101, 310, 311, 312, 165, 166, 155, 161, 167, 168, 169, 175, 176, 313, 246, 320, 248, 249, 250, 321, 298, 323, 303,
      304, 272, 308, 425, 426, 427, 438, 163, 179, 135, 428, 429, 430, 431, 432, 433, 442,
    ],
    clone: 56,
    clone3: 435,
    socket: 41,
    otherAbiBit: 0x40000000,
  },
  arm64: {
    arch: 0xc00000b7,
    denied: [
      117, 270, 271, 272, 40, 39, 41, 51, 224, 225, 142, 105, 106, 273, 104, 294, 217, 218, 219, 280, 241, 282, 264,
      265, 97, 268, 425, 426, 427, 438, 89, 60, 92, 428, 429, 430, 431, 432, 433, 442,
    ],
    clone: 220,
    clone3: 435,
    socket: 198,
    otherAbiBit: 0,
  },
}

/** @returns the program as `bwrap --seccomp` reads it; null for a processor whose calls are not known here */
export function seccompProgram(arch: string = process.arch): Buffer | null {
  const machine = Object.hasOwn(MACHINES, arch) ? MACHINES[arch] : undefined
  if (machine === undefined) return null
  const program: (readonly [code: number, jt: number, jf: number, k: number])[] = [
    [LD_ABS, 0, 0, AT_ARCH],
    [JEQ, 1, 0, machine.arch],
    [RET, 0, 0, KILL],
    [LD_ABS, 0, 0, AT_NUMBER],
  ]
  if (machine.otherAbiBit !== 0) program.push([JSET, 0, 1, machine.otherAbiBit], [RET, 0, 0, KILL])
  for (const number of machine.denied) program.push([JEQ, 0, 1, number], [RET, 0, 0, ERRNO | EPERM])
  program.push(
    // Its flags lie in memory, where a filter can't look; the C library falls back to clone.
    ...([
      [JEQ, 0, 1, machine.clone3],
      [RET, 0, 0, ERRNO | ENOSYS],
      [JEQ, 0, 3, machine.clone],
      [LD_ABS, 0, 0, AT_ARGUMENT_0],
      [JSET, 0, 5, CLONE_NEW],
      [RET, 0, 0, ERRNO | EPERM],
      [JEQ, 0, 3, machine.socket],
      [LD_ABS, 0, 0, AT_ARGUMENT_0],
      [JEQ, 1, 0, AF_UNIX],
      [RET, 0, 0, ERRNO | EPERM],
      [RET, 0, 0, ALLOW],
    ] as const),
  )
  const bytes = Buffer.alloc(program.length * 8)
  for (const [i, [code, jt, jf, k]] of program.entries()) {
    bytes.writeUInt16LE(code, i * 8)
    bytes.writeUInt8(jt, i * 8 + 2)
    bytes.writeUInt8(jf, i * 8 + 3)
    bytes.writeUInt32LE(k >>> 0, i * 8 + 4)
  }
  return bytes
}
