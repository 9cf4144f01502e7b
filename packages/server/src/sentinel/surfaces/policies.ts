/**
 * What the access policies allow, enumerated; held against what the charter says in its own words.
 *
 * A grant counts by its signatures alone, as in the vault. A row that says "active" and has none of them opens nothing, and is an
 * exposure all the same: somebody wrote it.
 */
import {
  activationSchema,
  approvalSchema,
  type Charter,
  decideAccess,
  grantHash,
  grantSchema,
  printableName,
  type Reader,
} from '@fairtrace/core'
import { z } from 'zod'
import { accessPoliciesOf, type Person, type Resource, resourceOf } from '../../access/access-policies.ts'
import type { Finding } from '../../runtime/findings.ts'
import { verifyEd25519 } from '../../runtime/jws.ts'
import { verifyPasskey } from '../../runtime/passkey-signature.ts'
import type { Programme } from '../../runtime/programme.ts'
import type { OpenDatabase } from '../../store/database.ts'
import { type LiveGrant, PolicyAudience, type PolicyWorld, type ReachRow } from '../audience/policy-audience.ts'
import type { Observation } from './observation.ts'

const rowSchema = z.object({
  id: z.string(),
  document: grantSchema,
  approvals: z.array(approvalSchema.loose()),
  refused: z.boolean(),
  ended: z.boolean(),
  state: z.string().nullable(),
  activation: activationSchema.nullable(),
})
const peopleSchema = z.array(z.object({ account: z.string(), name: z.string(), groups: z.array(z.string()) }))
/** What isn't there says that a row was written past whoever signs. Anything else is a grant whose time or charter is over. */
const FORGED: ReadonlySet<string> = new Set(['approval-missing', 'not-active', 'too-many-approvals'])

/** A purpose that nobody named: it must open nothing. */
const ANY_OTHER_PURPOSE = 'any other purpose'

/** Keeps what it knows between looks, so that one more person or grant costs little. */
export class PolicySurface {
  readonly #database: OpenDatabase
  readonly #nowMs: () => number
  #audience: PolicyAudience | null = null
  #people = new Map<string, string>()

  constructor(database: OpenDatabase, nowMs: () => number) {
    this.#database = database
    this.#nowMs = nowMs
  }

  /** @throws what the database throws, and `CHARTER_INVALID` where policies can't be enumerated */
  async look(programme: Programme): Promise<Observation> {
    const { live, forged } = await this.#grants(programme)
    const { rows: releases } = await this.#database.pool.query<{ id: string }>(
      'select id from release.releases order by created_at_ms, id',
    )
    const { charter, epoch, state } = programme
    const world: PolicyWorld = {
      policies: accessPoliciesOf(charter),
      grants: live,
      resources: [{ kind: 'recordings' }, ...releases.map(({ id }): Resource => ({ kind: 'release', release: id }))],
      purposes: [charter.purpose.term, ...charter.forbiddenPurposes, ANY_OTHER_PURPOSE],
      nowMs: this.#nowMs(),
      epoch,
      isRunning: state === 'running',
    }
    if (this.#audience === null) this.#audience = new PolicyAudience(world)
    else this.#audience.setWorld(world)
    await this.#readPeople(this.#audience)
    return judgePolicies(charter, world, this.#audience, forged)
  }

  async #readPeople(audience: PolicyAudience): Promise<void> {
    const { rows } = await this.#database.pool.query('select account, name, groups from access.people')
    const now = new Map(peopleSchema.parse(rows).map((row) => [row.account, row]))
    for (const account of this.#people.keys()) {
      if (now.has(account)) continue
      audience.removePerson(account)
      this.#people.delete(account)
    }
    for (const [account, { name, groups }] of now) {
      const text = JSON.stringify([name, groups])
      if (this.#people.get(account) === text) continue
      audience.setPerson(account, { name, groups } satisfies Person)
      this.#people.set(account, text)
    }
  }

  async #grants(programme: Programme): Promise<{ live: readonly LiveGrant[]; forged: readonly Finding[] }> {
    const { rows } = await this.#database.pool.query(
      `select g.id, g.document, g.approvals, g.refusal is not null as refused, g.ended is not null as ended, a.state, a.activation
       from access.grants g left join vault.activations a on a.grant_hash = g.hash
       where a.state = 'active' order by g.requested_at_ms, g.id`,
    )
    const live: LiveGrant[] = []
    const forged: Finding[] = []
    const now = { nowMs: this.#nowMs(), epoch: programme.epoch }
    const signatures = { ed25519: verifyEd25519, passkey: verifyPasskey }
    for (const row of rows) {
      const parsed = rowSchema.safeParse(row)
      if (!parsed.success) {
        forged.push(forgedRow(String(row.id), 'grant-malformed'))
        continue
      }
      const { id, document, activation, refused, ended } = parsed.data
      const approvals = parsed.data.approvals.map(({ approver, assertion }) => ({ approver, assertion }))
      const decision = decideAccess(programme.charter, document, approvals, activation, now, signatures)
      if (!decision.allow) {
        if (FORGED.has(decision.reason)) forged.push(forgedRow(id, decision.reason))
        continue
      }
      if (refused || ended || activation === null || activation.grant !== grantHash(document)) continue
      const { requester, purpose, epoch, lengthMs } = document
      live.push({
        id,
        shown: {
          requester: requester.name,
          group: requester.group,
          resource: resourceOf(document),
          purpose,
          epoch,
          lengthMs,
          activeFromMs: activation.activeFromMs,
          endsAtMs: activation.endsAtMs,
          dataProtection: decision.approvers['data-protection'],
          workerRepresentative: decision.approvers['worker-representative'],
        },
      })
    }
    return { live, forged }
  }
}

