/**
 * The decision of who may do what, by Cedar, in process. The only place that asks it.
 *
 * It decides over what signatures already showed (`decideAccess` in core): neither alone opens anything. Only the entities of one
 * question are handed over, so that a decision costs the same with a hundred participants and a hundred thousand.
 */
import { createRequire } from 'node:module'
import type { AuthorizationAnswer, CedarValueJson, EntityJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { Grant } from '@fairtrace/core'
import { type Charter, charterHash, FairtraceError } from '@fairtrace/core'
import { type AccessAction, CEDAR_SCHEMA, type EntityUid, entity } from './cedar-schema.ts'
import { accessPolicies } from './policies.ts'

// The package's WebAssembly is CommonJS; named imports of it would be guesses of Node's.
const cedar: typeof import('@cedar-policy/cedar-wasm/nodejs') = createRequire(import.meta.url)(
  '@cedar-policy/cedar-wasm/nodejs',
)
const SCHEMA = 'fairtrace'

/** A person as the organisation's sign-in states them. */
export interface Person {
  readonly name: string
  readonly groups: readonly string[]
}

export type Resource = { readonly kind: 'recordings' } | { readonly kind: 'release'; readonly release: string }

/** A grant as its signatures showed it: who asked, who approved in which role, from when to when. */
export interface ShownGrant {
  readonly requester: string
  readonly group: string
  readonly resource: Resource
  readonly purpose: string
  readonly epoch: number
  readonly lengthMs: number
  readonly activeFromMs: number
  readonly endsAtMs: number
  readonly dataProtection: string
  readonly workerRepresentative: string
}

/** From the process that opens, never from who asks. */
export interface OpeningNow {
  readonly nowMs: number
  readonly epoch: number
  readonly purpose: string
}

/** `policies` are the ids that decided; empty where nothing permits it. */
export interface PolicyDecision {
  readonly allow: boolean
  readonly policies: readonly string[]
}

export class AccessPolicies {
  readonly charter: Charter
  readonly #set: string
  readonly #programme: EntityUid

  /** @throws `CHARTER_INVALID` if the policies of this charter don't hold against the schema */
  constructor(charter: Charter) {
    this.charter = charter
    this.#set = charterHash(charter)
    this.#programme = entity('Programme', charter.programme)
    const staticPolicies = accessPolicies(charter)
    const checked = cedar.validate({
      schema: CEDAR_SCHEMA,
      policies: { staticPolicies },
      validationSettings: { mode: 'strict' },
    })
    const isSound = checked.type === 'success' && checked.validationErrors.length === 0
    const parsed = isSound ? cedar.preparsePolicySet(this.#set, { staticPolicies }) : null
    const schema = cedar.preparseSchema(SCHEMA, CEDAR_SCHEMA)
    if (parsed?.type !== 'success' || schema.type !== 'success') {
      throw new FairtraceError('CHARTER_INVALID', 'the access policies of this charter do not hold together')
    }
  }

  /** Whether keys of `resource` may open for `person` under `grant`, now. */
  decideOpen(person: Person, resource: Resource, grant: ShownGrant, now: OpeningNow): PolicyDecision {
    const { requester, group, dataProtection, workerRepresentative, resource: granted, ...times } = grant
    const context = {
      ...now,
      grant: {
        ...times,
        requester: reference(entity('Person', requester)),
        group: reference(entity('Group', group)),
        resource: reference(this.#resource(granted)),
        dataProtection: reference(entity('Person', dataProtection)),
        workerRepresentative: reference(entity('Person', workerRepresentative)),
      },
    }
    if (granted.kind !== resource.kind) return { allow: false, policies: [] }
    return this.#decide(
      resource.kind === 'recordings' ? 'open-recordings' : 'open-release',
      entity('Person', person.name),
      this.#resource(resource),
      context,
      [this.#person(person), this.#inProgramme(this.#resource(resource))],
    )
  }

  /** Whether `person` may ask for `resource` at all. */
  decideRequest(
    person: Person,
    resource: Resource,
    wish: { readonly purpose: string; readonly lengthMs: number; readonly isRunning: boolean },
  ): PolicyDecision {
    const uid = this.#resource(resource)
    return this.#decide('request', entity('Person', person.name), uid, { ...wish }, [
      this.#person(person),
      this.#inProgramme(uid),
    ])
  }

  /** Whether `approver` may approve a grant that `requester` asked for. */
  decideApprove(approver: string, grant: { readonly id: string; readonly requester: string }): PolicyDecision {
    const uid = entity('Grant', grant.id)
    const attrs = { requester: reference(entity('Person', grant.requester)) }
    return this.#decide('approve', entity('Person', approver), uid, {}, [this.#inProgramme(uid, attrs)])
  }

  /** Whether a participant may see or export the data of `owner`; `passkey` says whether theirs was just shown. */
  decideOwn(action: 'view-own' | 'export-own', participant: string, owner: string, passkey: boolean): PolicyDecision {
    const uid = entity('OwnData', owner)
    const attrs = { owner: reference(entity('Participant', owner)) }
    return this.#decide(action, entity('Participant', participant), uid, { passkey }, [this.#inProgramme(uid, attrs)])
  }

  #decide(
    action: AccessAction,
    principal: EntityUid,
    resource: EntityUid,
    context: Record<string, CedarValueJson>,
    entities: EntityJson[],
  ): PolicyDecision {
    let answer: AuthorizationAnswer
    try {
      answer = cedar.statefulIsAuthorized({
        principal,
        action: entity('Action', action),
        resource,
        context,
        entities,
        preparsedPolicySetId: this.#set,
        preparsedSchemaName: SCHEMA,
        validateRequest: true,
      })
    } catch {
      // Fails closed: what Cedar can't judge is not allowed.
      return { allow: false, policies: [] }
    }
    if (answer.type !== 'success') return { allow: false, policies: [] }
    const { decision, diagnostics } = answer.response
    // A policy that could not be evaluated might have been one that forbids.
    const allow = decision === 'allow' && diagnostics.errors.length === 0
    return { allow, policies: diagnostics.reason }
  }

  #resource(resource: Resource): EntityUid {
    return resource.kind === 'recordings'
      ? entity('Recordings', this.charter.programme)
      : entity('Release', resource.release)
  }

  #person({ name, groups }: Person): EntityJson {
    return { uid: entity('Person', name), attrs: {}, parents: groups.map((group) => entity('Group', group)) }
  }

  #inProgramme(uid: EntityUid, attrs: Record<string, CedarValueJson> = {}): EntityJson {
    return { uid, attrs, parents: [this.#programme] }
  }
}

let last: AccessPolicies | null = null

/** The policies of this charter; made anew only when another one is asked about. */
export function accessPoliciesOf(charter: Charter): AccessPolicies {
  if (last === null || (last.charter !== charter && charterHash(last.charter) !== charterHash(charter))) {
    last = new AccessPolicies(charter)
  }
  return last
}

/** What a grant reaches. */
export function resourceOf({ scope }: Pick<Grant, 'scope'>): Resource {
  return scope.kind === 'recordings' ? { kind: 'recordings' } : { kind: 'release', release: scope.release }
}

function reference(uid: EntityUid): CedarValueJson {
  return { __entity: uid }
}
