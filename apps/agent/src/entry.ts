import { fileURLToPath } from 'node:url'

/** What a new process of the agent runs: the source here, the bundle where the agent was installed alone. */
export const ENTRY = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url),
)

/** No inspector by signal; Node's own warnings about what it calls experimental are of use to nobody here. */
export const NODE_FLAGS: readonly string[] = ['--disable-warning=ExperimentalWarning', '--disable-sigusr1']
