/** A release in a real vault, and a training room that reads it: the ground of the room's tests. */
import { createCipheriv, createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SHARD_CHUNK_BYTES, SHARD_MAGIC, shardChunks, shardFile, shardKey, shardNonce } from '@fairtrace/core'
import { roomBoxPublicKey } from '@fairtrace/server/builder/box-key'
import { startLedger } from '@fairtrace/server/ledger/role'
import { type RunningRoom, startRoom } from '@fairtrace/server/room/role'
import { type RunWish, runWishSchema } from '@fairtrace/server/room/run-request'
import type { RunningRole } from '@fairtrace/server/runtime/role'
import { openDatabase } from '@fairtrace/server/store/database'
import { sealReleaseKey } from '@fairtrace/server/vault/release-keys'
import { startVault } from '@fairtrace/server/vault/role'
import {
  type ApprovedGrant,
  activateGrant,
  aGrant,
  approved,
  startTestGround,
  TEST_SEEDS,
  type TestGround,
  waitFor,
} from '@fairtrace/testing/harness'
import { pino } from 'pino'

const log = pino({ level: 'silent' })

export interface RoomGround {
  readonly ground: TestGround
  readonly room: RunningRoom
  /** Publishes a release of these files. @returns its id */
  release(files: Readonly<Record<string, string>>): Promise<string>
  grantFor(release: string): Promise<ApprovedGrant>
  /** Asks for a run and returns its id. */
  ask(release: string, granted: ApprovedGrant, wish: Partial<RunWish> & Pick<RunWish, 'command'>): Promise<string>
  /** Its row once it has ended. */
  ended(run: string): Promise<RunRow>
  row(run: string): Promise<RunRow>
  stop(): Promise<void>
}

interface RunRow {
  readonly state: string
  readonly code: string | null
  readonly message: string | null
  readonly output: { readonly exitCode: number; readonly files: { readonly path: string }[] } | null
}

/** @param clock one that a test may move */
export async function startRoomGround(clock = { nowMs: () => Date.now() }): Promise<RoomGround> {
  const ground = await startTestGround({ clock })
  const context = { log, clock, addresses: {} }
  const roles: RunningRole[] = []
  roles.push(await startLedger({ ...ground.contextOf('ledger'), ...context }))
  roles.push(await startVault({ ...ground.contextOf('vault'), ...context }))
  const secrets = { signingSeed: TEST_SEEDS.room }
  const room = await startRoom({ ...ground.contextOf('room'), secrets, ...context })
  roles.push(room)
  const builder = openDatabase(ground.database.url('builder'))

  const row = async (run: string): Promise<RunRow> => {
    const { rows } = await ground.sql.query('select * from room.runs where id = $1', [run])
    return rows[0]
  }
  return {
    ground,
    room,
    row,
    async release(files) {
      const key = randomBytes(32)
      const directory = join('releases', randomUUID())
      const shards = Object.entries(files).map(([path, text]) => writeShard(key, path, text))
      mkdirSync(join(ground.objectsDir, directory, 'shards'), { recursive: true })
      for (const { sha256, sealed } of shards)
        writeFileSync(join(ground.objectsDir, directory, shardFile(sha256)), sealed)
      const listed = shards.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256, rows: 0 }))
      const manifest = Buffer.from(JSON.stringify({ v: 2, shards: listed }))
      writeFileSync(join(ground.objectsDir, directory, 'manifest.json'), manifest)
      const id = createHash('sha256').update(manifest).digest('base64url')
      await sealReleaseKey(builder, id, key)
      await ground.sql.query('insert into release.releases values ($1, $2, $3, 0, $4, 0)', [
        ...[id, directory.slice(9), directory, manifest.toString()],
      ])
      return id
    },
    async grantFor(release) {
      const recipientKey = roomBoxPublicKey(TEST_SEEDS.room)
      const grant = approved(aGrant(ground.charter, { recipientKey, scope: { kind: 'release', release } }))
      await activateGrant(ground.sql, grant)
      return grant
    },
    async ask(release, granted, wish) {
      const id = randomUUID()
      const request = { ...granted, wish: runWishSchema.parse({ grant: granted.grant.id, ...wish }) }
      await ground.sql.query(
        `insert into room.runs (id, release, grant_hash, account, request, requested_at_ms) values ($1, $2, '', '', $3, $4)`,
        [id, release, JSON.stringify(request), Date.now()],
      )
      await ground.sql.query('notify fairtrace_room')
      return id
    },
    ended: (run) =>
      waitFor(async () => {
        const found = await row(run)
        return ['requested', 'running'].includes(found.state) ? null : found
      }),
    async stop() {
      await builder.close()
      for (const role of roles.toReversed()) await role.stop()
      await ground.stop()
    },
  }
}

function writeShard(releaseKey: Uint8Array, path: string, text: string) {
  const plain = Buffer.from(text)
  const key = shardKey(releaseKey, path)
  const count = shardChunks(plain.length)
  const chunks = Array.from({ length: count }, (_, i) => {
    const cipher = createCipheriv('aes-256-gcm', key, shardNonce(i, i === count - 1), { authTagLength: 16 })
    cipher.setAAD(SHARD_MAGIC)
    const part = plain.subarray(i * SHARD_CHUNK_BYTES, (i + 1) * SHARD_CHUNK_BYTES)
    return Buffer.concat([cipher.update(part), cipher.final(), cipher.getAuthTag()])
  })
  const sealed = Buffer.concat([SHARD_MAGIC, ...chunks])
  return { path, bytes: plain.length, sealed, sha256: createHash('sha256').update(sealed).digest('hex') }
}
