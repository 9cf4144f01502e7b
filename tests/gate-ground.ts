/** What the gate asks for, brought by the people of the test charter: evidence, root cause, notices, statement and signatures. */
import { sign } from 'node:crypto'
import { EVIDENCE_TYP, type Evidence, type GateSignature, gateMessage } from '@fairtrace/core'
import { evidenceDigest } from '@fairtrace/server/assurance/evidence'
import { SAFEGUARDS } from '@fairtrace/server/assurance/safeguards'
import { SERVER_BUILD } from '@fairtrace/server/runtime/build'
import { type Signer, signerFromSeed, signJws } from '@fairtrace/server/runtime/jws'
import { TEST_SEEDS } from '@fairtrace/testing/harness'
import type pg from 'pg'

export const QUORUM = [
  { name: 'Olga Owner', signer: signerFromSeed(TEST_SEEDS.programmeOwner) },
  { name: 'Dana Weiss', signer: signerFromSeed(TEST_SEEDS.dataProtection) },
  { name: 'Sam Lindqvist', signer: signerFromSeed(TEST_SEEDS.security) },
  { name: 'Robin Okafor', signer: signerFromSeed(TEST_SEEDS.workerRepresentative) },
] as const

export const CAUSE = {
  text: 'A role of the reporting tool was given a right on a table by hand.',
  safeguards: [SAFEGUARDS[0]?.id ?? ''],
  actions: [{ what: 'Take the right away, and the tool’s account with it', owner: 'operations', dueOn: '2026-12-01' }],
}

export function gateSignature(hash: string, { name, signer }: { name: string; signer: Signer }): GateSignature {
  return { name, signature: sign(null, gateMessage(hash), signer.privateKey).toString('base64url') }
}

/** Fresh evidence of every safeguard, one of it from an unannounced drill, as the issuer would have signed it. */
export async function bringEvidence(
  sql: pg.Pool,
  nowMs: number,
  overrides: Partial<Evidence> = {},
  signer?: Signer,
): Promise<void> {
  const { rows } = await sql.query<{ id: string; epoch: number; charter_hash: string }>(
    'select * from install.programme',
  )
  const [programme] = rows
  for (const [i, safeguard] of SAFEGUARDS.entries()) {
    const evidence: Evidence = {
      v: 1,
      safeguard: safeguard.id,
      drill: safeguard.drill,
      promise: safeguard.promise,
      passed: true,
      startedAtMs: nowMs - 1,
      endedAtMs: nowMs,
      detectMs: null,
      containMs: null,
      twin: true,
      basis: 'reported',
      build: SERVER_BUILD,
      programme: programme?.id ?? '',
      charter: programme?.charter_hash ?? '',
      epoch: programme?.epoch ?? 0,
      nonce: i === 0 ? 'A'.repeat(22) : null,
      drillEntry: 1_000_000 + i,
      ...overrides,
    }
    const jws = signJws(EVIDENCE_TYP, evidence, signer ?? signerFromSeed(TEST_SEEDS.issuer))
    await sql.query(
      'insert into assurance.evidence (digest, run, safeguard, ended_at_ms, jws) values ($1, $2, $3, $4, $5) on conflict do nothing',
      [evidenceDigest(jws), `run-${i}`, safeguard.id, nowMs, jws],
    )
  }
}
