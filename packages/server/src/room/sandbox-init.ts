/**
 * First process inside the sandbox: takes the release from descriptor 3 into memory, runs the program, and hands out what it wrote
 * through descriptor 4. It is on the program's side of the wall: nobody believes what it says.
 *
 * Imports nothing but Node's own modules and `frames.ts`: nothing else of Fairtrace is in there.
 */
import { spawn } from 'node:child_process'
import {
  createReadStream,
  createWriteStream,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { END_FRAME, encodeFrame, FRAME_BYTES_MAX, readFrames } from './frames.ts'

const OUTPUT = '/output'
const KEPT_BYTES_MAX = 1024 * 1024
const files = new Map<string, number>()

for await (const { path, content } of readFrames(createReadStream('', { fd: 3 }))) {
  let file = files.get(path)
  if (file === undefined) {
    mkdirSync(dirname(path), { recursive: true })
    file = openSync(path, 'w', 0o444)
    files.set(path, file)
  }
  writeSync(file, content)
}

const [command = '', ...args] = process.argv.slice(2)
const said = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
const child = spawn(command, args, { cwd: '/scratch', stdio: ['ignore', 'pipe', 'pipe'] })
for (const name of ['stdout', 'stderr'] as const) {
  let bytes = 0
  child[name].on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= KEPT_BYTES_MAX) said[name].push(chunk)
  })
}
const code = await new Promise<number>((resolve) => {
  child.on('error', () => resolve(127))
  child.on('close', (status) => resolve(status ?? 128))
})

const out = createWriteStream('', { fd: 4 })
const give = async (frame: Buffer): Promise<void> => {
  if (!out.write(frame)) await new Promise<void>((resolve) => out.once('drain', () => resolve()))
}
await give(encodeFrame('exit-code', Buffer.from(String(code))))
await give(encodeFrame('stdout.txt', Buffer.concat(said.stdout)))
await give(encodeFrame('stderr.txt', Buffer.concat(said.stderr)))
for (const entry of readdirSync(OUTPUT, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name)
  const name = `output/${path.slice(OUTPUT.length + 1)}`
  const found = lstatSync(path)
  if (found.isDirectory()) continue
  // Said, so that it is refused and not silently left out.
  if (!found.isFile()) await give(encodeFrame(`special/${name}`, Buffer.alloc(0)))
  else if (found.size <= FRAME_BYTES_MAX) await give(encodeFrame(name, readFileSync(path)))
  else await inPieces(path, name)
}
await give(END_FRAME)
await new Promise<void>((resolve) => out.end(() => resolve()))
process.exit(0)

async function inPieces(path: string, name: string): Promise<void> {
  const file = openSync(path, 'r')
  const piece = Buffer.alloc(FRAME_BYTES_MAX)
  for (;;) {
    const bytes = readSync(file, piece)
    if (bytes === 0) return
    await give(encodeFrame(name, Buffer.from(piece.subarray(0, bytes))))
  }
}
