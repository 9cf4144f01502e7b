#!/usr/bin/env node
// Plain JavaScript, so that an older Node can read it and say or find what is missing.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// Alone, the agent is one bundle with its launcher beside it; inside Fairtrace it runs from its source.
const bundle = new URL('../dist/main.js', import.meta.url)
const isAlone = existsSync(fileURLToPath(new URL('./node24.mjs', import.meta.url)))
const { runUnderPinnedNode } = await import(isAlone ? './node24.mjs' : '../../../scripts/node24.mjs')
await runUnderPinnedNode(isAlone ? bundle : new URL('../src/main.ts', import.meta.url), process.argv.slice(2))
