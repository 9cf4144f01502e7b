/** A running programme with many enrolled devices of as many people, and a portal as a process of its own. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { charterHash } from '@fairtrace/core'
import { type RoleProcess, startRoleProcess, startTestGround, type TestGround } from '@fairtrace/testing/harness'
import type { EnrolledDevice } from './simulated-device.ts'

export interface LeaseGround {
  readonly ground: TestGround
  readonly portal: RoleProcess
  /** What the generator reads. */
  readonly devicesFile: string
  /** Participants' bearers, one a device, in the same order. */
  readonly sessions: readonly string[]
  stop(): Promise<void>
}

/** @param prefix command in front of the portal and of its PostgreSQL */
export async function startLeaseGround(count: number, prefix: readonly string[] = []): Promise<LeaseGround> {
  const folder = mkdtempSync(join(tmpdir(), 'fairtrace-leases-'))
  const devicesFile = join(folder, 'devices.json')
  const ground = await startTestGround({ fsync: true, prefix })
  const people = Array.from({ length: count }, makePerson)
  writeFileSync(devicesFile, JSON.stringify(people.map(({ enrolled }) => enrolled)), { mode: 0o600 })
  await insertPeople(ground, people)
  const portal = await startRoleProcess(ground.contextOf('portal'), prefix)
  return {
    ground,
    portal,
    devicesFile,
    sessions: people.map(({ session }) => session),
    async stop() {
      await portal.stop()
      await ground.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Resident bytes of a process. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1_024
}

interface Person {
  readonly pseudonym: string
  readonly session: string
  readonly publicKey: string
  readonly enrolled: EnrolledDevice
}

function makePerson(): Person {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    pseudonym: randomBytes(16).toString('base64url'),
    session: randomBytes(32).toString('base64url'),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64url'),
    enrolled: {
      device: randomBytes(16).toString('base64url'),
      privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    },
  }
}

async function insertPeople({ sql, charter }: TestGround, people: readonly Person[]): Promise<void> {
  const pseudonyms = people.map(({ pseudonym }) => pseudonym)
  const event = {
    kind: 'given',
    noticeVersion: charter.notice.version,
    noticeDigest: createHash('sha256').update(charter.notice.text).digest('base64url'),
    charter: charterHash(charter),
    receipt: 'r'.repeat(1_500),
    categories: charter.capture.categories,
    apps: charter.capture.apps.map(({ id }) => id),
  }
  await sql.query(
    'insert into consent.people (pseudonym, session_hash, invited_at_ms, notice_version) select *, 0, 1 from unnest($1::text[], $2::text[])',
    [pseudonyms, people.map(({ session }) => createHash('sha256').update(session).digest('base64url'))],
  )
  await sql.query('insert into consent.events select p, 1, $2, $3 from unnest($1::text[]) p', [
    pseudonyms,
    Date.now() - 60_000,
    JSON.stringify(event),
  ])
  await sql.query(
    'insert into consent.devices (device, pseudonym, public_key, build) select *, $4 from unnest($1::text[], $2::text[], $3::text[])',
    [
      people.map(({ enrolled }) => enrolled.device),
      pseudonyms,
      people.map(({ publicKey }) => publicKey),
      charter.builds.device[0],
    ],
  )
  await sql.query('analyze')
}
