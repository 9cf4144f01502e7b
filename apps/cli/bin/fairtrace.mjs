#!/usr/bin/env node
import { runUnderPinnedNode } from '../../../scripts/node24.mjs'

await runUnderPinnedNode(new URL('../src/main.ts', import.meta.url), process.argv.slice(2))
