/**
 * How soon the sentinel knows: the whole audience of a large company, one change of it, a drift outside, and what watching costs.
 *
 * Everything runs against a real PostgreSQL and real files, by the sentinel's own process where time or cost is measured.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { AccessPolicies, type Person, type Resource } from '@fairtrace/server/access/access-policies'
import type { RoleContext, RunningRole } from '@fairtrace/server/runtime/role'
import { type LiveGrant, PolicyAudience, type PolicyWorld } from '@fairtrace/server/sentinel/audience/policy-audience'
import { startSentinel } from '@fairtrace/server/sentinel/sentinel-role'
import { judgePolicies } from '@fairtrace/server/sentinel/surfaces/policies'
import { aCharter, startTestDatabase, TEST_SEEDS } from '@fairtrace/testing/harness'
import pg from 'pg'
import { pino } from 'pino'
import type { Benchmark, Runs } from './benchmark.ts'

const PEOPLE = 70_000
const RESOURCES = 50
const GRANTS = 40
const RUNS = 3
const DRIFTS = 5
const IDLE_MS = 30_000

export const benchmarks: readonly Benchmark[] = [
  { name: 'sentinel.audience', unit: 'ms', better: 'lower', target: 10_000, peerName: null, run: async () => full() },
  {
    name: 'sentinel.audience.incremental',
    unit: 'ms',
    better: 'lower',
    target: 200,
    peerName: null,
    run: async () => incremental(),
  },
  { name: 'sentinel.detect', unit: 'ms', better: 'lower', target: 5_000, peerName: null, run: detect },
  { name: 'sentinel.drift', unit: 'ms', better: 'lower', target: 60_000, peerName: null, run: drift },
  { name: 'sentinel.idle-cpu', unit: '% of a core', better: 'lower', target: 3, peerName: null, run: idle },
]

function company(): { readonly world: PolicyWorld; readonly people: readonly (readonly [string, Person])[] } {
  const groups = Array.from({ length: 5 }, (_, i) => `group-${i}`)
  const charter = aCharter({ audience: groups.map((group) => ({ group, sizeMax: 20_000, grantMax: 28_800_000 })) })
  const resources: Resource[] = [
    { kind: 'recordings' },
    ...Array.from(
      { length: RESOURCES - 1 },
      (_, i): Resource => ({ kind: 'release', release: String(i).padStart(43, 'r') }),
    ),
  ]
  const purpose = charter.purpose.term
  const grants = Array.from(
    { length: GRANTS },
    (_, i): LiveGrant => ({
      id: `grant-${i}`,
      shown: {
        requester: `Person ${i * 1_000}`,
        group: groups[(i * 1_000) % 5] ?? '',
        resource: resources[i % RESOURCES] ?? { kind: 'recordings' },
        purpose,
        epoch: 1,
        lengthMs: 3_600_000,
        activeFromMs: 0,
        endsAtMs: 3_600_000,
        dataProtection: 'Dana Weiss',
        workerRepresentative: 'Robin Okafor',
      },
    }),
  )
  const world: PolicyWorld = {
    policies: new AccessPolicies(charter),
    grants,
    resources,
    purposes: [purpose, ...charter.forbiddenPurposes, 'dpv:Marketing', 'dpv:SellData'],
    nowMs: 1,
    epoch: 1,
    isRunning: true,
  }
  const people = Array.from({ length: PEOPLE }, (_, i) => {
    const own = [groups[i % 5] ?? '', `department-${i % 300}`, ...(i % 7 === 0 ? [groups[(i + 1) % 5] ?? ''] : [])]
    return [`account ${i}`, { name: `Person ${i}`, groups: own }] as const
  })
  return { world, people }
}

/** Everybody, everything, every purpose; and what of it the charter declares. */
function full(): Runs {
  const { world, people } = company()
  const ours = Array.from({ length: RUNS }, () => {
    const startMs = performance.now()
    const audience = new PolicyAudience(world)
    audience.setPeople(people)
    judgePolicies(world.policies.charter, world, audience)
    return performance.now() - startMs
  })
  return { ours, peer: null }
}

