/**
 * Sealed batches as a device would make them, without a device: distinct keys, 100 actions like the simulator's, and a knob
 * for each way of getting it wrong. Written apart from the device package, so that a fault there doesn't hide here.
 */
import { generateKeyPairSync, hash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import {
  type Action,
  BATCH_INFO,
  type BatchId,
  type Charter,
  charterHash,
  encodeBatchHeader,
  encodePlaintext,
  LEASE_MS,
  LEASE_TYP,
  type Lease,
  PERMIT_MS,
  PERMIT_TYP,
  type Permit,
  type ProgrammeId,
  SHIELD_VERSION,
  signedBytes,
  sizeClassFor,
  type VaultKeyId,
} from '@fairtrace/core'
import { type Signer, signJws } from '@fairtrace/server/runtime/jws'
import { generateX25519, hpkeSeal } from '@fairtrace/server/vault/hpke'

export const ACTIONS_PER_BATCH = 100

export interface TestVaultKey {
  readonly keyId: string
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array
}

export interface TestDevice {
  readonly pseudonym: string
  readonly device: string
  readonly privateKey: KeyObject
  /** Raw Ed25519, base64url. */
  readonly publicKey: string
}

export interface ForgedBatchSettings {
  readonly charter: Charter
  readonly vaultKey: TestVaultKey
  readonly device: TestDevice
  readonly sequence: number
  /** When the recording was captured; the lease begins there. */
  readonly atMs: number
  readonly epoch?: number
  readonly actions?: readonly unknown[]
  /** Replaces fields of the body, also by what no device would say. */
  readonly body?: Readonly<Record<string, unknown>>
  readonly lease?: Partial<Lease>
  /** Whose signature stands under the lease. */
  readonly leaseSigner: Signer
  /** Signs the batch in place of the device. */
  readonly signer?: KeyObject
  readonly headerProgramme?: string
  /** Replaces the body's bytes altogether, before they are signed. */
  readonly rawBody?: Uint8Array
  /** Written over the last byte of the padding. */
  readonly lastPaddingByte?: number
}

export interface TestBatch {
  readonly id: BatchId
  readonly bytes: Buffer
}

/** A key whose private half nobody keeps. */
export function aVaultKey(keyId = '00112233aabbccdd'): TestVaultKey {
  return { keyId, publicKey: generateX25519().publicKeyRaw }
}

export function aDevice(pseudonym = randomId()): TestDevice {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return { pseudonym, device: randomId(), privateKey, publicKey: raw.toString('base64url') }
}

export function forgeBatch(settings: ForgedBatchSettings): TestBatch {
  const { charter, device, vaultKey, atMs } = settings
  const header = encodeBatchHeader({
    programme: (settings.headerProgramme ?? charter.programme) as ProgrammeId,
    vaultKeyId: vaultKey.keyId as VaultKeyId,
  })
  const lease: Lease = {
    programme: charter.programme,
    epoch: settings.epoch ?? 0,
    charter: charterHash(charter),
    noticeVersion: charter.notice.version,
    consentVersion: 1,
    pseudonym: device.pseudonym,
    device: device.device,
    deviceKey: device.publicKey,
    build: charter.builds.device[0] ?? 'test-build',
    categories: ['pointer', 'keyboard', 'switches'],
    apps: charter.capture.apps.map((app) => app.id),
    startsAtMs: atMs,
    endsAtMs: atMs + LEASE_MS,
    ...settings.lease,
  }
  const body = {
    v: 1,
    sequence: settings.sequence,
    recording: randomId(),
    part: 0,
    last: true,
    task: charter.capture.tasks[0]?.id ?? null,
    lease: signJws(LEASE_TYP, lease, settings.leaseSigner),
    shield: SHIELD_VERSION,
    actions: settings.actions ?? someActions(charter, settings.sequence),
    ...settings.body,
  }
  const deflated = settings.rawBody ?? deflateRawSync(JSON.stringify(body))
  const signature = sign(null, signedBytes(header, deflated), settings.signer ?? device.privateKey)
  const size = sizeClassFor(deflated.length, header.length)
  if (size === null) throw new RangeError('the body fits no size class')
  const plaintext = encodePlaintext(deflated, signature, size, header.length)
  if (settings.lastPaddingByte !== undefined) plaintext[plaintext.length - 1] = settings.lastPaddingByte
  const { enc, ciphertext } = hpkeSeal(vaultKey.publicKey, BATCH_INFO, header, plaintext)
  const bytes = Buffer.concat([header, enc, ciphertext])
  return { id: hash('sha256', bytes, 'base64url') as BatchId, bytes }
}

/** A permit for one batch, good for a minute from `atMs`. */
export function forgePermit(batch: string, atMs: number, overrides: Partial<Permit>, signer: Signer): string {
  const permit: Permit = {
    programme: 'test-programme',
    epoch: 0,
    batch,
    startsAtMs: atMs,
    endsAtMs: atMs + PERMIT_MS,
    ...overrides,
  }
  return signJws(PERMIT_TYP, permit, signer)
}

/** A mix as people make it: mostly clicks and text runs, in bursts within one app. Seeded, and inside the charter. */
export function someActions(charter: Charter, seed: number, count = ACTIONS_PER_BATCH): Action[] {
  const random = mulberry32(seed)
  const pick = <T>(list: readonly T[], fallback: T) => list[Math.floor(random() * list.length)] ?? fallback
  const first = charter.capture.apps[0]
  if (first === undefined) throw new RangeError('the charter lists no app')
  let app = first
  const target = () => ({
    role: pick(charter.shield.roles, 'other'),
    label: pick(app.labels, 'Save'),
    box: box(Math.floor(random() * 30) * 40, Math.floor(random() * 19) * 40),
  })
  const actions: Action[] = [{ kind: 'switch', app: app.id }]
  while (actions.length < count) {
    const dice = random()
    if (dice < 0.4) actions.push({ kind: 'click', button: 'left', count: random() < 0.1 ? 2 : 1, target: target() })
    else if (dice < 0.6) actions.push({ kind: 'hover', target: target() })
    else if (dice < 0.75) {
      actions.push({
        kind: 'type',
        text: pick(['word', 'number', 'sentence', 'date'], 'other'),
        length: pick(['tiny', 'short', 'medium'], 'short'),
      })
    } else if (dice < 0.85) actions.push({ kind: 'press', key: pick(['enter', 'tab', 'down', 'escape'], 'enter') })
    else if (dice < 0.9) actions.push({ kind: 'hotkey', keys: ['ctrl', pick(['c', 'v', 's', 'f'], 'c')] })
    else if (dice < 0.97) {
      actions.push({
        kind: 'scroll',
        direction: random() < 0.8 ? 'down' : 'up',
        amount: pick([1, 2, 4, 8], 1),
        target: target(),
      })
    } else {
      app = pick(charter.capture.apps, first)
      actions.push({ kind: 'switch', app: app.id })
    }
  }
  return actions
}

export function randomId(): string {
  return randomBytes(16).toString('base64url')
}

function box(x: number, y: number): [number, number, number, number] {
  return [x, y, 80, 32]
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
