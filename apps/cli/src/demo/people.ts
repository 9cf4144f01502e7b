/** The people of a demonstration: made-up names, passwords of their own per installation, approvers with software keys. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { APPROVER_ROLES, QUORUM_ROLES } from '@fairtrace/core'
import type { DataDir } from '@fairtrace/server'
import { z } from 'zod'

const peopleSchema = z.strictObject({
  accounts: z.array(
    z.strictObject({
      name: z.string(),
      role: z.enum(['programme-owner', 'data-protection', 'worker-representative', 'researcher', 'participant']),
      password: z.string(),
      /** Bearer of the participant's own session, so that the account shows what that person would see. */
      session: z.string().optional(),
      /** Of the participant's passkey in software: real ones live in phones and key fobs. */
      passkeySeed: z.string().optional(),
      /** Groups of the charter's audience that they are in. */
      groups: z.array(z.string()).optional(),
    }),
  ),
  /** In a real programme these seeds are passkeys of two people; no installation has them. */
  approvers: z.array(z.strictObject({ name: z.string(), role: z.enum(APPROVER_ROLES), seed: z.string() })),
  quorum: z.array(z.strictObject({ name: z.string(), role: z.enum(QUORUM_ROLES), seed: z.string() })),
})
export type People = z.infer<typeof peopleSchema>

export function createPeople(): People {
  const password = () => randomBytes(6).toString('base64url')
  const seed = () => randomBytes(32).toString('base64url')
  const approvers: People['approvers'] = [
    { name: 'Dana Meyer', role: 'data-protection', seed: seed() },
    { name: 'Willem de Vries', role: 'worker-representative', seed: seed() },
  ]
  return {
    accounts: [
      { name: 'olivia', role: 'programme-owner', password: password() },
      { name: 'dana', role: 'data-protection', password: password() },
      { name: 'willem', role: 'worker-representative', password: password() },
      { name: 'rhea', role: 'researcher', password: password(), groups: ['agent-training'] },
      { name: 'pat', role: 'participant', password: password(), passkeySeed: seed() },
    ],
    approvers,
    quorum: [
      { name: 'Olivia Okonkwo', role: 'programme-owner', seed: seed() },
      { name: 'Samir Lindqvist', role: 'security', seed: seed() },
      ...approvers,
    ],
  }
}

export function writePeople(dir: DataDir, people: People): void {
  mkdirSync(dir.path('demo'), { recursive: true, mode: 0o700 })
  const next = dir.path('demo/people.json.next')
  writeFileSync(next, `${JSON.stringify(people, null, 2)}\n`, { mode: 0o600 })
  renameSync(next, dir.path('demo/people.json'))
}

export function readPeople(dir: DataDir): People {
  return peopleSchema.parse(JSON.parse(readFileSync(dir.path('demo/people.json'), 'utf8')))
}

/** A cycle that was cut short leaves half a demonstration; the next start begins it again. */
export function isCycleDone(dir: DataDir): boolean {
  return existsSync(dir.path('demo/done'))
}

export function markCycleDone(dir: DataDir): void {
  writeFileSync(dir.path('demo/done'), '', { mode: 0o600 })
}
