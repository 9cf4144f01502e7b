/**
 * Verifies a release folder: who built it, under which charter, and that it is all there and nothing else.
 *
 * Trust starts at the charter's hash. Whoever has it from elsewhere (a receipt, the portal, a colleague) gives it; otherwise
 * the answer holds only for the charter that lies beside the data, and says so.
 */
import {
  base64url,
  type Charter,
  charterHash,
  FairtraceError,
  ledgerOrigin,
  parseCharter,
  RELEASE_ENTRY_TYPE,
  RELEASE_TYP,
  RELEASE_UNLISTED,
  type ReleaseManifest,
  releaseManifestSchema,
  releaseStatementSchema,
  shardBytes,
  shardFile,
} from '@fairtrace/core'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8 } from './encoding.ts'
import { trustLog } from './policy.ts'
import { verifyJws } from './signature.ts'
import { type VerifiedInclusion, verifyCommitted } from './verify-inclusion.ts'

const MANIFEST_BYTES_MAX = 64 * 1024 * 1024

/** A folder as its reader sees it; paths are relative, with forward slashes. */
export interface ReleaseSource {
  /** Every file in the folder, at any depth. Links and other things that are no files too, so that they count as unlisted. */
  list(): Promise<readonly string[]>
  /** @returns the bytes in pieces, or null if there is no such file */
  read(path: string): Promise<AsyncIterable<Uint8Array> | null>
}

/** In the order in which they are checked. */
export type ReleaseCheck = 'charter' | 'signature' | 'files' | 'ledger'

export interface ReleaseOptions {
  /** The expected charter hash, or null to accept the charter in the folder. */
  readonly charter: string | null
  readonly onProgress?: (bytes: number, total: number) => void
  /** Called with each check that has passed. */
  readonly onChecked?: (check: ReleaseCheck) => void
}

export interface VerifiedRelease {
  /** SHA-256 of the manifest, base64url. */
  readonly id: string
  readonly manifest: ReleaseManifest
  readonly charter: Charter
  /** Where the ledger has the release, or null if the folder holds no proof. */
  readonly ledger: VerifiedInclusion | null
}

/** @throws `RELEASE_NOT_FOUND`, `SIGNATURE_INVALID`, `RELEASE_SHARD_MISMATCH`, `LEDGER_INVALID` */
export async function verifyRelease(source: ReleaseSource, options: ReleaseOptions): Promise<VerifiedRelease> {
  const bytes = await readSmall(source, 'manifest.json')
  if (bytes === null) throw new FairtraceError('RELEASE_NOT_FOUND', 'there is no manifest.json')
  const id = base64url(sha256(bytes))
  const charter = await readCharter(source, options.charter)
  options.onChecked?.('charter')
  const jws = await readText(source, 'manifest.jws')
  if (jws === null) throw new FairtraceError('SIGNATURE_INVALID', 'there is no manifest.jws')
  const statement = releaseStatementSchema.safeParse(
    verifyJws(RELEASE_TYP, jws, charter.keys.builder, 'SIGNATURE_INVALID'),
  )
  if (statement.data?.manifest !== id) throw new FairtraceError('SIGNATURE_INVALID', 'another manifest was signed')
  const manifest = parseManifest(bytes)
  if (manifest.charter !== charterHash(charter) || manifest.programme !== charter.programme) {
    throw new FairtraceError('SIGNATURE_INVALID', 'the release was built under another charter')
  }
  options.onChecked?.('signature')
  await requireListed(source, manifest)
  await requireShards(source, manifest, options.onProgress)
  options.onChecked?.('files')
  const proof = await readText(source, 'ledger.tlog-proof')
  if (proof === null) return { id, manifest, charter, ledger: null }
  const origin = ledgerOrigin(charter.programme)
  const ledger = verifyCommitted(RELEASE_ENTRY_TYPE, { manifest: id }, proof, trustLog(charter.keys.ledger, origin))
  options.onChecked?.('ledger')
  return { id, manifest, charter, ledger }
}

