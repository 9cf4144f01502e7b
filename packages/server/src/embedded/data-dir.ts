/**
 * The data directory of an embedded installation.
 *
 * ```
 * installation.json   what it was created as, and the public keys          charter.yaml   the charter in force
 * secrets/            one file a role, owner-only: database password, signing seed, passphrase
 * keys/               the vault's keystore; belongs in no backup           objects/       segments and releases
 * postgres/  logs/    runtime.json (while it runs)                         demo/          only in a demonstration
 * sign-in.json        the operator's own: through which provider staff sign in
 * places.json         the operator's own: by what the scanner may read the places that the charter names
 * keeper.json         the operator's own: address and public key of the second custodian's keeper, in production
 * ```
 * Beside it, never in it, lies a demonstration's keeper (`<data>.keeper`): whoever copies or restores the directory has not got that.
 */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { DatabaseSync } from 'node:sqlite'
import { type ErrorCode, FairtraceError } from '@fairtrace/core'
import { z } from 'zod'
import { type WebhookSettings, webhookSettingsSchema } from '../access/webhooks.ts'
import { builderBoxPublicKey, roomBoxPublicKey } from '../builder/box-key.ts'
import { publicKeyOf } from '../runtime/jws.ts'
import type { RoleName } from '../runtime/role.ts'
import { type SignInSettings, signInSettingsSchema } from '../runtime/sign-in-settings.ts'
import { type PlaceAccess, placesSchema } from '../sentinel/sweep/places.ts'

export type InstallationKind = 'demonstration' | 'production'

const publicKey = z.string().length(43)
const installationSchema = z.strictObject({
  v: z.literal(1),
  kind: z.enum(['demonstration', 'production']),
  /** What a charter names under `keys`. */
  keys: z.strictObject({
    issuer: publicKey,
    vault: publicKey,
    /** A demonstration's own keeper; null in production, where keeper.json names the custodian's. */
    keeper: publicKey.nullable(),
    ledger: publicKey,
    builder: publicKey,
    intake: publicKey,
    sentinel: publicKey,
    scanner: publicKey,
    room: publicKey,
  }),
  /** X25519 key to which opened content keys are sealed. */
  builderBoxKey: publicKey,
  /** X25519 key to which the keys of releases are sealed. */
  roomBoxKey: publicKey,
})
export type Installation = z.infer<typeof installationSchema>

const roleSecretsSchema = z.strictObject({
  databasePassword: z.string(),
  signingSeed: z.string().optional(),
  kmsPassphrase: z.string().optional(),
  honeyKey: z.string().optional(),
})
export type StoredSecrets = z.infer<typeof roleSecretsSchema>

const keeperSchema = z.strictObject({ url: z.url({ protocol: /^https?$/ }), key: publicKey })
export type KeeperPlace = z.infer<typeof keeperSchema>

const runtimeSchema = z.strictObject({
  pid: z.int(),
  postgresPort: z.int(),
  portalUrl: z.string(),
  intakeUrl: z.string().nullable(),
  /** Of a demonstration's own keeper. */
  keeperUrl: z.string().nullable().optional(),
  databaseUrls: z.record(z.string(), z.string()),
})
export type Runtime = z.infer<typeof runtimeSchema>

/** Free bytes without which a start would only break half-way: a new cluster, and room for its log to turn over. */
const FREE_BYTES_NEW = 256 * 1024 * 1024
const FREE_BYTES_MIN = 64 * 1024 * 1024
const SQLITE_BUSY = 5

/** What a creation that was cut short leaves behind; anything else in the folder is somebody else's. */
const OWN_FOLDERS = ['secrets', 'keys', 'objects', 'logs']
/** The operator's, who may write it before the first start. */
const SIGN_IN_FILE = 'sign-in.json'
const WEBHOOKS_FILE = 'webhooks.json'
const KEEPER_FILE = 'keeper.json'
const PLACES_FILE = 'places.json'
/** Only a demonstration's keeper has its passphrase lying beside it. */
export const DEMONSTRATION_PASSPHRASE_FILE = 'passphrase.txt'
/** Written by the operator, before or after the directory was made. */
const OPERATOR_FILES: readonly string[] = [SIGN_IN_FILE, WEBHOOKS_FILE, KEEPER_FILE, PLACES_FILE]

/** Paths and documents of one data directory. Reading needs no lock; running needs `lockDataDir`. */
export class DataDir {
  readonly root: string