/** What the policies allow, against what the charter says: its audience, its one purpose, grants of theirs, and no more people. */
export function judgePolicies(
  charter: Charter,
  world: PolicyWorld,
  audience: PolicyAudience,
  forged: readonly Finding[] = [],
): Observation {
  const declared: Reader[] = []
  const readers: Reader[] = []
  const unexpected = new Map<string, Finding>()
  for (const row of audience.rows()) {
    const reader = readerOf(row)
    readers.push(reader)
    if (isDeclared(charter, world, row)) declared.push(reader)
    else {
      const subject = `policy ${row.can} ${nameOfResource(row.resource)}`
      unexpected.set(subject, { kind: 'reader-unexpected', subject, detail: { ...reader, people: row.people } })
    }
  }
  for (const { name, role } of charter.approvers) {
    const reader = {
      who: `person ${printableName(name)}`,
      what: `approve grants as ${role}`,
      through: 'charter, approvers',
    }
    declared.push(reader)
    readers.push(reader)
  }
  const tooLarge = charter.audience.flatMap(({ group, sizeMax }): Finding[] => {
    const people = audience.sizeOf(group)
    if (people <= sizeMax) return []
    return [{ kind: 'audience-too-large', subject: `group ${printableName(group)}`, detail: { people, sizeMax } }]
  })
  return { declared, readers, findings: [...unexpected.values(), ...tooLarge, ...forged], notShown: NOT_SHOWN }
}

const NOT_SHOWN = [
  'People whom the organisation put into a group and who never signed in here: their groups are learned at sign-in, before they can ask.',
]

/** By the charter's fields, and not by the policies made of them. */
function isDeclared(charter: Charter, world: PolicyWorld, row: ReachRow): boolean {
  if (row.purpose !== charter.purpose.term) return false
  const groups = charter.audience.filter(({ group }) => row.groups.includes(group))
  if (row.can === 'ask') return world.isRunning && groups.length > 0
  const shown = world.grants.find(({ id }) => id === row.grant)?.shown
  if (shown === undefined || row.name === null) return false
  const group = groups.find((one) => one.group === shown.group)
  return (
    group !== undefined &&
    shown.requester === row.name &&
    shown.purpose === row.purpose &&
    nameOfResource(shown.resource) === nameOfResource(row.resource) &&
    shown.lengthMs <= group.grantMax &&
    shown.epoch === world.epoch &&
    shown.activeFromMs <= world.nowMs &&
    world.nowMs < shown.endsAtMs
  )
}

function readerOf({ name, groups, people, resource, purpose, can, grant }: ReachRow): Reader {
  const all = `everybody in ${groups.map(printableName).join(' and ') || 'no group'} (${people})`
  return {
    who: name === null ? all : `person ${printableName(name)}`,
    what: `${can === 'open' ? 'open' : 'ask for'} ${nameOfResource(resource)} for ${printablePurpose(purpose)}`,
    through: grant === null ? 'charter, audience' : `grant ${printableName(grant)}`,
  }
}

function nameOfResource(resource: Resource): string {
  return resource.kind === 'recordings' ? 'recordings' : `release ${resource.release}`
}

function printablePurpose(purpose: string): string {
  return /^(?:dpv:[A-Za-z]+|any other purpose)$/.test(purpose) ? purpose : printableName(purpose)
}

function forgedRow(id: string, reason: string): Finding {
  return { kind: 'rows-forged', subject: `grant ${printableName(id)}`, detail: { reason } }
}
