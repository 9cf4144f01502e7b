/**
 * Starts a program and ends it when the process that started this one dies, where the operating system can't do that itself
 * (no `setpriv`: macOS, Windows). `node postgres-guard.mjs PROGRAM [ARGS…]`, with an IPC channel to the parent.
 */
import { spawn } from 'node:child_process'
import process from 'node:process'

const [program, ...args] = process.argv.slice(2)
const child = spawn(program, args, { stdio: 'inherit' })
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
process.on('disconnect', () => child.kill('SIGINT'))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill('SIGINT'))
