import process from 'node:process'
import { defineConfig } from 'vitest/config'

// Real processes on a busy machine: where it decides whether a change lands, a stack or browser test gets a second try. vitest says so.
const retry = process.env.CI ? 1 : 0

/** Three suites: `unit` beside the source, `stack` on real services, `browser` in real Chromium. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'packages/*/src/**/*.test.ts',
            'apps/*/src/**/*.test.ts',
            'testing/src/**/*.test.ts',
            'scripts/**/*.test.ts',
            'bench/**/*.test.ts',
          ],
          exclude: ['**/node_modules/**', '**/dist/**'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'stack',
          retry,
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/browser/**'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'browser',
          retry,
          include: ['tests/browser/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
    // What Node still calls experimental we use on purpose (node:sqlite, Ed25519 in WebCrypto).
    execArgv: ['--disable-warning=ExperimentalWarning'],
    // Two cores: stack tests start databases and processes of their own.
    maxWorkers: 2,
  },
})
