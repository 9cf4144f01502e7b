/** Opening the key of one release, after it was allowed: log → the keeper's share → the key, sealed to the training room. */
import { FairtraceError, GRANT_OPENED_ENTRY, KEEPER_SHARES_INFO, releaseItemDigest } from '@fairtrace/core'
import { appendToLedger } from '../ledger/append.ts'
import { unwrapContentKey } from './content-key-wrap.ts'
import { generateX25519, hpkeOpen, hpkeSeal } from './hpke.ts'
import type { KeeperClient } from './keeper-client.ts'
import type { OpeningInput } from './opening.ts'
import { publicKeysOf, RELEASE_KEY_INFO, releaseWrapName } from './release-keys.ts'
import { isReleaseVouched, type ReleaseKeysRow, releasePair } from './release-pairs.ts'
import { witnessedProof } from './witnessed-proof.ts'

const SHARE_BYTES = 32

export interface ReleaseOpening {
  readonly id: string
  readonly release: string
  readonly recipientKey: string
  /** What the ledger's entry says besides. */
  readonly detail: Readonly<Record<string, unknown>>
  requireStillAllowed(): void
  askKeeper(
    item: { readonly release: string; readonly e: string },
    replyKey: string,
    logged: { readonly type: string; readonly detail: unknown; readonly proof: string },
  ): ReturnType<KeeperClient['call']>
}

export interface OpenedRelease {
  readonly index: number
  readonly enc: string
  readonly sealed: string
}

/** @throws `RELEASE_CLOSED`, `KEY_UNAVAILABLE`, and what ledger and keeper throw */
export async function openReleaseKey(opening: ReleaseOpening, input: OpeningInput): Promise<OpenedRelease> {
  const { database, keystore, keeper, vouched } = input
  const { release } = opening
  const row = await keyRow(input, release)
  if (!isReleaseVouched(row, vouched)) throw unavailable()
  const item = { release, e: row.enc.toString('base64url') }
  const detail = { opening: opening.id, ...opening.detail, slices: [releaseItemDigest(item)], contentKeys: 1 }
  const logged = await appendToLedger(database, GRANT_OPENED_ENTRY, detail, { waitForCheckpoint: true })
  keystore.keepLedgerDetail(logged.index, GRANT_OPENED_ENTRY, logged.salt, detail)
  const proof = await witnessedProof(database, logged.index, logged.salt, keeper)
  opening.requireStillAllowed()
  const reply = generateX25519()
  const claim = { type: GRANT_OPENED_ENTRY, detail, proof }
  const { result, nonce } = await opening.askKeeper(item, reply.publicKeyRaw.toString('base64url'), claim)
  opening.requireStillAllowed()
  const { enc: shareEnc, sealed: shareSealed } = result as { readonly enc: string; readonly sealed: string }
  const keeperShare = hpkeOpen({
    ...reply,
    enc: Buffer.from(shareEnc, 'base64url'),
    info: KEEPER_SHARES_INFO,
    aad: Buffer.from(nonce),
    ciphertext: Buffer.from(shareSealed, 'base64url'),
  })
  if (keeperShare.length !== SHARE_BYTES) throw new FairtraceError('KEEPER_UNTRUSTED', 'the keeper gave no share')
  const key = unwrapContentKey({
    name: releaseWrapName(release),
    keys: publicKeysOf(row),
    enc: row.enc,
    sealed: row.sealed,
    vaultPrivate: (await releasePair(keystore, release)).privateKey,
    keeperShare,
  })
  const recipient = Buffer.from(opening.recipientKey, 'base64url')
  const { enc, ciphertext } = hpkeSeal(recipient, RELEASE_KEY_INFO, Buffer.from(release), key)
  key.fill(0)
  keeperShare.fill(0)
  return { index: logged.index, enc: enc.toString('base64url'), sealed: ciphertext.toString('base64url') }
}

/** Writes the answer unless the release was closed meanwhile: the closing comes before, or finds the answer and empties it. */
export async function writeReleaseAnswer(
  { pool }: OpeningInput['database'],
  id: string,
  release: string,
  { index, enc, sealed }: OpenedRelease,
): Promise<void> {
  await pool.query(
    `update vault.openings set state = 'opened', ledger_index = $3, answer = $4 where id = $1 and state = 'requested'
     and exists (select from vault.sealed_release_keys where release = $2 for key share)`,
    [id, release, index, JSON.stringify({ release: { enc, sealed } })],
  )
}

async function keyRow({ database }: OpeningInput, release: string) {
  const { rows } = await database.pool.query<ReleaseKeysRow & { enc: Buffer; sealed: Buffer; closed: boolean }>(
    `select k.release, k.public_key, k.keeper_public_key, k.keeper_signature, s.enc, s.sealed,
       exists (select from vault.release_closings c where c.release = k.release) as closed
     from vault.release_keys k join vault.sealed_release_keys s on s.release = k.release where k.release = $1`,
    [release],
  )
  const [row] = rows
  if (row === undefined || row.closed) throw new FairtraceError('RELEASE_CLOSED', 'the release is closed')
  return row
}

function unavailable(): FairtraceError {
  return new FairtraceError('KEY_UNAVAILABLE', "the release's keys are not those that the keeper vouched for")
}
