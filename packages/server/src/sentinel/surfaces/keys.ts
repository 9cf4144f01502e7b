/**
 * Who holds the key that wraps the vault's keystore.
 *
 * Of the local key management it is seen who may open the two files that it takes. Of one elsewhere nothing is: whoever may ask there
 * about holders needs a credential there, and the sentinel has none. That is said wherever the audience is shown, and never made up.
 * No file is opened here: a wrong mode is a finding of the files.
 */
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { Reader } from '@fairtrace/core'
import { readKmsSettings } from '../../vault/kms-file.ts'
import type { Observation } from './observation.ts'

/** Of the settings of the key management, what is no secret. */
export type KmsShown =
  | { readonly kind: 'local' }
  | { readonly kind: 'transit'; readonly at: string }
  | { readonly kind: 'aws'; readonly at: string }

const KEYS = 'keys/local-kms'
/** Written by the installation for the vault alone; the passphrase is in no other file of ours. */
const PASSPHRASE = 'secrets/vault.json'

/** @throws `KMS_SETTINGS_INVALID` */
export function shownKms(keysDir: string): KmsShown {
  const settings = readKmsSettings(keysDir)
  if (settings.kind === 'transit') return { kind: 'transit', at: `${settings.address} (${settings.mount})` }
  if (settings.kind === 'aws') return { kind: 'aws', at: settings.region }
  return { kind: 'local' }
}

/** @throws if the files are there and can't be looked at */
export function readKeyHolders(settings: { readonly dataDir: string; readonly kms: KmsShown }): Observation {
  const { dataDir, kms } = settings
  if (kms.kind !== 'local') return notLookedAt(kms)
  const files = keyFiles(dataDir)
  if (files.length === 0) return { declared: [], readers: [], findings: [], notShown: [NO_KEY, ...NOT_SHOWN] }
  const own = process.getuid?.() ?? 0
  const declared: Reader[] = [
    { who: `account ${own}`, what: 'read the wrapped wrapping keys', through: KEYS },
    { who: `account ${own}`, what: 'read the passphrase that opens them', through: PASSPHRASE },
    { who: 'role vault', what: 'wrap and unwrap the keystore', through: `passphrase in ${PASSPHRASE}` },
  ]
  const readers = [
    ...files.flatMap((file) => holders(dataDir, file, 'read the wrapped wrapping keys', KEYS)),
    ...holders(dataDir, PASSPHRASE, 'read the passphrase that opens them', PASSPHRASE),
    ...declared.filter(({ who }) => who === 'role vault'),
  ]
  return { declared, readers, findings: [], notShown: NOT_SHOWN }
}

const NO_KEY = 'No wrapping key was made yet.'
const NOT_SHOWN = [
  'Whether the passphrase was written down elsewhere: the sentinel opens no file of secrets.',
  'A copy of key files and passphrase that somebody made before; a new wrapping key makes it worthless.',
]

function notLookedAt({ kind, at }: Exclude<KmsShown, { kind: 'local' }>): Observation {
  const [where, how] =
    kind === 'transit'
      ? [`the transit engine at ${at}`, 'policies that allow decrypt on fairtrace-*, and the tokens that hold them']
      : [`AWS KMS in ${at}`, 'the key policy and the grants of keys with an alias of fairtrace-*']
  return {
    declared: [],
    readers: [],
    findings: [],
    notShown: [
      `Holders of the wrapping key in ${where}: not looked at, because the sentinel has no credential there. Look there at ${how}.`,
    ],
  }
}

function keyFiles(dataDir: string): readonly string[] {
  try {
    return readdirSync(join(dataDir, KEYS)).map((name) => `${KEYS}/${name}`)
  } catch (error) {
    // Before the vault's first start there are none. Anything else is a surface that can't be read.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

function holders(dataDir: string, file: string, what: string, through: string): readonly Reader[] {
  const stats = lstatSync(join(dataDir, file), { throwIfNoEntry: false })
  // A key is destroyed while others are looked at.
  if (stats === undefined) return []
  const readers: Reader[] = [{ who: `account ${stats.uid}`, what, through }]
  if (process.platform === 'win32') return readers
  if ((stats.mode & 0o040) !== 0) readers.push({ who: `group ${stats.gid}`, what, through })
  if ((stats.mode & 0o004) !== 0) readers.push({ who: 'anybody on this machine', what, through })
  return readers
}
