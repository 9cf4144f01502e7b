import { type BatchId, charterHash, FairtraceError, type ProgrammeId, type VaultKeyId } from '@fairtrace/core'
import { aCharter, aDevice, aPermit, aVaultKey, aBatch as makeBatch } from '@fairtrace/testing/harness'
import { describe, expect, it } from 'vitest'
import type { OpenDatabase } from '../store/database.ts'
import type { UploadContext } from './check-upload.ts'
import { PostgresInbox, type SealedBatch } from './inbox.ts'
import { intakeServer } from './role.ts'

const aBatch = (id: number): SealedBatch => ({
  id: `batch-${id}` as BatchId,
  vaultKeyId: '00112233aabbccdd' as VaultKeyId,
  sealed: new Uint8Array(16),
})

/** Stands in for a database that hangs or is full: neither can be had from a real one on demand. */
function aPool(answer: () => Promise<unknown>) {
  const rows: number[] = []
  const pool = {
    query(statement: { values: readonly unknown[] } | string) {
      if (typeof statement === 'string') return Promise.resolve()
      rows.push(statement.values.length / 3)
      return answer()
    },
  }
  return { rows, database: { pool } as unknown as OpenDatabase }
}

describe('the inbox', () => {
  it('refuses what is more than it may keep waiting, and takes the rest once it can', async () => {
    const commit = Promise.withResolvers<void>()
    const { database } = aPool(() => commit.promise)
    const inbox = new PostgresInbox(database)
    const added = Array.from({ length: 5_000 }, (_, i) =>
      inbox.add(aBatch(i)).then(
        () => 'accepted',
        (error: { code: string }) => error.code,
      ),
    )
    commit.resolve()
    const answers = await Promise.all(added)
    expect(new Set(answers)).toEqual(new Set(['accepted', 'INTAKE_BUSY']))
    expect(answers.slice(0, 2_000).every((one) => one === 'accepted')).toBe(true)
    await inbox.settled()
  })

  it('acknowledges nothing before its commit', async () => {
    const commit = Promise.withResolvers<void>()
    const { database } = aPool(() => commit.promise)
    const inbox = new PostgresInbox(database)
    let isAccepted = false
    const added = inbox.add(aBatch(1)).then(() => {
      isAccepted = true
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(isAccepted).toBe(false)
    commit.resolve()
    await added
    expect(isAccepted).toBe(true)
  })

  it('sends together what came together, two statements at a time', async () => {
    const { database, rows } = aPool(() => new Promise((resolve) => setTimeout(resolve, 5)))
    const inbox = new PostgresInbox(database)
    await Promise.all(Array.from({ length: 200 }, (_, i) => inbox.add(aBatch(i))))
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(200)
    expect(rows.length).toBeLessThan(10)
  })

  it.each([
    ['53100', 'DISK_FULL'],
    ['57P01', 'DATABASE_FAILED'],
    [undefined, 'DATABASE_FAILED'],
  ])('says %s as %s', async (code, expected) => {
    const { database } = aPool(() => Promise.reject(Object.assign(new Error('no'), { code })))
    await expect(new PostgresInbox(database).add(aBatch(1))).rejects.toMatchObject({ code: expected })
  })

  it('sends one batch that came twice at once as one row', async () => {
    const { database, rows } = aPool(() => Promise.resolve())
    const inbox = new PostgresInbox(database)
    await Promise.all([inbox.add(aBatch(1)), inbox.add(aBatch(1))])
    expect(rows).toEqual([1])
  })
})

describe('an intake that is not there for the moment', () => {
  const context: UploadContext = {
    clock: { nowMs: () => 0 },
    keys: { isOpen: async () => true },
    currentProgramme: () => null,
  }
  const state = { isReady: () => false, onFailure: () => undefined }

  it('says when to come again if too many wait', async () => {
    const charter = aCharter()
    const vaultKey = aVaultKey()
    const { id, bytes } = makeBatch({ charter, vaultKey, device: aDevice(), sequence: 0, atMs: 0 })
    const programme = {
      id: charter.programme as ProgrammeId,
      state: 'running',
      epoch: 0,
      charterHash: charterHash(charter),
      charter,
      charters: new Map(),
      lockdown: null,
      endedUpTo: 0,
    } as const
    const busy = { add: () => Promise.reject(new FairtraceError('INTAKE_BUSY', 'full')) }
    const app = intakeServer({ ...context, currentProgramme: () => programme }, busy, state)
    const headers = { 'content-type': 'application/octet-stream', authorization: `Bearer ${aPermit(id, 0)}` }
    const answer = await app.inject({ method: 'POST', url: '/batches', headers, payload: bytes })
    expect([answer.statusCode, answer.headers['retry-after'], answer.json().error.code]).toEqual([
      429,
      '5',
      'INTAKE_BUSY',
    ])
  })

  it('says 503 at its door until it has heard of the database', async () => {
    const app = intakeServer(context, { add: async () => undefined }, state)
    const answer = await app.inject('/healthz')
    expect([answer.statusCode, answer.json()]).toEqual([503, { state: 'starting' }])
  })
})
