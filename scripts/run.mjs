/** `node scripts/run.mjs MODULE [ARGS…]`: runs a module of this repository under Node 24. */
import process from 'node:process'
import { runUnderPinnedNode } from './node24.mjs'

const [module, ...args] = process.argv.slice(2)
await runUnderPinnedNode(module, args)