  constructor(root: string) {
    this.root = resolve(root)
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts)
  }

  exists(): boolean {
    return existsSync(this.path('installation.json'))
  }

  /** @throws `DATA_DIR_UNUSABLE` */
  installation(): Installation {
    return this.#read('installation.json', installationSchema)
  }

  secrets(role: RoleName): StoredSecrets {
    return this.#read(`secrets/${role}.json`, roleSecretsSchema)
  }

  superuserPassword(): string {
    return this.#read('secrets/postgres.json', z.strictObject({ password: z.string() })).password
  }

  /** @throws `SERVER_UNREACHABLE` if no Fairtrace runs on this directory */
  runtime(): Runtime {
    if (!existsSync(this.path('runtime.json'))) {
      throw new FairtraceError('SERVER_UNREACHABLE', 'no Fairtrace runs on this data directory')
    }
    return this.#read('runtime.json', runtimeSchema)
  }

  writeRuntime(runtime: Runtime): void {
    writeOwnerOnly(this.path('runtime.json'), runtime)
  }

  clearRuntime(): void {
    rmSync(this.path('runtime.json'), { force: true })
  }

  /** Where a demonstration's keeper lies: outside of everything that is copied, backed up or restored with the directory. */
  keeperDir(): string {
    return `${this.root}.keeper`
  }

  /** Of a demonstration, once its keeper has started for the first time. */
  setKeeperKey(key: string): void {
    const installation = this.installation()
    writeOwnerOnly(this.path('installation.json'), { ...installation, keys: { ...installation.keys, keeper: key } })
  }

  /** The second custodian; null where there is none, and then nothing is held. @throws `KEEPER_SETTINGS_INVALID` */
  keeper(): KeeperPlace | null {
    const { kind, keys } = this.installation()
    if (kind === 'production')
      return this.#readSettings(KEEPER_FILE, keeperSchema, 'KEEPER_SETTINGS_INVALID', () => false)
    const url = existsSync(this.path('runtime.json')) ? (this.runtime().keeperUrl ?? null) : null
    return url === null || keys.keeper === null ? null : { url, key: keys.keeper }
  }

  /** How far the demonstration's clock is behind, or null where the system's clock holds. */
  clockOffsetMs(): number | null {
    if (!existsSync(this.path('clock.json'))) return null
    return this.#read('clock.json', z.strictObject({ offsetMs: z.number() })).offsetMs
  }

  writeClockOffset(offsetMs: number): void {
    if (offsetMs === 0) rmSync(this.path('clock.json'), { force: true })
    else writeOwnerOnly(this.path('clock.json'), { offsetMs })
  }

  /** How staff sign in through their organisation; null where that is not connected. @throws `SIGN_IN_SETTINGS_INVALID` */
  signIn(): SignInSettings | null {
    const holdsSecret = ({ clientSecret }: SignInSettings) => clientSecret !== undefined
    return this.#readSettings(SIGN_IN_FILE, signInSettingsSchema, 'SIGN_IN_SETTINGS_INVALID', holdsSecret)
  }

  /** Whom to tell of grants. @throws `WEBHOOK_SETTINGS_INVALID` */
  webhooks(): WebhookSettings {
    const holdsSecret = (settings: WebhookSettings) => settings.length > 0
    return this.#readSettings(WEBHOOKS_FILE, webhookSettingsSchema, 'WEBHOOK_SETTINGS_INVALID', holdsSecret) ?? []
  }

  /** By what the scanner may read the places that the charter names. @throws `PLACES_SETTINGS_INVALID` */
  places(): PlaceAccess {
    const holdsSecret = (settings: PlaceAccess) => Object.keys(settings).length > 0
    return this.#readSettings(PLACES_FILE, placesSchema, 'PLACES_SETTINGS_INVALID', holdsSecret) ?? {}
  }

  /** A file that the operator wrote, so each fault is named; what stands there is not repeated. Null if there is none. */
  #readSettings<T>(
    name: string,
    schema: z.ZodType<T>,
    code: ErrorCode,
    holdsSecret: (settings: T) => boolean,
  ): T | null {
    const path = this.path(name)
    if (!existsSync(path)) return null
    let content: unknown
    try {
      content = JSON.parse(readFileSync(path, 'utf8'))
    } catch (cause) {
      throw new FairtraceError(code, `${name} in the data directory can't be read as JSON`, { cause })
    }
    const parsed = schema.safeParse(content)
    if (!parsed.success) {
      const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the whole'}: ${issue.message}`)
      throw new FairtraceError(code, `${name}: ${faults.join('; ')}`)
    }
    if (holdsSecret(parsed.data) && isOpenToOthers(path)) {
      throw new FairtraceError(
        code,
        `${name} holds a secret and others on this machine may read it; take their right away (chmod 600)`,
      )
    }
    return parsed.data
  }

  #read<T>(name: string, schema: z.ZodType<T>): T {
    try {
      return schema.parse(JSON.parse(readFileSync(this.path(name), 'utf8')))
    } catch (cause) {
      throw new FairtraceError('DATA_DIR_UNUSABLE', `${name} in the data directory can't be read`, { cause })
    }
  }
}

/**
 * Takes the directory for this process, and makes it if it is new. The lock is the operating system's: it ends with the
 * process, also by kill -9, and no stale file can hold it.
 * @throws `DATA_IN_USE`, `DATA_DIR_UNUSABLE`, `DISK_FULL`
 */
export function lockDataDir(dir: DataDir, kindIfNew: InstallationKind): { release(): void } {
  makeFolder(dir.root)
  requireSpace(dir)
  const lock = takeLock(dir)
  try {
    if (!dir.exists()) create(dir, kindIfNew)
  } catch (error) {
    lock.release()
    throw error
  }
  return lock
}