async function readCharter(source: ReleaseSource, expected: string | null): Promise<Charter> {
  const text = await readText(source, 'charter.yaml')
  if (text === null) throw new FairtraceError('SIGNATURE_INVALID', 'there is no charter.yaml')
  const charter = parse(text)
  if (expected !== null && charterHash(charter) !== expected) {
    throw new FairtraceError('SIGNATURE_INVALID', 'the charter is not the expected one')
  }
  return charter
}

function parse(text: string): Charter {
  try {
    return parseCharter(text, 'charter.yaml')
  } catch (cause) {
    throw new FairtraceError('SIGNATURE_INVALID', 'charter.yaml is no valid charter', { cause })
  }
}

function parseManifest(bytes: Uint8Array): ReleaseManifest {
  try {
    return releaseManifestSchema.parse(JSON.parse(utf8(bytes) ?? ''))
  } catch (cause) {
    throw new FairtraceError('RELEASE_SHARD_MISMATCH', 'manifest.json is no release manifest', { cause })
  }
}

/** A file as it is stored. */
interface StoredFile {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

/** Nothing here needs a key: what is signed is the digest of what is stored, encrypted. */
function storedFiles({ shards, documents }: ReleaseManifest): StoredFile[] {
  const sealed = shards.map(({ bytes, sha256: digest }) => ({
    path: shardFile(digest),
    bytes: shardBytes(bytes),
    sha256: digest,
  }))
  return [...documents, ...sealed]
}

/** Each file listed once and there, and none that isn't listed: an extra file would pass for part of the release. */
async function requireListed(source: ReleaseSource, manifest: ReleaseManifest): Promise<void> {
  const expected = new Set<string>(RELEASE_UNLISTED)
  for (const { path } of [...storedFiles(manifest), ...manifest.shards]) {
    if (expected.has(path)) throw new FairtraceError('RELEASE_SHARD_MISMATCH', `${path} is listed twice`)
    expected.add(path)
  }
  for (const { path } of manifest.shards) expected.delete(path)
  const extra = (await source.list()).filter((path) => !expected.has(path))
  if (extra.length > 0) {
    throw new FairtraceError('RELEASE_SHARD_MISMATCH', `${extra.length} files are not listed; the first is ${extra[0]}`)
  }
}

async function requireShards(
  source: ReleaseSource,
  manifest: ReleaseManifest,
  onProgress: ReleaseOptions['onProgress'],
): Promise<void> {
  const shards = storedFiles(manifest)
  const total = shards.reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  for (const shard of shards) {
    const pieces = await source.read(shard.path)
    if (pieces === null) throw new FairtraceError('RELEASE_SHARD_MISMATCH', `${shard.path} is missing`)
    const hash = sha256.create()
    let bytes = 0
    for await (const piece of pieces) {
      hash.update(piece)
      bytes += piece.length
      // The manifest bounds what is read; a file that never ends stops here.
      if (bytes > shard.bytes) break
      onProgress?.(done + bytes, total)
    }
    if (bytes !== shard.bytes) {
      throw new FairtraceError('RELEASE_SHARD_MISMATCH', `${shard.path} does not have ${shard.bytes} bytes`)
    }
    const digest = hex(hash.digest())
    if (digest !== shard.sha256) {
      const [expected, got] = [shard.sha256.slice(0, 8), digest.slice(0, 8)]
      throw new FairtraceError('RELEASE_SHARD_MISMATCH', `${shard.path}: expected sha256 ${expected}…, got ${got}…`)
    }
    done += bytes
  }
}

async function readText(source: ReleaseSource, path: string): Promise<string | null> {
  const bytes = await readSmall(source, path)
  return bytes === null ? null : (utf8(bytes) ?? '')
}

async function readSmall(source: ReleaseSource, path: string): Promise<Uint8Array | null> {
  const pieces = await source.read(path)
  if (pieces === null) return null
  const parts: Uint8Array[] = []
  let length = 0
  for await (const piece of pieces) {
    parts.push(piece)
    length += piece.length
    if (length > MANIFEST_BYTES_MAX) throw new FairtraceError('RELEASE_SHARD_MISMATCH', `${path} is too large`)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
