/**
 * [intake.embedded] Sealed batches acknowledged as durable in a second: intake and its PostgreSQL on one core, the
 * generator on another, fsync on, distinct people and keys, every check done.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import {
  aVaultKey,
  randomId,
  someActions,
  startRoleProcess,
  startTestGround,
  type TestGround,
} from '@fairtrace/testing/harness'
import { canPin, type LoadRequest, sendLoad } from './batches/load.ts'
import { prepareBatches } from './batches/prepare.ts'
import type { Benchmark, Runs } from './benchmark.ts'

const SERVER_CORE = 0
const GENERATOR_CORE = 1
const RUNS = 3
const SECONDS = 10
const CONNECTIONS = 64
/** More than ten seconds can use. */
const BATCHES = 40_000
const PEER_UPLOADS = 20_000
const PINNED = ['taskset', '-c', String(SERVER_CORE)]

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'intake.embedded',
    unit: 'batches/s',
    better: 'higher',
    target: 2_000,
    peerName: 'fastify, JSON, a row per action',
    run: async () => (canPin() ? await measure() : { reason: 'needs taskset and two cores' }),
  },
]

async function measure(): Promise<Runs> {
  const ground = await startTestGround({ fsync: true, prefix: PINNED })
  try {
    const vaultKey = aVaultKey()
    await ground.sql.query('insert into vault.day_keys values ($1, $2, 0, 1, $3)', [
      vaultKey.keyId,
      vaultKey.publicKey,
      '',
    ])
    const batches = await prepareBatches(BATCHES, vaultKey)
    const requests = batches.map(({ bytes, permit }) => ({ body: bytes, authorization: `Bearer ${permit}` }))
    const uploads = peerUploads(ground)
    const ours: number[] = []
    const peer: number[] = []
    for (let run = 0; run < RUNS; run++) {
      ours.push(await measureOurs(ground, requests))
      peer.push(await measurePeer(ground, uploads))
    }
    return { ours, peer }
  } finally {
    await ground.stop()
  }
}

async function measureOurs(ground: TestGround, requests: readonly LoadRequest[]): Promise<number> {
  await settle(ground, 'truncate inbox.batches')
  const intake = await startRoleProcess(ground.contextOf('intake'), PINNED)
  try {
    const options = { core: GENERATOR_CORE, connections: CONNECTIONS, seconds: SECONDS }
    const result = await sendLoad(`${intake.address}/batches`, 'application/octet-stream', requests, options)
    const { rows } = await ground.sql.query('select count(*)::int as count from inbox.batches')
    if (rows[0].count !== result.acknowledged || result.refused > 0)
      throw new RangeError('acknowledged is not what is stored')
    return result.acknowledged / result.seconds
  } finally {
    await intake.stop()
  }
}

async function measurePeer(ground: TestGround, uploads: readonly LoadRequest[]): Promise<number> {
  await settle(ground, 'drop table if exists public.peer_actions')
  await ground.sql.query(
    `create table public.peer_actions
      (id bigint generated always as identity primary key, session text not null, place int not null, action jsonb not null)`,
  )
  const child = fork(fileURLToPath(new URL('./batches/row-per-action.ts', import.meta.url)), {
    execPath: 'taskset',
    execArgv: ['-c', String(SERVER_CORE), process.execPath, '--disable-warning=ExperimentalWarning'],
  })
  try {
    child.send({ databaseUrl: ground.database.superuserUrl })
    const [{ address }] = (await once(child, 'message')) as [{ address: string }]
    const options = { core: GENERATOR_CORE, connections: CONNECTIONS, seconds: SECONDS }
    const result = await sendLoad(`${address}/batches`, 'application/json', uploads, options)
    if (result.refused > 0) throw new RangeError('the peer refused uploads')
    return result.acknowledged / result.seconds
  } finally {
    child.kill()
    await once(child, 'exit')
  }
}

/** Both begin with an empty table and nothing left for PostgreSQL to write. */
async function settle(ground: TestGround, statement: string): Promise<void> {
  await ground.sql.query(statement)
  await ground.sql.query('checkpoint')
}

function peerUploads(ground: TestGround): LoadRequest[] {
  return Array.from({ length: PEER_UPLOADS }, (_, i) => ({
    body: Buffer.from(JSON.stringify({ session: randomId(), actions: someActions(ground.charter, i) })),
    authorization: '',
  }))
}