/** Empties a demonstration so that it can begin again. The lock stays. @throws `DATA_DIR_UNUSABLE` for anything else */
export function resetDemonstration(dir: DataDir): void {
  if (dir.installation().kind !== 'demonstration') {
    throw new FairtraceError('DATA_DIR_UNUSABLE', 'only a demonstration may be emptied')
  }
  for (const name of readdirSync(dir.root)) {
    if (!name.startsWith('lock.') && !OPERATOR_FILES.includes(name))
      rmSync(dir.path(name), { recursive: true, force: true })
  }
  create(dir, 'demonstration')
}

function takeLock(dir: DataDir): { release(): void } {
  const path = dir.path('lock.sqlite')
  // SQLite gives its journal the mode of the file; both are this account's alone, whatever the umask of who starts.
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
  const file = new DatabaseSync(path)
  try {
    file.exec('pragma locking_mode = exclusive; begin exclusive')
  } catch (cause) {
    file.close()
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY) {
      throw new FairtraceError('DATA_IN_USE', 'another process runs on this data directory', { cause })
    }
    throw new FairtraceError('DATA_DIR_UNUSABLE', 'the lock of the data directory can not be taken', { cause })
  }
  return { release: () => file.close() }
}

function requireSpace(dir: DataDir): void {
  const { bavail, bsize } = statfsSync(dir.root)
  const needed = dir.exists() ? FREE_BYTES_MIN : FREE_BYTES_NEW
  if (bavail * bsize < needed) {
    const mib = (bytes: number) => Math.floor(bytes / 1024 / 1024)
    throw new FairtraceError(
      'DISK_FULL',
      `${mib(bavail * bsize)} MiB are free where the data is; ${mib(needed)} MiB are needed`,
    )
  }
}

function create(dir: DataDir, kind: InstallationKind): void {
  const others = readdirSync(dir.root).filter(
    (name) =>
      !name.startsWith('lock.') &&
      !OPERATOR_FILES.includes(name) &&
      !OWN_FOLDERS.includes(name) &&
      !name.endsWith('.next'),
  )
  if (others.length > 0) {
    throw new FairtraceError('DATA_DIR_UNUSABLE', 'the folder holds something else and no installation.json')
  }
  for (const name of OWN_FOLDERS) makeFolder(dir.path(name))
  // Of a demonstration that was here before; another custodian's keeper is not ours to touch.
  const isDemonstrations = existsSync(join(dir.keeperDir(), DEMONSTRATION_PASSPHRASE_FILE))
  if (kind === 'demonstration' && isDemonstrations) rmSync(dir.keeperDir(), { recursive: true, force: true })
  const seeds = {
    issuer: newSecret(),
    vault: newSecret(),
    ledger: newSecret(),
    builder: newSecret(),
    intake: newSecret(),
    sentinel: newSecret(),
    scanner: newSecret(),
    room: newSecret(),
  }
  writeOwnerOnly(dir.path('secrets/postgres.json'), { password: newSecret() })
  const secrets: Readonly<Record<RoleName, StoredSecrets>> = {
    portal: { databasePassword: newSecret(), signingSeed: seeds.issuer },
    intake: { databasePassword: newSecret(), signingSeed: seeds.intake },
    vault: { databasePassword: newSecret(), signingSeed: seeds.vault, kmsPassphrase: newSecret() },
    ledger: { databasePassword: newSecret(), signingSeed: seeds.ledger },
    builder: { databasePassword: newSecret(), signingSeed: seeds.builder },
    sentinel: { databasePassword: newSecret(), signingSeed: seeds.sentinel },
    scanner: { databasePassword: newSecret(), signingSeed: seeds.scanner, honeyKey: newSecret() },
    room: { databasePassword: newSecret(), signingSeed: seeds.room },
  }
  for (const [role, content] of Object.entries(secrets)) writeOwnerOnly(dir.path(`secrets/${role}.json`), content)
  const installation: Installation = {
    v: 1,
    kind,
    keys: {
      issuer: publicKeyOf(seeds.issuer),
      vault: publicKeyOf(seeds.vault),
      keeper: null,
      ledger: publicKeyOf(seeds.ledger),
      builder: publicKeyOf(seeds.builder),
      intake: publicKeyOf(seeds.intake),
      sentinel: publicKeyOf(seeds.sentinel),
      scanner: publicKeyOf(seeds.scanner),
      room: publicKeyOf(seeds.room),
    },
    builderBoxKey: builderBoxPublicKey(seeds.builder),
    roomBoxKey: roomBoxPublicKey(seeds.room),
  }
  // Last: with it the directory counts as made.
  writeOwnerOnly(dir.path('installation.json'), installation)
}

/** Windows has no such bits; there the folder's own rights hold. */
function isOpenToOthers(path: string): boolean {
  return process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0
}

function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new FairtraceError('DATA_DIR_UNUSABLE', 'the data directory can not be made here', { cause })
  }
}

/** Whole or not at all: another process may be reading it meanwhile. */
function writeOwnerOnly(path: string, value: unknown): void {
  const next = `${path}.next`
  writeFileSync(next, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  // The mode above holds for a new file only.
  chmodSync(next, 0o600)
  renameSync(next, path)
}
