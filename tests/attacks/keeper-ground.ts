/** A vault with something in it, a keeper and a ledger, and a line to the keeper with the vault's own key: the ground of attacks. */
import {
  type Activation,
  type Approval,
  GRANT_APPROVED_ENTRY,
  GRANT_OPENED_ENTRY,
  type Grant,
  grantHash,
  type KeeperItem,
  sliceDigest,
} from '@fairtrace/core'
import { appendToLedger } from '@fairtrace/server/ledger/append'
import { startLedger } from '@fairtrace/server/ledger/role'
import { signerFromSeed } from '@fairtrace/server/runtime/jws'
import type { RunningRole } from '@fairtrace/server/runtime/role'
import { type OpenDatabase, openDatabase } from '@fairtrace/server/store/database'
import { generateX25519, type X25519KeyPair } from '@fairtrace/server/vault/hpke'
import { type KeeperClient, openKeeperClient } from '@fairtrace/server/vault/keeper-client'
import { startVault } from '@fairtrace/server/vault/role'
import { witnessedProof } from '@fairtrace/server/vault/witnessed-proof'
import {
  aDevice,
  aGrant,
  startTestGround,
  TEST_SEEDS,
  type TestDevice,
  type TestGround,
} from '@fairtrace/testing/harness'
import { pino } from 'pino'
import { fillVault } from '../release-ground.ts'

export const HOUR_MS = 3_600_000

export interface KeeperGround {
  readonly ground: TestGround
  readonly people: readonly TestDevice[]
  /** As the vault's process has it. */
  readonly database: OpenDatabase
  /** Requests that are signed with the vault's own key: whoever took that process over can send these. */
  readonly line: KeeperClient
  readonly recipient: X25519KeyPair
  clock: { nowMs(): number; offsetMs: number }
  grant(overrides?: Partial<Grant>): Grant
  /** An entry that really stands in the log. */
  logged(
    type: string,
    detail: unknown,
  ): Promise<{ readonly type: string; readonly detail: unknown; readonly proof: string }>
  items(): Promise<KeeperItem[]>
  /** What an honest vault would send to activate. */
  activation(
    grant: Grant,
    approvals: readonly Approval[],
  ): Promise<{ readonly result: { readonly activation: Activation } }>
  startVault(): Promise<void>
  stopVault(): Promise<void>
  stop(): Promise<void>
}

export async function startKeeperGround(peopleCount = 2, batchesEach = 1): Promise<KeeperGround> {
  const clock = { offsetMs: 0, nowMs: () => Date.now() + clock.offsetMs }
  const ground = await startTestGround({ clock })
  const context = { log: pino({ level: 'silent' }), clock, addresses: {} }
  const ledger = await startLedger({ ...ground.contextOf('ledger'), ...context })
  let vault: RunningRole | null = null
  const database = openDatabase(ground.database.url('vault'), 4)
  const line = openKeeperClient(ground.keeper.place, signerFromSeed(TEST_SEEDS.vault), clock)
  const people = Array.from({ length: peopleCount }, () => aDevice())
  const recipient = generateX25519()
  const startOne = async () => {
    vault = await startVault({ ...ground.contextOf('vault'), ...context })
  }
  const stopOne = async () => {
    await vault?.stop()
    vault = null
  }
  await startOne()
  await fillVault(ground, people, batchesEach)
  const logged = async (type: string, detail: unknown) => {
    const { index, salt } = await appendToLedger(database, type, detail, { waitForCheckpoint: true })
    return { type, detail, proof: await witnessedProof(database, index, salt, line) }
  }
  return {
    ground,
    people,
    database,
    line,
    recipient,
    clock,
    logged,
    grant: (overrides = {}) =>
      aGrant(ground.charter, {
        recipientKey: recipient.publicKeyRaw.toString('base64url'),
        requestedAtMs: clock.nowMs(),
        ...overrides,
      }),
    async items() {
      const { rows } = await ground.sql.query('select * from vault.content_keys order by id')
      return rows.map((row) => ({
        contentKeyId: row.id,
        pseudonym: row.pseudonym,
        generation: row.generation,
        e: row.enc.toString('base64url'),
      }))
    },
    async activation(grant, approvals) {
      const detail = { grant, approvers: approvals.map(({ approver }) => approver) }
      const entry = await logged(GRANT_APPROVED_ENTRY, detail)
      return await line.call<'activate'>({ call: 'activate', grant, approvals: [...approvals], logged: entry })
    },
    startVault: startOne,
    stopVault: stopOne,
    async stop() {
      await stopOne()
      await ledger.stop()
      await database.close()
      await ground.stop()
    },
  }
}

/** The detail of an opening of these items. */
export function openingDetail(grant: Grant, approvals: readonly Approval[], items: readonly KeeperItem[]) {
  return {
    opening: 'an-opening',
    grant,
    approvers: approvals.map(({ approver }) => approver),
    slices: [sliceDigest(items)],
    contentKeys: items.length,
  }
}

export { GRANT_APPROVED_ENTRY, GRANT_OPENED_ENTRY, grantHash }
