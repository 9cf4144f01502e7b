/**
 * The build: `npm run build:extension` makes the one for Chrome; with `-- -b firefox` the other.
 *
 * No site is asked for at installation. In the mode `testing` loopback addresses are granted from the start, because nobody can
 * answer the browser's question in a test; nothing else differs.
 */
import process from 'node:process'
import { defineConfig } from 'wxt'

const SITES = ['http://*/*', 'https://*/*']
const LOOPBACK = ['http://127.0.0.1/*', 'http://localhost/*']

export default defineConfig({
  srcDir: 'src',
  outDir: process.env.FAIRTRACE_EXTENSION_OUT ?? '.output',
  imports: false,
  manifestVersion: 3,
  manifest: ({ browser, mode }) => ({
    name: 'Fairtrace',
    description:
      'Shows AI agents how you use the sites that you choose. What you type stays here; you see what would leave first.',
    // Never in private windows, whatever the person's settings say.
    incognito: 'not_allowed',
    permissions: ['storage', 'scripting', 'alarms', 'unlimitedStorage'],
    optional_host_permissions: SITES,
    ...(mode === 'testing' ? { host_permissions: LOOPBACK } : {}),
    action: { default_title: 'Fairtrace: not recording' },
    commands: {
      'pause-or-resume': {
        suggested_key: { default: 'Alt+Shift+P' },
        description: 'Pause recording, or go on',
      },
    },
    ...(browser === 'firefox'
      ? { browser_specific_settings: { gecko: { id: 'extension@fairtrace.example', strict_min_version: '128.0' } } }
      : { minimum_chrome_version: '120' }),
  }),
})