/** A new member, one who changed groups, and a grant more; each time the whole table again. */
function incremental(): Runs {
  const { world, people } = company()
  const audience = new PolicyAudience(world)
  audience.setPeople(people)
  judgePolicies(world.policies.charter, world, audience)
  const time = (change: () => void) => {
    const startMs = performance.now()
    change()
    judgePolicies(world.policies.charter, world, audience)
    return performance.now() - startMs
  }
  const ours = [
    time(() => audience.setPerson('account new', { name: 'Person new', groups: ['group-1'] })),
    time(() => audience.setPerson('account 5', { name: 'Person 5', groups: ['group-2', 'group-3'] })),
    time(() => audience.setWorld({ ...world, grants: world.grants.slice(1) })),
  ]
  return { ours, peer: null }
}

interface Ground {
  readonly sql: pg.Pool
  readonly root: string
  readonly sentinel: RunningRole
  /** Resolves when an exposure with this subject is written down. */
  found(subject: string): Promise<void>
  stop(): Promise<void>
}

async function startGround(): Promise<Ground> {
  const database = await startTestDatabase()
  const sql = new pg.Pool({ connectionString: database.superuserUrl, max: 2 })
  sql.on('error', () => undefined)
  const root = mkdtempSync(join(tmpdir(), 'fairtrace-bench-'))
  mkdirSync(join(root, 'secrets'), { mode: 0o700 })
  writeFileSync(join(root, 'secrets/vault.json'), '{}', { mode: 0o600 })
  const context: RoleContext = {
    ...{
      role: 'sentinel',
      installation: 'demonstration',
      objectsDir: join(root, 'objects'),
      keysDir: null,
      keeper: null,
    },
    ...{ demoAccountsFile: null, signIn: null, access: null, addresses: {}, listen: { host: '127.0.0.1', port: 0 } },
    databaseUrl: database.url('sentinel'),
    watch: { dataDir: root, buckets: {}, kms: { kind: 'local' } },
    secrets: { signingSeed: TEST_SEEDS.sentinel },
    clock: { nowMs: () => Date.now() },
    log: pino({ level: 'silent' }),
  }
  const sentinel = await startSentinel(context)
  const found = async (subject: string) => {
    for (;;) {
      const { rowCount } = await sql.query(`select 1 from install.exposures where subject = $1 and state <> 'closed'`, [
        subject,
      ])
      if (rowCount !== 0) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return {
    sql,
    root,
    sentinel,
    found,
    stop: async () => {
      await sentinel.stop()
      await sql.end()
      await database.stop()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** A right that nobody declared, given at a moment that no look of the sentinel's is timed to. */
async function detect(): Promise<Runs> {
  const ground = await startGround()
  const ours: number[] = []
  try {
    for (let run = 0; run < RUNS; run++) {
      await new Promise((resolve) => setTimeout(resolve, 1_000 + run * 1_300))
      const table = ['vault.chunks', 'vault.segments', 'consent.people'][run] ?? ''
      const startMs = performance.now()
      await ground.sql.query(`grant select on ${table} to public`)
      await ground.found(`table ${table}`)
      ours.push(performance.now() - startMs)
    }
  } finally {
    await ground.stop()
  }
  return { ours, peer: null }
}

/** What no change of ours announces: a column, a mode. */
async function drift(): Promise<Runs> {
  const ground = await startGround()
  const ours: number[] = []
  try {
    for (let run = 0; run < DRIFTS; run++) {
      await new Promise((resolve) => setTimeout(resolve, 500 + run * 900))
      const startMs = performance.now()
      if (run % 2 === 0) {
        const file = `secrets/drift-${run}`
        writeFileSync(join(ground.root, file), '', { mode: 0o600 })
        chmodSync(join(ground.root, file), 0o644)
        await ground.found(`file ${file}`)
      } else {
        const table = run === 1 ? 'inbox.batches' : 'release.jobs'
        await ground.sql.query(`alter table ${table} add column drift text`)
        await ground.found(`table ${table}`)
      }
      ours.push(performance.now() - startMs)
    }
  } finally {
    await ground.stop()
  }
  return { ours, peer: null }
}

/** Of this process, in which nothing else runs; what PostgreSQL spends on its answers is counted apart, by its own process. */
async function idle(): Promise<Runs> {
  const ground = await startGround()
  try {
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    const before = process.cpuUsage()
    const startMs = performance.now()
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
    const { user, system } = process.cpuUsage(before)
    return { ours: [((user + system) / 1_000 / (performance.now() - startMs)) * 100], peer: null }
  } finally {
    await ground.stop()
  }
}
