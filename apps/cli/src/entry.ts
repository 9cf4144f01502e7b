import { fileURLToPath } from 'node:url'

/** The command line's own entry, for processes that it starts of itself. */
export const ENTRY = fileURLToPath(new URL('./main.ts', import.meta.url))
