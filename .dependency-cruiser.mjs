/** The arrows of ARCHITECTURE.md as rules: apps → server, device, release → core. */
const forbid = (name, from, to, comment) => ({ name, severity: 'error', comment, from, to })

export default {
  forbidden: [
    forbid('no-circles', {}, { circular: true }, 'Two modules that need each other are one idea, or need a third.'),
    forbid(
      'core-is-pure',
      { path: '^packages/core/src', pathNot: '\\.test\\.ts$' },
      { dependencyTypes: ['core'] },
      'Core has no Node, network or clock.',
    ),
    forbid(
      'core-imports-nobody',
      { path: '^packages/core/' },
      { path: '^(apps|testing|packages/(?!core/))' },
      'Core knows no other package.',
    ),
    forbid(
      'verify-is-independent',
      { path: '^packages/verify/src', pathNot: '\\.test\\.ts$' },
      { path: '^(apps|testing|packages/(?!core/|verify/))' },
      'The verifier shares only formats with the writer.',
    ),
    forbid(
      'device-knows-no-server',
      { path: '^packages/device/src', pathNot: '\\.test\\.ts$' },
      { path: '^(apps|testing|packages/(?!core/|device/))' },
      'A device installs without a server.',
    ),
    forbid(
      'release-knows-no-server',
      { path: '^packages/release/src', pathNot: '\\.test\\.ts$' },
      { path: '^(apps|testing|packages/(?!core/|release/))' },
      'The builder hands recordings in.',
    ),
    forbid(
      'ledger-knows-no-server',
      { path: '^packages/ledger/src', pathNot: '\\.test\\.ts$' },
      { path: '^(apps|testing|packages/(?!core/|ledger/))' },
      'Tiles and proofs know no database.',
    ),
    forbid(
      'server-knows-no-app',
      { path: '^packages/server/src', pathNot: '\\.test\\.ts$' },
      { path: '^(apps|testing)/' },
      'Apps call the server, never the reverse.',
    ),
    forbid(
      'intake-is-blind',
      { path: '^packages/server/src/intake' },
      { path: '^packages/server/src/(vault|consent|builder)' },
      'Intake can open nothing and knows no person.',
    ),
    forbid(
      'vault-knows-no-consent',
      { path: '^packages/server/src/(vault|builder)' },
      { path: '^packages/server/src/(consent|api)' },
      'Behind intake there are pseudonyms only.',
    ),
    forbid(
      'agent-knows-no-server',
      { path: '^apps/(agent|extension)/src', pathNot: '\\.test\\.ts$' },
      { path: '^(apps/cli|testing|packages/(?!core/|device/))' },
      'What runs at a desk installs without a server.',
    ),
    forbid(
      'agent-and-extension-apart',
      { path: '^apps/extension/' },
      { path: '^apps/agent/' },
      'What the two share lives in device.',
    ),
    forbid(
      'keeper-is-another-custodian',
      { path: '^packages/keeper/src', pathNot: '\\.test\\.ts$' },
      { path: '^(apps|testing|packages/(?!core/|verify/|keeper/))' },
      'The second custodian trusts nothing that the server computed.',
    ),
    forbid(
      'server-knows-no-keeper',
      { path: '^packages/server/src', pathNot: '\\.test\\.ts$' },
      { path: '^packages/keeper/' },
      'Vault and keeper share formats of core, never code.',
    ),
    forbid(
      'tests-stay-tests',
      { path: '^(packages|apps)/[^/]+/src', pathNot: '\\.test\\.ts$' },
      { path: '^(tests/|testing/src/harness)|\\.test\\.ts$' },
      'No product code rests on test code.',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.tests.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js'],
    },
  },
}
